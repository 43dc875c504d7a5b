"""Brings new files of the inbox into the ledger. A file counts once its transaction commits."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from benchmark_exporter.counters import NOTIFICATIONS_RECEIVED
from benchmark_exporter.ingest.defaults import Defaults
from benchmark_exporter.ingest.inbox import Candidate, Inbox, oldest_first
from benchmark_exporter.ingest.inboxes import Inboxes
from benchmark_exporter.ingest.log_lines import LogLine
from benchmark_exporter.ingest.naming import carry_over
from benchmark_exporter.ingest.reading import Reader, ReadFile
from benchmark_exporter.ingest.recording import Recorder
from benchmark_exporter.ingest.tracking import BranchTracking
from benchmark_exporter.ledger import Ledger
from benchmark_exporter.limits import LimitsFor
from benchmark_exporter.model import Notification
from benchmark_exporter.regression import Policy

__all__ = ["Defaults", "Ingest"]

log = logging.getLogger(__name__)

BATCH_FILES = 1000
STEP_FILES = 500  # of a scan
# A batch with more news than this logs single lines only for what somebody has to act on.
LOGGED_FILES = 20


class Ingest:
    """Ingests files and notifications; calls `publish` after commits that changed the state.

    `clock` returns seconds since 1970, `monotonic` seconds that never go back. Once `stopping`
    returns True, batches that have not begun are left for the next start. One thread at a time.
    Every method raises LedgerError if the ledger fails and OSError if the folder does; the next
    scan ingests what was not committed.
    """

    def __init__(
        self,
        ledger: Ledger,
        inbox: Inbox | Inboxes,
        policy: Policy,
        limits: LimitsFor,
        defaults: Defaults,
        *,
        publish: Callable[[], None],
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._ledger = ledger
        self._inbox = inbox
        self._publish = publish
        self._clock = clock
        self._stopping = stopping
        ledger.adopt_pipelines(defaults.project)
        BranchTracking(defaults.branches).hide_untracked(ledger)
        self._known = ledger.signatures()
        self._reader = Reader(inbox, defaults.zone, defaults.settle_seconds, monotonic)
        self.configure(policy, limits, defaults)

    def configure(self, policy: Policy, limits: LimitsFor, defaults: Defaults) -> None:
        """Records by other settings from the next batch on.

        What is already recorded stays as it is, except that new aliases carry histories over. The
        project, environment, zone and branches of `defaults` must be those that it was made with:
        they decide what a file that was read already is, and where its results belong.
        """
        carry_over(self._ledger, defaults.aliases)
        self._reader.settle_seconds = defaults.settle_seconds
        self._recorder = Recorder(policy, limits, defaults, self._known, self._clock)

    @property
    def pending_files(self) -> int:
        """How many files were found but are not complete yet."""
        return len(self._reader.incomplete)

    @property
    def due_seconds(self) -> float:
        """When the next incomplete file is due, on the `monotonic` clock; infinity if none is."""
        return self._reader.due_seconds

    def scan(self) -> None:
        """Ingests what is new in the whole folder, and drops files that have gone."""
        for _ in self.scan_in_steps():
            pass

    def scan_in_steps(self) -> Iterator[int]:
        """Like `scan`, in steps of some milliseconds; other methods may be called in between.

        Each step yields how many files were seen so far. The last step, which ingests what is new,
        yields nothing.
        """
        known, incomplete = dict(self._known), [each.name for each in self._reader.incomplete]
        present, fresh = set(), []
        for number, candidate in enumerate(self._inbox.walk(), 1):
            name = candidate.name
            present.add(name)
            if known.get(name) != candidate.signature:
                fresh.append(candidate)
            if number % STEP_FILES == 0:
                yield number
        self._drop_gone(
            # What `check` learned between two steps is newer than what this scan saw.
            path
            for path, signature in known.items()
            if path not in present and self._known.get(path, ()) == signature
        )
        self._reader.discard(name for name in incomplete if name not in present)
        self._ingest(
            oldest_first(
                candidate
                for candidate in fresh
                if self._known.get(candidate.name) == known.get(candidate.name)
            )
        )

    def check(self, paths: Iterable[str | Path]) -> None:
        """Ingests what is new of the paths that an event named, and of the incomplete files."""
        incomplete = map(self._inbox.path, self._reader.incomplete)
        self._ingest(self._inbox.check([*paths, *incomplete]))

    def receive(self, notifications: Sequence[Notification]) -> None:
        """Counts alerts that Alertmanager delivered, and keeps the newest state of each."""
        with self._ledger.transaction() as transaction:
            now = self._clock()
            for notification in notifications:
                labels = notification.alertname, notification.severity, notification.status
                transaction.count(NOTIFICATIONS_RECEIVED.name, labels, now)
                transaction.record_notification(notification, now)
        if transaction.changed:
            self._publish()

    def _drop_gone(self, paths: Iterable[str]) -> None:
        gone = list(paths)
        if not gone:
            return
        with self._ledger.transaction() as transaction:
            transaction.delete_files(gone)
        for path in gone:
            del self._known[path]
        self._publish()

    def _ingest(self, candidates: Sequence[Candidate]) -> None:
        fresh = [each for each in candidates if self._known.get(each.name) != each.signature]
        # A document that was rejected for its sidecar is read again with a new one. One that was
        # ingested stays as it is.
        names = {candidate.name for candidate in fresh}
        documents = self._inbox.documents(each for each in fresh if each.is_sidecar)
        fresh += [document for document in documents if document.name not in names]
        for start in range(0, len(fresh), BATCH_FILES):
            if self._stopping():
                return
            reads = self._reader.read_all(fresh[start : start + BATCH_FILES])
            if reads:
                self._record(reads, remaining=max(len(fresh) - start - BATCH_FILES, 0))

    def _record(self, reads: Sequence[ReadFile], *, remaining: int) -> None:
        with self._ledger.transaction() as transaction:
            lines = self._recorder.record_all(transaction, reads)
        for read in reads:
            self._known[read.candidate.name] = read.candidate.signature
        self._reader.discard(read.candidate.name for read in reads)
        _log(
            [
                (read.candidate.name, line)
                for read, line in zip(reads, lines, strict=True)
                if line is not None
            ],
            remaining=remaining,
        )
        if transaction.changed:
            self._publish()


def _log(news: Sequence[tuple[str, LogLine]], *, remaining: int) -> None:
    """Logs what became of a batch's files; `remaining` files are still to come."""
    few = len(news) <= LOGGED_FILES
    single = [(name, line) for name, line in news if few or line.level > logging.INFO]
    for name, line in single:
        log.log(line.level, line.text, extra={"fields": {"file": name}})
    if len(single) < len(news):
        fields = {"remaining": remaining}
        log.info(f"ingested {len(news) - len(single):,} files", extra={"fields": fields})
