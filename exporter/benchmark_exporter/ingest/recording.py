"""Records read files in the ledger: the file, its document, and what follows from that.

All of it happens in the transaction that is handed in, so that a crash counts nothing twice.
"""

import logging
from collections.abc import Callable, Container, Sequence

from msgspec.structs import replace

from benchmark_exporter.counters import (
    FAILURES,
    FILES_DUPLICATE,
    FILES_INGESTED,
    FILES_REJECTED,
    PIPELINE_RUNS,
    RUN_CONFLICTS,
    RUNS,
    UNTRACKED_BRANCH_RUNS,
)
from benchmark_exporter.formats import Sidecar, growing_formats
from benchmark_exporter.ingest.branches import without_prefix
from benchmark_exporter.ingest.defaults import Defaults
from benchmark_exporter.ingest.gates import record_gates
from benchmark_exporter.ingest.growing_documents import leave_out_recorded
from benchmark_exporter.ingest.imported_again import was_imported
from benchmark_exporter.ingest.inbox import Candidate
from benchmark_exporter.ingest.judging import LateRun, compare_run, judge_late_runs, judge_run
from benchmark_exporter.ingest.log_lines import Lasting, LogLine, lasting
from benchmark_exporter.ingest.naming import record_names
from benchmark_exporter.ingest.observing import observe, shown_names
from benchmark_exporter.ingest.reading import ReadFile, internal_error
from benchmark_exporter.ingest.tracking import BranchTracking
from benchmark_exporter.ledger import (
    AddedRun,
    LedgerError,
    Rank,
    Subject,
    Transaction,
)
from benchmark_exporter.limits import LimitsFor
from benchmark_exporter.model import (
    Baseline,
    Document,
    PipelineRun,
    Rejected,
    Run,
    Scope,
)
from benchmark_exporter.regression import Policy

log = logging.getLogger(__name__)


