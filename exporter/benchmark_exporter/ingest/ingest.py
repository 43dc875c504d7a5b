"""The one path a file takes: read, parsed, judged, recorded. It has happened when its transaction has committed."""

import hashlib
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path

import msgspec
from msgspec.structs import replace

from benchmark_exporter.counters import (
    EXECUTION_TIME,
    FAILURES,
    FILES_DUPLICATE,
    FILES_INGESTED,
    FILES_REJECTED,
    NOTIFICATIONS_RECEIVED,
    PIPELINE_RUNS,
    REGRESSIONS,
    RUN_CONFLICTS,
    RUNS,
)
from benchmark_exporter.formats import Origin, SideFile, growing_formats, parse, parse_side_file
from benchmark_exporter.ingest.growing_documents import leave_out_recorded
from benchmark_exporter.ingest.inbox import Candidate, Inbox, Inboxes, oldest_first
from benchmark_exporter.ingest.judging import judge_run
from benchmark_exporter.ledger import Ledger, LedgerError, Subject, Transaction
from benchmark_exporter.model import (
    SEVERITIES,
    Baseline,
    Document,
    Notification,
    PipelineRun,
    Rejected,
    RejectionReason,
    Result,
    Run,
)
from benchmark_exporter.regression import Limits, Policy, check_gate

log = logging.getLogger(__name__)

BATCH_FILES = 1000
STEP_FILES = 500  # of a scan
# Of so many new files the side files are found by listing the folder: to look for one that is not there takes a tenth of a file's time.
LISTED_FILES = 200
# Of a batch that has more news than this, only what somebody has to act on has a log line of its own.
LOGGED_FILES = 20
# What a file still being written, or not yet handed over to its reader, may look like.
YOUNG: frozenset[RejectionReason] = frozenset(
    {"truncated", "malformed_json", "not_utf8", "unreadable"}
)
# hyperfine makes its file before it runs its first command, which may take minutes.
EMPTY_SETTLE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a document that does not say belongs to, how times are dealt out to buckets, how long a file may be young and a series old.

    `zone` is that of times that state none.
    """

    project: str
    environment: str
    execution_time_bounds_ms: Sequence[float]
    settle_seconds: float
    series_max_age_seconds: float
    zone: tzinfo = UTC


class _Read(msgspec.Struct, frozen=True):
    """A file and what it turned out to be; digest empty where it could not be read. `side` is what was read with it."""

    candidate: Candidate
    digest: bytes
    outcome: Document | SideFile | Rejected
    side: "_Side | None" = None

    @property
    def identity(self) -> bytes:
        """What tells the document from others: its bytes and its side file's, since two commits may measure the very same."""
        return (
            self.digest
            if self.side is None
            else hashlib.sha256(self.digest + self.side.digest).digest()
        )


class _Side(msgspec.Struct, frozen=True):
    """A side file as it was read with its document."""

    candidate: Candidate
    digest: bytes
    data: bytes


