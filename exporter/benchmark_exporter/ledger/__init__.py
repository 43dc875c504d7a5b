"""What has happened, in SQLite: the only place that uses sqlite3.

Contract
- One thread writes and reads, the one that opened it. A scrape never waits for it. Another process
  may pin a baseline meanwhile.
- `transaction()` is all or nothing. What happened (runs, results, gate outcomes, verdicts, pipeline
  runs, rejections), the running totals that a scrape shows (counters, histograms, totals, newest_*)
  and what the next run is judged by (series, shifts) change together, so a crash at any instant
  loses nothing and counts nothing twice. What a transaction gathers before it writes it is
  described in `write_buffer`.
- A document is known by the digest of its bytes; a run by (project, run_id, digest of its
  measurements).
- Every commit that changes the state carries a number, `commits`.
- `state()` costs by the number of series asked for, never by the number of runs. What has changed
  since is known: `changed_states` reads only that.
- `prune()` never moves a number that a scrape shows; see `retention`.
"""

from benchmark_exporter.ledger.baselines import KnownRun, PinnedResult
from benchmark_exporter.ledger.branch_runs import BranchRuns
from benchmark_exporter.ledger.change_points import ChangePoint
from benchmark_exporter.ledger.change_search import Searched
from benchmark_exporter.ledger.connection import (
    Connect,
    LedgerError,
    connect_to_write,
    has_no_room,
    refuse_another_schema,
)
from benchmark_exporter.ledger.deletion import Deleted
from benchmark_exporter.ledger.ledger import JudgeAgain, Ledger
from benchmark_exporter.ledger.newest_rows import Rank, RunShiftRow
from benchmark_exporter.ledger.past_transaction import PastTransaction
from benchmark_exporter.ledger.places import BEGINNING, END, JudgedResult, JudgedRun, PlacedRun
from benchmark_exporter.ledger.renaming import Renamed, RenameError
from benchmark_exporter.ledger.rows import Pin, Place, Series, SeriesKey, Signature, VerdictRow
from benchmark_exporter.ledger.run_removal import Gap
from benchmark_exporter.ledger.runs import AddedRun
from benchmark_exporter.ledger.selection import ChangeSelection
from benchmark_exporter.ledger.selective_deletion import DeletedRuns, DeletionSelection
from benchmark_exporter.ledger.standings import Standing, digest_of, encode_state
from benchmark_exporter.ledger.state import (
    REGRESSIONS_BY_COMMIT,
    Histogram,
    Labels,
    NewestVerdict,
    RunningTotal,
    State,
    Subject,
    SubjectSelection,
)
from benchmark_exporter.ledger.transaction import Transaction
from benchmark_exporter.ledger.trends import Trend

__all__ = [
    "BEGINNING",
    "END",
    "REGRESSIONS_BY_COMMIT",
    "AddedRun",
    "BranchRuns",
    "ChangePoint",
    "ChangeSelection",
    "Connect",
    "Deleted",
    "DeletedRuns",
    "DeletionSelection",
    "Gap",
    "Histogram",
    "JudgeAgain",
    "JudgedResult",
    "JudgedRun",
    "KnownRun",
    "Labels",
    "Ledger",
    "LedgerError",
    "NewestVerdict",
    "PastTransaction",
    "Pin",
    "PinnedResult",
    "Place",
    "PlacedRun",
    "Rank",
    "RenameError",
    "Renamed",
    "RunShiftRow",
    "RunningTotal",
    "Searched",
    "Series",
    "SeriesKey",
    "Signature",
    "Standing",
    "State",
    "Subject",
    "SubjectSelection",
    "Transaction",
    "Trend",
    "VerdictRow",
    "connect_to_write",
    "digest_of",
    "encode_state",
    "has_no_room",
    "refuse_another_schema",
]