class Recorder:
    """Records files. `known` has the name of every file that was recorded."""

    def __init__(
        self,
        policy: Policy,
        limits: LimitsFor,
        defaults: Defaults,
        known: Container[str],
        clock: Callable[[], float],
    ) -> None:
        self._policy = policy
        self._limits = limits
        self._defaults = defaults
        self._tracking = BranchTracking(defaults.branches)
        self._bounds_ms = tuple(defaults.execution_time_bounds_ms)
        self._known = known
        self._clock = clock
        self._late: list[LateRun] = []  # recorded, and not judged yet

    def record_all(
        self, transaction: Transaction, reads: Sequence[ReadFile]
    ) -> list[LogLine | None]:
        """Records a batch; returns for each file what to log, None if there is nothing new.

        Raises:
            LedgerError: the ledger cannot be read or written.
            Exception: any other is the fault of a file. The transaction has to be undone, and
                `record_each` shows in another one whose fault it is.
        """
        with transaction.whole():
            lines = [self._record(transaction, read) for read in reads]
            self.judge_late(transaction)
            return lines

    def record_each(
        self, transaction: Transaction, reads: Sequence[ReadFile]
    ) -> list[LogLine | None]:
        """Like `record_all`, but the failure of a file rejects it and does not undo the others."""
        return [self._record_alone(transaction, read) for read in reads]

    def _record_alone(self, transaction: Transaction, read: ReadFile) -> LogLine | None:
        """Records one file in a step of its own, so that its failure does not undo the others."""
        self.discard()
        try:
            with transaction.step():
                line = self._record(transaction, read)
                self.judge_late(transaction)
                return line
        except LedgerError:
            raise
        except Exception as error:
            rejected = internal_error(read.candidate, error)
        with transaction.step():
            return self._record(transaction, replace(read, outcome=rejected))

    def discard(self) -> None:
        """Judges no runs that were recorded in a transaction or step that is undone."""
        self._late.clear()

    def judge_late(self, transaction: Transaction) -> None:
        """Judges the late runs that were recorded, together."""
        late, self._late = self._late, []
        for each in judge_late_runs(transaction, late, self._limits, self._clock()):
            log.warning(lasting(Lasting([each.name]), each.run_id))

    def _record(self, transaction: Transaction, read: ReadFile) -> LogLine | None:
        now = self._clock()
        candidate, outcome = read.candidate, read.outcome
        if isinstance(outcome, Sidecar) and (late_for := self._late_for(transaction, read)):
            outcome = Rejected(
                "late_sidecar", f"{late_for} was ingested without it; write the sidecar first"
            )
        rejected = outcome if isinstance(outcome, Rejected) else None
        if self._is_unchanged(transaction, read, rejected, now):
            return None
        transaction.record_file(candidate.name, candidate.signature, read.digest, rejected, now)
        if isinstance(outcome, Rejected):
            transaction.record_rejection(candidate.name, outcome, now)
            transaction.count(FILES_REJECTED.name, (outcome.reason,), now)
            return LogLine(logging.WARNING, f"rejected: {outcome}")
        if isinstance(outcome, Sidecar):
            return None
        if read.sidecar is not None:
            sidecar: Candidate = read.sidecar.candidate
            transaction.file(sidecar.name)  # it may have been rejected alone
            transaction.record_file(sidecar.name, sidecar.signature, read.sidecar.digest, None, now)
        if isinstance(outcome, Run):
            project = outcome.project or self._defaults.project
            if was_imported(transaction, outcome, project, read.digest, now):
                transaction.add_document(read.identity, read.digest, outcome.format, now)
                transaction.count(FILES_DUPLICATE.name, (), now)
                return LogLine(logging.INFO, "already known from a history that was imported")
        return self.record_document(transaction, read.identity, read.digest, outcome, now)

    def _is_unchanged(
        self, transaction: Transaction, read: ReadFile, rejected: Rejected | None, now: float
    ) -> bool:
        """Whether the file was recorded before with the same content and outcome."""
        candidate = read.candidate
        # A file that is not known has no row, except a sidecar recorded with its document.
        if candidate.name not in self._known and not candidate.is_sidecar:
            return False
        before = transaction.file(candidate.name)
        if before is None or before.reason not in (None, rejected.reason if rejected else None):
            return False
        # A rejected file is read again after a start, and an ingested one for its new sidecar.
        if before.signature == candidate.signature:
            return True
        if read.digest and before.digest == read.digest:  # touched, but the same bytes
            reason = None if before.reason is None else rejected
            transaction.record_file(candidate.name, candidate.signature, read.digest, reason, now)
            return True
        return False

    def _late_for(self, transaction: Transaction, read: ReadFile) -> str | None:
        """The document that was ingested without its sidecar, which arrives after it."""
        before = transaction.file(read.candidate.name)
        if before is not None and before.reason is None and before.digest == read.digest:
            return None
        for name in read.candidate.document_names:
            document = transaction.file(name)
            if document is not None and document.reason is None:
                return name
        return None

    def record_document(
        self,
        transaction: Transaction,
        identity: bytes,
        digest: bytes,
        document: Document,
        now: float,
    ) -> LogLine:
        """Records a document that is known by `identity`; its late runs are judged later.

        `digest` is that of the file's bytes, `now` is in seconds since 1970.
        """
        if not transaction.add_document(identity, digest, document.format, now):
            transaction.count(FILES_DUPLICATE.name, (), now)
            return LogLine(logging.INFO, "already known")
        if isinstance(document, Baseline):
            transaction.count(FILES_INGESTED.name, (document.format,), now)
            return LogLine(
                logging.INFO, f"a baseline of {len(document.benchmarks)} benchmarks, not a run"
            )
        level = Lasting()
        if isinstance(document, PipelineRun):
            new = self._add_pipeline_run(transaction, document, now)
        else:
            new, level = self._add_run(transaction, document, now)
        if not new:
            transaction.count(FILES_DUPLICATE.name, (), now)
            return LogLine(logging.INFO, "already known from another file")
        transaction.record_ingest(now)
        transaction.count(FILES_INGESTED.name, (document.format,), now)
        text = f"ingested a {document.format} document, run {document.run_id}"
        if isinstance(document, Run) and document.notes:
            text = "; ".join((text, *document.notes))
        if any(level):
            return LogLine(logging.WARNING, f"{text}; {lasting(level, document.run_id)}")
        return LogLine(logging.INFO, text)

    def _add_pipeline_run(self, transaction: Transaction, run: PipelineRun, now: float) -> bool:
        project = run.project or self._defaults.project
        if not transaction.add_pipeline_run(run, project, self._rank(run, now), now):
            return False
        subject = Subject.pipeline(project, run.pipeline, run.branch, run.trigger)
        transaction.see(subject, now, self._defaults.series_max_age_seconds)
        for status in ("pass", "fail"):
            by = int(run.passed == (status == "pass"))
            transaction.count(PIPELINE_RUNS.name, (project, run.pipeline, status), now, by=by)
        return True

    def _add_run(self, transaction: Transaction, run: Run, now: float) -> tuple[bool, Lasting]:
        """Whether anything of it is new, and what became the level with it."""
        level = Lasting()
        environment = run.environment or self._defaults.environment
        project = run.project or self._defaults.project
        if run.branch.startswith("refs/"):
            run = replace(run, branch=without_prefix(run.branch))
        whole = run
        if run.format in growing_formats():
            run = leave_out_recorded(transaction, run, project, environment, now)
            if not run.outcomes:
                return False, level
        placed = self._tracking.place(transaction, run, project)
        line, aliases = placed.line, self._defaults.aliases
        run = record_names(transaction, run, project, aliases, tracked=line.tracked)
        scope = Scope(project, environment, run.machine_class, line.branch)
        added = transaction.add_run(run, scope, self._rank(run, now), now, tracked=line.tracked)
        row, new = added.row, added.new
        # Else it conflicts with what the document was before it grew.
        if added.conflict and len(run.results) == len(whole.results):
            transaction.count(RUN_CONFLICTS.name, (), now)
        if new:
            self._tracking.count(transaction, run, project, placed)
            if line.tracked:
                self._count(transaction, run, scope, now)
                level = self._judge(transaction, added, run, scope, now)
            else:
                transaction.count(UNTRACKED_BRANCH_RUNS.name, (project,), now)
                compare_run(transaction, added, run, scope, self._limits)
        amended = record_gates(transaction, row, run, scope, self._policy, now, counts=line.tracked)
        return new or amended, level

    def _judge(
        self, transaction: Transaction, added: AddedRun, run: Run, scope: Scope, now: float
    ) -> Lasting:
        if added.late:
            self._late.append(LateRun(added, run, scope))
            return Lasting()
        return judge_run(transaction, added, run, scope, self._limits, now)

    def _count(self, transaction: Transaction, run: Run, scope: Scope, now: float) -> None:
        """Counts a run of a tracked branch, and shows what belongs to it."""
        outcomes = run.outcomes
        for name in shown_names(run, outcomes):
            subject = Subject.benchmark(scope, name)
            transaction.see(subject, now, self._defaults.series_max_age_seconds)
        where = scope.key
        for result in run.results:
            observe(transaction, result, where, self._bounds_ms, now)
        for benchmark, failed in outcomes.items():
            transaction.count(RUNS.name, (*where, benchmark), now)
            transaction.count(FAILURES.name, (*where, benchmark), now, by=int(failed))

    def _rank(self, run: Run | PipelineRun, now: float) -> Rank:
        horizon = now + self._defaults.clock_tolerance_seconds
        ahead = run.timestamp_seconds > horizon
        return Rank(now if ahead else run.timestamp_seconds, 0, horizon, ahead)
