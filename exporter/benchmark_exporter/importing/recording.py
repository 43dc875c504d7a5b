"""Records past runs in a ledger, in the order of their times, while its exporter may be running.

A transaction takes part of a second, and then the ledger is free for as long as a waiting exporter
needs to notice: SQLite's waiting processes look again after at most 0.1 s. An import that is
stopped has recorded the runs up to a time; run again, it finds these known and goes on.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmark_exporter.importing.past import PastRun
from benchmark_exporter.ingest.imported_again import note_imported
from benchmark_exporter.ingest.recording import Recorder
from benchmark_exporter.ledger import Ledger, LedgerError, PastTransaction
from benchmark_exporter.ledger.like_runs import LikeRuns
from benchmark_exporter.model import PipelineRun, Rejected, Run

TRANSACTION_SECONDS, PAUSE_SECONDS = 0.5, 0.1
MOST_RUNS = 1000  # of a transaction, so that one that fails is soon repeated


@dataclass(slots=True)
class Recorded:
    """What became of the runs that were to be imported.

    `known` were there before, `rejected` says of those that cannot be recorded where they are and
    why. `newest` has when each benchmark of a project had its last run, in seconds since 1970, of
    the runs that are new or known.
    """

    new: int = 0
    known: int = 0
    rejected: list[tuple[str, Exception]] = field(default_factory=list)
    newest: dict[tuple[str, str], float] = field(default_factory=dict)
    pipelines: bool = False

    @property
    def done(self) -> int:
        """How many runs were dealt with."""
        return self.new + self.known + len(self.rejected)

    @property
    def projects(self) -> set[str]:
        """The projects of the runs."""
        return {project for project, _ in self.newest}

    def see(self, run: Run | PipelineRun, project: str) -> None:
        """Notes a run of a project."""
        if isinstance(run, PipelineRun):
            self.pipelines = True
            return
        for benchmark in run.outcomes:
            key = project, benchmark
            self.newest[key] = max(self.newest.get(key, 0.0), run.timestamp_seconds)

    def add(self, other: "Recorded") -> None:
        """Adds what became of later runs."""
        self.new += other.new
        self.known += other.known
        self.rejected += other.rejected
        self.newest |= other.newest  # which are later
        self.pipelines |= other.pipelines


class PastRecorder:
    """Records past runs. `project` is that of runs which state none.

    `like` knows runs that came in another way. `clock` returns seconds since 1970, `monotonic`
    seconds that never go back.
    """

    def __init__(
        self,
        ledger: Ledger,
        recorder: Recorder,
        like: LikeRuns,
        project: str,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ledger = ledger
        self._recorder = recorder
        self._like = like
        self._project = project
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep

    def record(self, runs: Sequence[PastRun]) -> Iterator[Recorded]:
        """Records runs, oldest first; yields after each transaction what has been done so far.

        Raises:
            LedgerError: the ledger cannot be written; what was yielded is recorded.
        """
        done, outcome = 0, Recorded()
        with self._ledger.past_transaction() as transaction:
            _note_dropped(transaction, runs, self._clock())
        while done < len(runs):
            self._sleep(PAUSE_SECONDS)
            some, read = runs[done : done + MOST_RUNS], Recorded()
            try:
                with self._ledger.past_transaction() as transaction, transaction.whole():
                    taken = self._take(transaction, some, read)
                    self._recorder.judge_late(transaction)
            except LedgerError:
                raise
            except Exception:  # of one run, which must not cost the others
                self._recorder.discard()
                read, taken = Recorded(), len(some)
                with self._ledger.past_transaction() as transaction:
                    for run in some:
                        self._take_alone(transaction, run, read)
            done += taken
            outcome.add(read)
            yield outcome

    def _take(
        self, transaction: PastTransaction, runs: Sequence[PastRun], outcome: Recorded
    ) -> int:
        """Records runs until the transaction has taken long enough; how many."""
        until = self._monotonic() + TRANSACTION_SECONDS
        for number, run in enumerate(runs, 1):
            self._take_one(transaction, run, outcome)
            if self._monotonic() >= until:
                return number
        return len(runs)

    def _take_alone(self, transaction: PastTransaction, run: PastRun, outcome: Recorded) -> None:
        try:
            with transaction.step():
                self._take_one(transaction, run, outcome)
                self._recorder.judge_late(transaction)
        except LedgerError:
            raise
        except Exception as error:  # a fault of ours, or a value that cannot be stored
            self._recorder.discard()
            outcome.rejected.append((run.place, error))

    def _take_one(self, transaction: PastTransaction, past: PastRun, outcome: Recorded) -> None:
        try:
            run = past.read()
        except (Rejected, OSError) as error:
            outcome.rejected.append((past.place, error))
            return
        project, now = run.project or self._project, self._clock()
        if isinstance(run, Run) and self._like.has(run, project):
            transaction.add_document(past.identity, past.digest, run.format, now)
            outcome.known += 1
        else:
            before = transaction.recorded
            transaction.made_seconds = min(run.timestamp_seconds, now)
            self._recorder.record_document(transaction, past.identity, past.digest, run, now)
            is_new = transaction.recorded > before
            if is_new and past.content:
                for digest in (past.content, _marked(past.content)):
                    transaction.add_document(digest, past.digest, run.format, now)
            if is_new and past.is_extract and isinstance(run, Run):
                note_imported(transaction, run, project, past.digest, now)
            outcome.new += is_new
            outcome.known += not is_new
        outcome.see(run, project)


def _note_dropped(transaction: PastTransaction, runs: Sequence[PastRun], now: float) -> None:
    """Notes documents that were dropped into the results folder, where their names say nothing.

    Nothing in a document may have changed from one date to the next. Of several files with the same
    content, the newest is the one that was dropped.
    """
    newest = {run.content: run for run in runs if run.content}
    for content, run in newest.items():
        if transaction.has_document(content) and not transaction.has_document(_marked(content)):
            for digest in (run.identity, _marked(content)):
                transaction.add_document(digest, run.digest, "dropped", now)


def _marked(content: bytes) -> bytes:
    """By what a content is known that an import has dealt with."""
    return hashlib.sha256(b"imported\0" + content).digest()
