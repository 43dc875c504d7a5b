"""Which run is the newest of what it measured: rows of tables, and how runs are ranked."""

from typing import NamedTuple

import msgspec

from benchmark_exporter.ledger.state import NewestPipeline


class Rank(NamedTuple):
    """Where a run stands among others of its kind: by its time, in seconds since 1970.

    `tie` decides between runs of the same time. A rank after `horizon_seconds` was given by a clock
    that has been set back since, and no longer says what is newest. `ahead` is a run that is itself
    dated beyond it: it comes after all that have come, and before whatever is newer than those.
    """

    seconds: float
    tie: int
    horizon_seconds: float
    ahead: bool = False


class NewestVerdictRow(msgspec.Struct, frozen=True):
    run: int
    rank_seconds: float
    tie: int


class NewestShiftRow(msgspec.Struct, frozen=True):
    """The newest run of a scope that says whether there is an environment shift, and what."""

    run: int
    shifted: bool
    rank_seconds: float
    tie: int


class RunShiftRow(msgspec.Struct, frozen=True):
    """How far an environment shift reaches that a run shows: how many results moved, of how many.

    `ratio` is by how much they are worse, negative for better. `accepted` is for how many of them
    this became the level with the run, since the shift has lasted.
    """

    ratio: float
    moved: int
    judged: int
    accepted: int = 0


class NewestResultRow(msgspec.Struct, frozen=True):
    run: int
    rank_seconds: float
    tie: int


class NewestRunRow(msgspec.Struct, frozen=True):
    run: int
    failed: bool
    rank_seconds: float
    tie: int


class NewestGateOutcomeRow(msgspec.Struct, frozen=True):
    run: int
    rank_seconds: float
    tie: int


class NewestPipelineRunRow(msgspec.Struct, frozen=True):
    run: NewestPipeline
    rank_seconds: float
    tie: int
