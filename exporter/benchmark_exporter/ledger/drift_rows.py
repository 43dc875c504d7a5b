"""The rows of drifts; see `drifts`."""

from collections.abc import Mapping

import msgspec


class DriftRow(msgspec.Struct, frozen=True):
    """A drift of a series.

    `since_seconds` is when the run was made that showed it first; for the others see `judge.Drift`.
    """

    since_seconds: float
    compared_seconds: float
    ratios: Mapping[str, float]


class DriftChecksRow(msgspec.Struct, frozen=True):
    """The newest run when all series were last checked for drifts; 0: never."""

    last_run: int
