"""Where the runs of tests come from, and where they stand among others."""

from benchmark_exporter.ledger import Rank
from benchmark_exporter.model import Scope

# The environment and project of tests that write to the ledger themselves.
SCOPE = Scope("project", "local", "", "main")


def ranked(timestamp_seconds: float, at: float) -> Rank:
    """The rank of a run that was made at one time and is recorded when the clock shows another."""
    return Rank(min(timestamp_seconds, at), 0, at)
