"""The one path a file takes: read, parsed, judged, recorded. It has happened when its transaction has committed."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark_exporter.formats import parse
from benchmark_exporter.inbox import Candidate, Inbox
from benchmark_exporter.ledger import Ledger, Transaction
from benchmark_exporter.model import SEVERITIES, Document, PipelineRun, Rejected, Run
from benchmark_exporter.regression import Policy, judge

log = logging.getLogger(__name__)

BATCH_FILES = 500
# Names of the ledger's running totals; what they are called on /metrics is the collector's business.
INGESTED, DUPLICATE, REJECTED, CONFLICTS = "files_ingested", "files_duplicate", "files_rejected", "run_conflicts"
RUNS, REGRESSIONS, REGRESSIONS_BY_COMMIT, PIPELINE_RUNS = "runs", "regressions", "regressions_by_commit", "pipeline_runs"
EXECUTION_TIME = "execution_time_ms"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a document that does not say belongs to, and how long a label value may be."""

    project: str
    environment: str
    max_label_length: int
    execution_time_bounds_ms: Sequence[float]
    settle_seconds: float


@dataclass(frozen=True, slots=True)
class _Read:
    candidate: Candidate
    digest: bytes | None
    outcome: Document | Rejected


class Ingest:
    """Brings new files of the inbox into the ledger. `publish` is called after each commit that changed the state.

    `clock` gives seconds since 1970, `monotonic` seconds that never go back. One thread at a time.
    """

    def __init__(
        self,
        ledger: Ledger,
        inbox: Inbox,
        policy: Policy,
        defaults: Defaults,
        *,
        publish: Callable[[], None],
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._inbox = inbox
        self._policy = policy
        self._defaults = defaults
        self._publish = publish
        self._clock = clock
        self._monotonic = monotonic
        self._known = ledger.signatures()
        # Files that end early: their signature and since when they have been still.
        self._young: dict[str, tuple[tuple[int, int, int], float]] = {}

    @property
    def pending_files(self) -> int:
        return len(self._young)

    def scan(self) -> None:
        """Ingests whatever is new in the whole folder and forgets files that have gone."""
        candidates = self._inbox.scan()
        present = {candidate.name for candidate in candidates}
        gone = [path for path in self._known if path not in present]
        if gone:
            with self._ledger.transaction() as transaction:
                transaction.forget_files(gone)
            for path in gone:
                del self._known[path]
            self._publish()
        for path in [path for path in self._young if path not in present]:
            del self._young[path]
        self._take(candidates)

    def look(self, paths: Iterable[Path]) -> None:
        """Ingests what is new among the paths that an event named."""
        self._take(self._inbox.look(paths))

    def count_notification(self, alertname: str, severity: str, status: str) -> None:
        """Counts an alert that Alertmanager delivered."""
        with self._ledger.transaction() as transaction:
            labels = tuple(self._clip(value) for value in (alertname, severity, status))
            transaction.count("notifications_received", labels, self._clock())
        self._publish()

    def _take(self, candidates: Sequence[Candidate]) -> None:
        fresh = [candidate for candidate in candidates if self._known.get(candidate.name) != candidate.signature]
        for start in range(0, len(fresh), BATCH_FILES):
            reads = [read for candidate in fresh[start : start + BATCH_FILES] if (read := self._read(candidate)) is not None]
            if not reads:
                continue
            with self._ledger.transaction() as transaction:
                lines = [self._record(transaction, read) for read in reads]
            for read, (level, line) in zip(reads, lines, strict=True):
                self._known[read.candidate.name] = read.candidate.signature
                self._young.pop(read.candidate.name, None)
                log.log(level, line, extra={"fields": {"file": read.candidate.name}})
            self._publish()

    def _read(self, candidate: Candidate) -> _Read | None:
        """The file's document or its rejection; None when it is still being written or has gone."""
        digest = None
        try:
            data = self._inbox.read(candidate)
            digest = hashlib.sha256(data).digest()
            return _Read(candidate, digest, parse(data))
        except FileNotFoundError:
            return None
        except Rejected as rejected:
            if rejected.reason in ("truncated", "malformed_json", "not_utf8") and not self._has_settled(candidate):
                return None
            return _Read(candidate, digest, rejected)

    def _has_settled(self, candidate: Candidate) -> bool:
        signature, since = self._young.get(candidate.name, (None, 0.0))
        if signature != candidate.signature:
            self._young[candidate.name] = (candidate.signature, self._monotonic())
            return False
        return self._monotonic() - since >= self._defaults.settle_seconds

    def _record(self, transaction: Transaction, read: _Read) -> tuple[int, str]:
        now = self._clock()
        path, digest, outcome = read.candidate.name, read.digest, read.outcome
        touched = digest is not None and transaction.digest_of(path) == digest
        if isinstance(outcome, Rejected):
            transaction.record_file(path, read.candidate.signature, digest, outcome, now)
            if not touched:
                transaction.count(REJECTED, (outcome.reason,), now)
            return logging.WARNING, f"rejected: {outcome}"
        assert digest is not None
        known = transaction.known(digest)
        transaction.record_file(path, read.candidate.signature, digest, None, now)
        if known:
            if not touched:
                transaction.count(DUPLICATE, (), now)
            return logging.INFO, "known already"
        transaction.record_document(digest, outcome.format, now)
        new = self._add_pipeline(transaction, outcome, now) if isinstance(outcome, PipelineRun) else self._add_run(transaction, outcome, now)
        if not new:
            transaction.count(DUPLICATE, (), now)
            return logging.INFO, "known already, in other words"
        transaction.count(INGESTED, (outcome.format,), now)
        return logging.INFO, f"ingested a {outcome.format} document, run {outcome.run_id}"

    def _add_pipeline(self, transaction: Transaction, run: PipelineRun, now: float) -> bool:
        if not transaction.add_pipeline_run(run):
            return False
        for status in ("pass", "fail"):
            transaction.count(PIPELINE_RUNS, (self._clip(run.pipeline), status), now, by=int(run.passed == (status == "pass")))
        return True

    def _add_run(self, transaction: Transaction, run: Run, now: float) -> bool:
        clip = self._clip
        environment = clip(run.environment or self._defaults.environment)
        row, new, conflict = transaction.add_run(run, run.project or self._defaults.project, environment, now)
        if conflict:
            transaction.count(CONFLICTS, (), now)
        if new:
            for result in run.results:
                labels = (clip(f"{result.benchmark}/{result.variant}"), "median", environment)
                bounds = self._defaults.execution_time_bounds_ms
                transaction.observe(EXECUTION_TIME, labels, result.statistics.p50_seconds * 1e3, bounds, now)
            for benchmark in dict.fromkeys(result.benchmark for result in run.results):
                transaction.count(RUNS, (clip(benchmark), environment), now)
        amended = False
        for comparison in run.comparisons:
            verdict = judge(comparison, self._policy)
            counted = transaction.record_verdict(row, verdict, comparison.speedup_p50_ratio, comparison.speedup_p95_ratio)
            amended |= verdict.gate.passed is not None
            for severity in SEVERITIES:
                transaction.count(REGRESSIONS, (clip(comparison.benchmark), severity), now, by=int(severity == counted))
            if counted is not None:
                transaction.count(REGRESSIONS_BY_COMMIT, (clip(comparison.benchmark), counted, clip(run.commit_hash)), now)
        return new or amended

    def _clip(self, value: str) -> str:
        limit = self._defaults.max_label_length
        return value if len(value) <= limit else value[: limit - 1] + "…"