class Ingest:
    """Brings new files of the inbox into the ledger. `publish` is called after each commit that changed the state.

    `clock` gives seconds since 1970, `monotonic` seconds that never go back. Once `stopping` says so, what is not begun is left for the
    next start. One thread at a time. Every method raises LedgerError where the ledger fails and OSError where the folder does; what was
    not committed is taken up by the next scan.
    """

    def __init__(
        self,
        ledger: Ledger,
        inbox: Inbox | Inboxes,
        policy: Policy,
        limits: Limits,
        defaults: Defaults,
        *,
        publish: Callable[[], None],
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._ledger = ledger
        self._inbox = inbox
        self._policy = policy
        self._limits = limits
        self._defaults = defaults
        self._bounds_ms = tuple(defaults.execution_time_bounds_ms)
        self._publish = publish
        self._clock = clock
        self._monotonic = monotonic
        self._stopping = stopping
        self._known = ledger.signatures()
        # Files that end early, and when each has been still for long enough to be judged.
        self._young: dict[str, tuple[Candidate, float]] = {}

    @property
    def pending_files(self) -> int:
        """Files found but not yet complete."""
        return len(self._young)

    @property
    def due_seconds(self) -> float:
        """When the next of these has been still for long enough to be judged, by `monotonic`; infinity: there is none."""
        return min((due for _, due in self._young.values()), default=math.inf)

    def scan(self) -> None:
        """Ingests whatever is new in the whole folder and forgets files that have gone."""
        for _ in self.scan_in_steps():
            pass

    def scan_in_steps(self) -> Iterator[int]:
        """As `scan`, but the folder is read in steps of some milliseconds, between which other methods may be called.

        Each step yields how many files it has come to so far; the last one, which takes what is new, nothing.
        """
        known, young = dict(self._known), list(self._young)
        present, fresh = set(), []
        for number, candidate in enumerate(self._inbox.walk(), 1):
            name = candidate.name
            present.add(name)
            if known.get(name) != candidate.signature:
                fresh.append(candidate)
            if number % STEP_FILES == 0:
                yield number
        # What a look between two steps has learnt since is newer than what this scan saw.
        gone = [
            path
            for path, signature in known.items()
            if path not in present and self._known.get(path, ()) == signature
        ]
        if gone:
            with self._ledger.transaction() as transaction:
                transaction.forget_files(gone)
            for path in gone:
                del self._known[path]
            self._publish()
        for path in young:
            if path not in present:
                self._young.pop(path, None)
        self._take(
            oldest_first(
                candidate
                for candidate in fresh
                if self._known.get(candidate.name) == known.get(candidate.name)
            )
        )

    def look(self, paths: Iterable[str | Path]) -> None:
        """Ingests what is new among the paths that an event named, and what was not yet complete."""
        self._take(
            self._inbox.look(
                [*paths, *(self._inbox.path(candidate) for candidate, _ in self._young.values())]
            )
        )

    def receive(self, notifications: Sequence[Notification]) -> None:
        """Counts alerts that Alertmanager delivered, and keeps the newest word on each."""
        with self._ledger.transaction() as transaction:
            now = self._clock()
            for notification in notifications:
                transaction.count(
                    NOTIFICATIONS_RECEIVED.name,
                    (notification.alertname, notification.severity, notification.status),
                    now,
                )
                transaction.record_notification(notification, now)
        if transaction.changed:
            self._publish()

    def _take(self, candidates: Sequence[Candidate]) -> None:
        fresh = [
            candidate
            for candidate in candidates
            if self._known.get(candidate.name) != candidate.signature
        ]
        # A document that was rejected for its side file gets another chance with that; one that was ingested stays as it is.
        names = {candidate.name for candidate in fresh}
        documents = self._inbox.documents(
            candidate for candidate in fresh if candidate.is_side_file
        )
        fresh += [document for document in documents if document.name not in names]
        for start in range(0, len(fresh), BATCH_FILES):
            if self._stopping():
                return
            batch = fresh[start : start + BATCH_FILES]
            side_names = self._side_names(batch)
            reads = [
                read
                for candidate in batch
                if (read := self._read(candidate, side_names)) is not None
            ]
            if not reads:
                continue
            reads.sort(key=_moment)
            with self._ledger.transaction() as transaction:
                lines = self._record_all(transaction, reads)
            for read in reads:
                self._known[read.candidate.name] = read.candidate.signature
                self._young.pop(read.candidate.name, None)
            news = [
                (read.candidate.name, *line)
                for read, line in zip(reads, lines, strict=True)
                if line is not None
            ]
            _tell(news, left=max(len(fresh) - start - BATCH_FILES, 0))
            if transaction.changed:
                self._publish()

    def _side_names(self, batch: Sequence[Candidate]) -> set[str] | None:
        """The names of all side files there are; None: they are to be looked for one by one."""
        if len(batch) < LISTED_FILES:
            return None
        try:
            return self._inbox.side_names(batch)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return None

    def _read(self, candidate: Candidate, side_names: set[str] | None) -> _Read | None:
        """The file's document or its rejection; None when it is still being written or has gone.

        `side_names` are those of all side files that there are, if they have been listed.
        """
        digest, side = b"", None
        origin = Origin(self._defaults.zone, candidate.mtime_ns / 1e9)
        try:
            data = self._inbox.read(candidate)
            digest = hashlib.sha256(data).digest()
            if candidate.is_side_file:
                return _Read(candidate, digest, parse_side_file(data, origin).side)
            side = (
                self._read_side(candidate)
                if side_names is None or candidate.side_name in side_names
                else None
            )
            return _Read(candidate, digest, parse(data, _with_side(origin, side)), side)
        except FileNotFoundError:
            return None
        except Rejected as rejected:
            if rejected.reason in YOUNG and not self._has_settled(candidate, rejected):
                return None
            return _Read(candidate, digest, rejected)
        except OSError:
            raise
        except Exception as error:  # whatever a format failed to foresee is this one file's trouble
            return _Read(candidate, digest, _mishap(candidate, error))

    def _read_side(self, document: Candidate) -> _Side | None:
        candidate = self._inbox.side_file(document)
        if candidate is None:
            return None
        try:
            data = self._inbox.read(candidate)
        except FileNotFoundError:
            return None
        except Rejected as rejected:
            raise _in_side_file(rejected) from rejected
        return _Side(candidate, hashlib.sha256(data).digest(), data)

    def _has_settled(self, candidate: Candidate, rejected: Rejected) -> bool:
        known, due = self._young.get(candidate.name, (None, 0.0))
        if known is None or known.signature != candidate.signature:
            is_empty = rejected.reason == "truncated" and not candidate.size_bytes
            settle_seconds = EMPTY_SETTLE_SECONDS if is_empty else self._defaults.settle_seconds
            self._young[candidate.name] = (candidate, self._monotonic() + settle_seconds)
            return False
        return self._monotonic() >= due

    def _record_all(
        self, transaction: Transaction, reads: Sequence[_Read]
    ) -> list[tuple[int, str] | None]:
        """Records a batch, and gives a log line for each file that is news. Steps of their own are costly, and for when one fails."""
        try:
            with transaction.step():
                return [self._record(transaction, read) for read in reads]
        except LedgerError:
            raise
        except Exception:  # whose it is shows when each is recorded by itself
            return [self._record_apart(transaction, read) for read in reads]

    def _record_apart(self, transaction: Transaction, read: _Read) -> tuple[int, str] | None:
        """Records one file so that whatever is wrong with it does not undo the others. Gives the log line, if there is news."""
        try:
            with transaction.step():
                return self._record(transaction, read)
        except LedgerError:
            raise
        except Exception as error:
            rejected = _mishap(read.candidate, error)
        with transaction.step():
            return self._record(transaction, replace(read, outcome=rejected))

    def _record(self, transaction: Transaction, read: _Read) -> tuple[int, str] | None:
        now = self._clock()
        path, signature, digest, outcome = (
            read.candidate.name,
            read.candidate.signature,
            read.digest,
            read.outcome,
        )
        if isinstance(outcome, SideFile) and self._is_late(transaction, read):
            outcome = Rejected(
                "late_side_file",
                f"{read.candidate.document_name} was ingested without it; write the side file first",
            )
        rejected = outcome if isinstance(outcome, Rejected) else None
        # What is not known has no row, but for a side file that was recorded with its document.
        before = (
            transaction.file(path) if path in self._known or read.candidate.is_side_file else None
        )
        if before is not None and before.reason in (None, rejected.reason if rejected else None):
            # An old rejection, looked at again after a start; or a document that was ingested, looked at again for its side file.
            if before.signature == signature:
                return None
            # Touched, but the same bytes in the same place.
            if digest and before.digest == digest:
                transaction.record_file(
                    path, signature, digest, None if before.reason is None else rejected, now
                )
                return None
        transaction.record_file(path, signature, digest, rejected, now)
        if isinstance(outcome, Rejected):
            transaction.record_rejection(path, outcome, now)
            transaction.count(FILES_REJECTED.name, (outcome.reason,), now)
            return logging.WARNING, f"rejected: {outcome}"
        if isinstance(outcome, SideFile):
            return None
        if read.side is not None:
            side = read.side.candidate
            transaction.record_file(side.name, side.signature, read.side.digest, None, now)
        return logging.INFO, self._record_document(transaction, read, outcome, now)

    def _is_late(self, transaction: Transaction, read: _Read) -> bool:
        """Whether a side file comes after its document has been ingested with another one or none."""
        document, before = (
            transaction.file(read.candidate.document_name),
            transaction.file(read.candidate.name),
        )
        was_read = before is not None and before.reason is None and before.digest == read.digest
        return document is not None and document.reason is None and not was_read

    def _record_document(
        self, transaction: Transaction, read: _Read, document: Document, now: float
    ) -> str:
        if not transaction.add_document(read.identity, read.digest, document.format, now):
            transaction.count(FILES_DUPLICATE.name, (), now)
            return "known already"
        if isinstance(document, Baseline):
            transaction.count(FILES_INGESTED.name, (document.format,), now)
            return f"a baseline of {len(document.benchmarks)} benchmarks, which is no run"
        if isinstance(document, PipelineRun):
            new = self._add_pipeline_run(transaction, document, now)
        else:
            new = self._add_run(transaction, document, now)
        if not new:
            transaction.count(FILES_DUPLICATE.name, (), now)
            return "known already, in other words"
        transaction.record_ingest(now)
        transaction.count(FILES_INGESTED.name, (document.format,), now)
        return f"ingested a {document.format} document, run {document.run_id}"

    def _add_pipeline_run(self, transaction: Transaction, run: PipelineRun, now: float) -> bool:
        if not transaction.add_pipeline_run(run, now):
            return False
        subject = Subject("pipeline", run.pipeline, run.branch, run.trigger)
        transaction.see(subject, now, self._defaults.series_max_age_seconds)
        for status in ("pass", "fail"):
            transaction.count(
                PIPELINE_RUNS.name,
                (run.pipeline, status),
                now,
                by=int(run.passed == (status == "pass")),
            )
        return True

    def _add_run(self, transaction: Transaction, run: Run, now: float) -> bool:
        environment = run.environment or self._defaults.environment
        project = run.project or self._defaults.project
        whole = run
        if run.format in growing_formats():
            run = leave_out_recorded(transaction, run, project, environment, now)
            if not run.results:
                return False
        row, new, conflict = transaction.add_run(run, project, environment, now)
        if conflict and run is whole:  # else that run is what the document was before it grew
            transaction.count(RUN_CONFLICTS.name, (), now)
        if new:
            for name in _names(run):
                transaction.see(
                    Subject("benchmark", name, environment),
                    now,
                    self._defaults.series_max_age_seconds,
                )
            for result in run.results:
                self._observe(transaction, result, environment, now)
            for benchmark, failed in run.outcomes.items():
                transaction.count(RUNS.name, (benchmark, environment), now)
                transaction.count(FAILURES.name, (benchmark, environment), now, by=int(failed))
            judge_run(transaction, row, run, project, environment, self._limits, now)
        amended = False
        for comparison in run.comparisons:
            gate_outcome = check_gate(comparison, self._policy, environment)
            changed, severity = transaction.record_gate_outcome(
                row, gate_outcome, comparison.speedup_p50_ratio, comparison.speedup_p95_ratio
            )
            amended |= changed
            for each in SEVERITIES:
                transaction.count(
                    REGRESSIONS.name, (comparison.benchmark, each), now, by=int(each == severity)
                )
            if severity is not None:
                transaction.count_commit(
                    comparison.benchmark, severity, run.commit_hash, run.timestamp_seconds, now
                )
        return new or amended

    def _observe(
        self, transaction: Transaction, result: Result, environment: str, now: float
    ) -> None:
        """Puts the execution times into the histogram: all samples where there are some, else the one value that stands for the run."""
        statistics = result.statistics
        # A negative one is a difference of times, and a histogram's sum must not fall.
        if (
            not result.is_execution_time
            or min(statistics.min or 0.0, statistics.p50 or 0.0, statistics.mean or 0.0) < 0
        ):
            return
        if result.samples:
            iteration, values = "sample", result.samples
        elif statistics.p50 is not None:
            iteration, values = "median", (statistics.p50,)
        elif statistics.mean is not None:
            iteration, values = "mean", (statistics.mean,)
        else:
            return
        transaction.observe(
            EXECUTION_TIME.name,
            (result.name, iteration, environment),
            [value * 1e3 for value in values],
            self._bounds_ms,
            now,
        )


def _names(run: Run) -> Iterable[str]:
    """Every name that the run has series of, each benchmark before its variants."""
    of_results = [name for result in run.results for name in (result.benchmark, result.name)]
    return dict.fromkeys(
        [*of_results, *run.outcomes, *[comparison.benchmark for comparison in run.comparisons]]
    )


def _tell(news: Sequence[tuple[str, int, str]], left: int) -> None:
    """Logs what became of a batch's files, each given by its name, a log level and the words; `left` are the files after it."""
    apart = [each for each in news if len(news) <= LOGGED_FILES or each[1] > logging.INFO]
    for name, level, words in apart:
        log.log(level, words, extra={"fields": {"file": name}})
    if len(apart) < len(news):
        log.info(f"took in {len(news) - len(apart):,} files", extra={"fields": {"left": left}})


def _moment(read: _Read) -> tuple[float, str]:
    """Of runs that came together the older is judged first, whatever the order of their files. Documents of one run stay as they came."""
    outcome = read.outcome
    return (outcome.timestamp_seconds, outcome.run_id) if isinstance(outcome, Run) else (0.0, "")


def _with_side(origin: Origin, side: _Side | None) -> Origin:
    if side is None:
        return origin
    try:
        return parse_side_file(side.data, origin)
    except Rejected as rejected:
        raise _in_side_file(rejected) from rejected


def _in_side_file(rejected: Rejected) -> Rejected:
    return Rejected(rejected.reason, f"in its side file: {rejected.detail}", place=rejected.place)


def _mishap(candidate: Candidate, error: Exception) -> Rejected:
    log.error(
        "a mistake in the exporter, not in the file",
        exc_info=error,
        extra={"fields": {"file": candidate.name}},
    )
    return Rejected("internal_error", f"{type(error).__name__}: {error}")
