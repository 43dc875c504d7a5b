"""Brings new files of the inbox into the ledger. A file counts once its transaction commits."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

from benchmark_exporter.ingest.defaults import Defaults
from benchmark_exporter.ingest.inbox import UPLOADS_PREFIX, Candidate, Inbox, oldest_first
from benchmark_exporter.ingest.inboxes import Inboxes
from benchmark_exporter.ingest.known_files import KnownFiles
from benchmark_exporter.ingest.log_lines import LogLine
from benchmark_exporter.ingest.naming import carry_over
from benchmark_exporter.ingest.packed_candidates import PackedCandidates
from benchmark_exporter.ingest.read_ahead import ReadAhead
from benchmark_exporter.ingest.reading import Reader, ReadFile
from benchmark_exporter.ingest.recording import Recorder
from benchmark_exporter.ingest.root_folder import RootFolder
from benchmark_exporter.ingest.tracking import BranchTracking
from benchmark_exporter.ledger import Ledger, LedgerError
from benchmark_exporter.limits import LimitsFor
from benchmark_exporter.model import Notification
from benchmark_exporter.regression import Policy

__all__ = ["Defaults", "Ingest"]

log = logging.getLogger(__name__)

BATCH_FILES = 1000
STEP_FILES = 500  # of a scan
Batch = tuple[Sequence[Candidate], int]  # files to read, and how many come after them

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
        self._known = KnownFiles(chain.from_iterable(ledger.files(STEP_FILES)))
        # What `check` recorded since the scan in progress began; None if none is in progress.
        self._checked: set[str] | None = None
        self._root = RootFolder(inbox.results_dir, monotonic)
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
        root = self._root.identity()
        known, fresh = self._known, PackedCandidates()
        missing = {each.name for each in self._reader.incomplete}
        known.begin_scan()
        self._checked = checked = set[str]()
        number, is_empty = 0, True
        for number, candidate in enumerate(self._inbox.walk(), 1):
            is_empty = is_empty and candidate.name.startswith(UPLOADS_PREFIX)
            if missing:
                missing.discard(candidate.name)
            if not known.see(candidate.name, candidate.signature):
                fresh.append(candidate)
            if number % STEP_FILES == 0:
                yield number
        shows_gone = self._root.shows_gone(root, is_empty=is_empty, was_empty=self._has_no_results)
        self._reader.discard(missing)
        if shows_gone and known.has_unseen:
            for _ in self._drop_unseen():
                yield number
        self._checked = None
        self._ingest(
            (batch, len(fresh) + remaining)
            for found in fresh.take_oldest_first(BATCH_FILES)
            # What `check` learned between two steps is newer than what this scan saw.
            for batch, remaining in self._batches([x for x in found if x.name not in checked])
        )

    def check(self, paths: Iterable[str | Path]) -> None:
        """Ingests what is new of the paths that an event named, and of the incomplete files."""
        found = self._inbox.check(paths)
        names = {candidate.name for candidate in found}
        incomplete = [each for each in self._reader.incomplete if each.name not in names]
        self._ingest(self._batches(oldest_first([*found, *self._inbox.refreshed(incomplete)])))

    def receive(
        self,
        notifications: Sequence[Notification],
        known: Collection[str] = (),
        others: Counter[str] | None = None,
    ) -> int:
        """Counts alerts that Alertmanager delivered, and keeps the newest state of each.

        See `Notifications.record`.
        """
        with self._ledger.transaction() as transaction:
            nameless = transaction.notifications.record(
                notifications, known, self._clock(), others or Counter()
            )
        if transaction.changed:
            self._publish()
        return nameless

    def _has_no_results(self) -> bool:
        """Whether no file of the results folder is recorded, but uploads at most."""
        names = (name for files in self._ledger.files(STEP_FILES) for name, _ in files)
        return all(name.startswith(UPLOADS_PREFIX) for name in names)

    def _drop_unseen(self) -> Iterator[None]:
        """Drops the files that the last scan did not see, in steps of some milliseconds.

        Their names are only in the ledger.
        """
        known, dropped = self._known, False
        for files in self._ledger.files(STEP_FILES):
            gone = [name for name, _ in files if known.is_unseen(name)]
            if gone:
                with self._ledger.transaction() as transaction:
                    transaction.delete_files(gone)
                dropped = True
            yield
        known.discard_unseen()
        if dropped:
            self._publish()

    def _batches(self, candidates: Sequence[Candidate]) -> Iterator[Batch]:
        """What is to be read of these files, with how many are still to come after each batch."""
        fresh = [each for each in candidates if not self._known.has(each.name, each.signature)]
        # A document that was rejected for its sidecar is read again with a new one. One that was
        # ingested stays as it is.
        names = {candidate.name for candidate in fresh}
        documents = self._inbox.documents(each for each in fresh if each.is_sidecar)
        fresh += [document for document in documents if document.name not in names]
        for start in range(0, len(fresh), BATCH_FILES):
            batch = fresh[start : start + BATCH_FILES]
            yield batch, len(fresh) - start - len(batch)

    def _ingest(self, batches: Iterator[Batch]) -> None:
        following = next(batches, None)
        with ReadAhead(self._reader.read) as ahead:
            while following is not None and not self._stopping():
                batch, remaining = following
                reads = self._reader.complete(ahead.take(batch))
                following = next(batches, None)
                if reads:
                    after = () if following is None else following[0]
                    self._record(reads, partial(ahead.begin, after), remaining=remaining)

    def _record(
        self, reads: Sequence[ReadFile], before_commit: Callable[[], None], *, remaining: int
    ) -> None:
        try:
            with self._ledger.transaction() as transaction:
                lines = self._recorder.record_all(transaction, reads)
                before_commit()
        except LedgerError:
            raise
        except Exception:  # a file's fault, which must not undo the others
            with self._ledger.transaction() as transaction:
                lines = self._recorder.record_each(transaction, reads)
        for read in reads:
            self._known.record(read.candidate.name, read.candidate.signature)
        if self._checked is not None:
            self._checked.update(read.candidate.name for read in reads)
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
