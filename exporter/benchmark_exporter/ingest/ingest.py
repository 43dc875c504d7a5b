"""Brings new files of the inbox into the ledger. A file counts once its transaction commits."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

from benchmark_exporter.ingest.backlog_order import order_by_runs
from benchmark_exporter.ingest.backlog_publishing import BacklogPublishing
from benchmark_exporter.ingest.defaults import Defaults
from benchmark_exporter.ingest.folder_walk import is_below
from benchmark_exporter.ingest.inbox import UPLOADS_PREFIX, Candidate, Inbox
from benchmark_exporter.ingest.inboxes import Inboxes
from benchmark_exporter.ingest.known_files import KnownFiles
from benchmark_exporter.ingest.log_lines import log_batch
from benchmark_exporter.ingest.naming import carry_over
from benchmark_exporter.ingest.packed_candidates import PackedCandidates
from benchmark_exporter.ingest.read_ahead import ReadAhead
from benchmark_exporter.ingest.reading import Reader, ReadFile
from benchmark_exporter.ingest.recording import Recorder
from benchmark_exporter.ingest.removed_files import count_removed, gone
from benchmark_exporter.ingest.root_folder import RootFolder
from benchmark_exporter.ingest.tracking import BranchTracking
from benchmark_exporter.ledger import Ledger, LedgerError
from benchmark_exporter.limits import LimitsFor
from benchmark_exporter.model import Notification
from benchmark_exporter.regression import Policy

__all__ = ["Defaults", "Ingest"]

BATCH_FILES = 1000
STEP_FILES = 500  # of a scan
Batch = tuple[Sequence[Candidate], int]  # files to read, and how many come after them


class Ingest:
    """Ingests files and notifications; calls `publish` after commits that changed the state.

    Of a backlog that is not after each batch; see `backlog_publishing`. `clock` returns seconds
    since 1970, `monotonic` seconds that never go back. Once `stopping` returns True, batches that
    have not begun are left for the next start. One thread at a time. Every method raises
    LedgerError if the ledger fails and OSError if the folder does; the next scan ingests what was
    not committed.
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
        self.publishing = BacklogPublishing(publish, monotonic)
        self._clock, self._stopping = clock, stopping
        ledger.adopt_pipelines(defaults.project)
        BranchTracking(defaults.branches).hide_untracked(ledger)
        self._known = KnownFiles(chain.from_iterable(ledger.files(STEP_FILES)))
        # What `check` recorded since the scan in progress began; None if none is in progress.
        self._checked: set[str] | None = None
        self.has_backlog = False  # whether the scan in progress has found new files
        self._root = RootFolder(inbox.results_dir, monotonic)
        self.reader = Reader(inbox, defaults.zone, defaults.settle_seconds, monotonic)
        self.configure(policy, limits, defaults)

    def configure(self, policy: Policy, limits: LimitsFor, defaults: Defaults) -> None:
        """Records by other settings from the next batch on.

        What is already recorded stays as it is, except that new aliases carry histories over. The
        project, environment, zone and branches of `defaults` must be those that it was made with:
        they decide what a file that was read already is, and where its results belong.
        """
        carry_over(self._ledger, defaults.aliases)
        self.reader.settle_seconds = defaults.settle_seconds
        self._recorder = Recorder(policy, limits, defaults, self._known, self._clock)

    @property
    def pending_files(self) -> int:
        """How many files were found but are not complete yet."""
        return len(self.reader.incomplete)

    @property
    def unfinished(self) -> Mapping[str, str]:
        """Why each of these files is incomplete, by its name."""
        return self.reader.unfinished

    @property
    def due_seconds(self) -> float:
        """When the next incomplete file is due, on the `monotonic` clock; infinity if none is."""
        return self.reader.due_seconds

    def scan(self) -> None:
        """Ingests what is new in the whole folder, and drops files that have gone."""
        for _ in self.scan_in_steps():
            pass

    def scan_in_steps(self) -> Iterator[int]:
        """Like `scan`, in steps of some milliseconds; other methods may be called in between.

        Each step yields how many files were seen so far; the last one yields nothing.
        """
        root = self._root.identity()
        known, fresh, self.has_backlog = self._known, PackedCandidates(), False
        missing = {each.name: each for each in self.reader.incomplete}
        known.begin_scan()
        self._checked = checked = set[str]()
        number, is_empty = 0, True
        for number, candidate in enumerate(self._inbox.walk(), 1):
            is_empty = is_empty and candidate.name.startswith(UPLOADS_PREFIX)
            if missing:
                missing.pop(candidate.name, None)
            if not known.see(candidate.name, candidate.signature):
                fresh.append(candidate)
                self.has_backlog = True
            if number % STEP_FILES == 0:
                yield number
        is_same = self._root.is_scanned()
        was_empty = partial(_has_no_results, self._ledger)
        shows_gone = self._root.shows_gone(root, is_empty=is_empty, was_empty=was_empty)
        unreached = self._inbox.unreached
        unseen = [each for name, each in missing.items() if not is_below(name, unreached)]
        self._discard_gone(unseen, counts=is_same)
        if shows_gone and known.has_unseen:
            for _ in self._drop_unseen(unreached):
                yield number
        for _ in order_by_runs(fresh, self.reader.moment_of, BATCH_FILES, STEP_FILES):
            yield number
        oldest = fresh.take_oldest_first(BATCH_FILES)
        unchecked = ([each for each in found if each.name not in checked] for found in oldest)
        batches = chain.from_iterable(map(self._batches, unchecked))
        steps = self._ingest(((batch, len(fresh) + rest) for batch, rest in batches), checked)
        self._checked = None
        for _ in steps:
            self._checked = checked
            yield number
            self._checked = None

    def check(self, paths: Iterable[str | Path]) -> None:
        """Ingests what is new of the paths that an event named, and of the incomplete files."""
        for _ in self.check_in_steps(paths):
            pass

    def check_in_steps(self, paths: Iterable[str | Path]) -> Iterator[None]:
        """Like `check`, in steps of at most a batch; other methods may be called in between."""
        fresh, names = PackedCandidates(), set[str]()
        left = list({os.fspath(path) for path in paths})
        while left:
            for candidate in self._inbox.check(left[-STEP_FILES:]):
                if not self._known.has(candidate.name, candidate.signature):
                    names.add(candidate.name)
                    fresh.append(candidate)
            del left[-STEP_FILES:]
            if left:
                yield
        incomplete = [each for each in self.reader.incomplete if each.name not in names]
        present = self._inbox.refreshed(incomplete)
        if len(present) < len(incomplete):
            self._discard_gone(incomplete, counts=self._root.is_scanned())
        for candidate in present:
            fresh.append(candidate)
        del names
        yield from order_by_runs(fresh, self.reader.moment_of, BATCH_FILES, STEP_FILES)
        yield from self._ingest(
            (batch, len(fresh) + remaining)
            for found in fresh.take_oldest_first(BATCH_FILES)
            for batch, remaining in self._batches(found)
        )

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
            record = transaction.notifications.record
            nameless = record(notifications, known, self._clock(), others or Counter())
        if transaction.changed:
            self.publishing.publish()
        return nameless

    def _drop_unseen(self, unreached: Sequence[str]) -> Iterator[None]:
        """Drops the files that the last scan did not see, in steps of some milliseconds.

        Their names are only in the ledger. Those in folders that it could not read stay.
        """
        known, dropped = self._known, False
        for files in self._ledger.files(STEP_FILES):
            gone = [name for name, _ in files if known.is_unseen(name)]
            if unreached:
                for name in gone:
                    if is_below(name, unreached):
                        known.keep(name)
                gone = [name for name in gone if known.is_unseen(name)]
            if gone:
                with self._ledger.transaction() as transaction:
                    transaction.delete_files(gone)
                dropped = True
            yield
        known.discard_unseen()
        if dropped:
            self.publishing.publish()

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

    def _discard_gone(self, candidates: Sequence[Candidate], *, counts: bool) -> None:
        """No longer waits for those of the files that have gone.

        Without `counts` they went with their folder, and are found again when that returns.
        """
        removed = gone(self._inbox, candidates)
        if removed and counts:
            count_removed(self._ledger, removed, self._clock)
            self.publishing.publish()
        self.reader.discard(candidate.name for candidate in removed)

    def _ingest(self, batches: Iterator[Batch], checked: Collection[str] = ()) -> Iterator[None]:
        """Reads and records batches, one a step.

        What `check` recorded between two steps, which it adds to `checked`, is newer than a batch.
        """
        following = next(batches, None)
        with ReadAhead(self.reader.read) as ahead:
            while following is not None and not self._stopping():
                batch, remaining = following
                found = [x for x in ahead.take(batch) if x.candidate.name not in checked]
                reads = self.reader.complete(found)
                following = next(batches, None)
                if reads:
                    after = () if following is None else following[0]
                    self._record(reads, partial(ahead.begin, after), remaining=remaining)
                if len(reads) < len(batch):
                    done = {each.candidate.name for each in reads}.union(checked)
                    unread = [each for each in batch if each.name not in done]
                    self._discard_gone(unread, counts=self._root.is_scanned())
                if following is not None:
                    ahead.wait()  # so that nothing else reads at the same time
                    yield
        self.publishing.publish_pending()

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
        names = [read.candidate.name for read in reads]
        if self._checked is not None:
            self._checked.update(names)
        self.reader.discard(names)
        said = [(name, line) for name, line in zip(names, lines, strict=True) if line is not None]
        log_batch(said, remaining=remaining)
        if transaction.changed:
            births = transaction.touched.births
            self.publishing.publish_batch(remaining=remaining, has_births=births)


def _has_no_results(ledger: Ledger) -> bool:
    """Whether no file of the results folder is recorded, but uploads at most."""
    names = (name for files in ledger.files(STEP_FILES) for name, _ in files)
    return all(name.startswith(UPLOADS_PREFIX) for name in names)
