"""What applies to documents that do not state it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from benchmark_exporter.ingest.branches import BranchRules
from benchmark_exporter.names import Aliases

_NO_ALIASES = Aliases()
_USUAL_BRANCHES = BranchRules()


@dataclass(frozen=True, slots=True)
class Defaults:
    """What applies to documents that do not state it, and how long things stay.

    `zone` is that of times without one. `execution_time_bounds_ms` are the upper bounds of the
    histogram's buckets. A file may be incomplete for `settle_seconds`, and a subject is shown for
    `series_max_age_seconds` after its last run. A run dated further ahead than
    `clock_tolerance_seconds` does not stop later ones from being judged.
    """

    project: str
    environment: str
    execution_time_bounds_ms: Sequence[float]
    settle_seconds: float
    series_max_age_seconds: float
    zone: tzinfo = UTC
    branches: BranchRules = _USUAL_BRANCHES
    clock_tolerance_seconds: float = 300.0
    aliases: Aliases = _NO_ALIASES
