"""Which recorded runs, or change points of their results, are meant."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Selection:
    """What both are selected by; None for what does not matter.

    `branch` and `machine_class` are globs. `commit_hash` may be the beginning of one. Times are in
    seconds since 1970, from `since` on and before `until`.
    """

    benchmark: str | None = None
    environment: str | None = None
    project: str | None = None
    commit_hash: str | None = None
    branch: str | None = None
    machine_class: str | None = None
    since_seconds: float = -math.inf
    until_seconds: float = math.inf

    @property
    def parameters(self) -> Mapping[str, object]:
        """The values of a statement's parameters, which have these names without a unit."""
        names = [field.name for field in fields(self)]
        return {name.removesuffix("_seconds"): getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class ChangeSelection(Selection):
    """Which change points are meant.

    `benchmark` is a glob of a result's name, with or without its variant. The commit and the time
    are those of the first run after the change.
    """


@dataclass(frozen=True, slots=True)
class RunSelection(Selection):
    """Which runs are meant.

    `benchmark` is a glob of a benchmark's name, with or without its variant; a selected run comes
    with these results only. A run that states no branch is of its project's default one. Times are
    of the runs' documents. `failed` are runs with a failed benchmark or a gate that was not passed.
    """

    failed: bool = False
