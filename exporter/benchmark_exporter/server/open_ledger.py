"""The ledger and the ingest over it: opened, replaced when damaged, and opened again."""

import time
from collections.abc import Callable
from pathlib import Path

from benchmark_exporter.config import Config
from benchmark_exporter.counters import EXECUTION_TIME
from benchmark_exporter.ingest.branches import BranchRules
from benchmark_exporter.ingest.inbox import UPLOADS_PREFIX, Inbox
from benchmark_exporter.ingest.inboxes import Inboxes
from benchmark_exporter.ingest.ingest import Defaults, Ingest
from benchmark_exporter.ledger import Ledger, LedgerError
from benchmark_exporter.ledger.damage import is_damaged, set_aside
from benchmark_exporter.ledger.ledger_file import Loss, finish_writing_back
from benchmark_exporter.ledger.permissions import close_to_others
from benchmark_exporter.ledger.witnesses import discard_foreign_log
from benchmark_exporter.names import Aliases
from benchmark_exporter.server.ingest_state import IngestState
from benchmark_exporter.server.settings import ServeSettings

# Settings that decide what a file that was read already is, and where its results belong.
READ_AGAIN = (
    "project",
    "environment",
    "timezone",
    "default_branch",
    "tracked_branches",
    "max_file_bytes",
)


class OpenLedger:
    """`ledger` and `ingest` are set while `is_open`. Settings can give it another `ingest`.

    Everything but `note` runs in the ledger's worker thread. `publish` is called with the ledger
    and the number of pending files after each change of the state, and when the ledger is opened.
    """

    ledger: Ledger
    ingest: Ingest

    def __init__(
        self, settings: ServeSettings, state: IngestState, publish: Callable[[Ledger, int], None]
    ) -> None:
        self._settings = settings
        self._config = settings.config
        self._state = state
        self._publish_state = publish
        self._damage: LedgerError | None = None
        self._loss: Loss | None = None
        self.is_open = False

    @property
    def path(self) -> Path:
        """The ledger's file."""
        return self._settings.ledger_path

    @property
    def must_be_replaced(self) -> bool:
        """Whether `replace` has to be called before anything else."""
        return self._damage is not None or self._loss is not None or not self.is_open

    def note(self, error: Exception) -> None:
        """Remembers an error that says the ledger is damaged."""
        if isinstance(error, LedgerError) and is_damaged(error):
            self._damage = error

    def check_files(self) -> Loss | None:
        """What has happened to the ledger's files; unless None, `replace` has to be called.

        Raises:
            OSError: their folder cannot be reached.
        """
        self._loss = None
        if self.is_open:
            self._loss = self.ledger.file.loss()
            self.ledger.file.checkpoint_if_due()
        return self._loss

    def open(self) -> None:
        """Opens the ledger; a damaged one is set aside and replaced by a new one.

        Raises:
            LedgerError: it cannot be opened.
            OSError: a damaged one cannot be set aside.
        """
        path = self._settings.ledger_path
        finish_writing_back(path)
        discard_foreign_log(path)
        close_to_others(path, self._settings.uploads_dir)
        try:
            self._wire()
        except LedgerError as error:
            if not is_damaged(error):
                raise
            set_aside(path, error, time.time())
            self._wire()
        self.is_open, self._state.unopened = True, None

    def replace(self) -> None:
        """Closes the ledger and opens it again, after setting a damaged one aside.

        One whose files were lost is written back before, or closed for the one in its place. If the
        opening fails, only that is left to be retried.

        Raises:
            LedgerError, OSError: as `open`.
        """
        if self._damage is not None:
            self._refuse_changing()
        if self._loss is not None and self.is_open:
            self._damage = self.ledger.file.recover(self._loss) or self._damage
        self._loss = None
        self.close()
        if self._damage is not None:
            set_aside(self._settings.ledger_path, self._damage, time.time())
            self._damage = None
        self.open()

    def _refuse_changing(self) -> None:
        """What reads as damaged may be a ledger that is being written over this one."""
        if not self.is_open:
            return
        self._loss = self._loss or self.ledger.file.loss()
        if self._loss is not None:
            self._damage = None
        elif self.ledger.file.is_changed:
            raise LedgerError(f"{self.path}: another program has just written to it; checking")

    def _note_migration(self, doing: str) -> None:
        """Shows how far a migration is, and ends it when the exporter is to stop."""
        if self._state.is_stopping:
            raise InterruptedError
        self._state.unopened = doing

    def configure(self, config: Config) -> None:
        """Ingests by other settings from now on.

        Where they decide what a file that was read already is, the results folder is scanned again.

        Raises:
            LedgerError: it has to be opened again for that.
        """
        before, self._config = self._config, config
        if not self.is_open:
            return
        try:
            if any(getattr(before, name) != getattr(config, name) for name in READ_AGAIN):
                self._make_ingest()
            else:
                self.ingest.configure(config.policy, config.limits_for, self._defaults())
        except LedgerError:
            self.close()
            raise

    def close(self) -> None:
        """Closes the ledger if it is open, and sets it aside if it is not whole.

        Raises:
            OSError: it cannot be set aside.
        """
        if not self.is_open:
            return
        self.ledger.close()
        self.is_open = False
        if self.ledger.file.is_mixed:
            error = LedgerError(f"{self.path}: it was overwritten during a checkpoint")
            set_aside(self.path, error, time.time())

    def publish(self) -> None:
        """Publishes the ledger's newest state.

        Raises:
            LedgerError: it cannot be read.
        """
        self._publish_state(self.ledger, self.ingest.pending_files)

    def _wire(self) -> None:
        self.ledger = Ledger(self._settings.ledger_path, note=self._note_migration, guarded=True)
        try:
            self._make_ingest()
            self.publish()  # a restart shows at once what was shown before
        except LedgerError:
            self.ledger.close()
            raise

    def _make_ingest(self) -> None:
        """Everything in the results folder and the uploads is to be checked."""
        settings, config = self._settings, self._config
        self._state.is_caught_up = False
        self.ingest = Ingest(
            self.ledger,
            Inboxes(
                Inbox(settings.results_dir, config.max_file_bytes),
                Inbox(settings.uploads_dir, config.max_file_bytes, UPLOADS_PREFIX),
            ),
            config.policy,
            config.limits_for,
            self._defaults(),
            publish=self.publish,
            clock=time.time,
            monotonic=time.monotonic,
            stopping=lambda: self._state.is_stopping,
        )

    def _defaults(self) -> Defaults:
        config = self._config
        return Defaults(
            project=config.project,
            environment=config.environment,
            execution_time_bounds_ms=self._settings.definitions[EXECUTION_TIME.metric].buckets,
            settle_seconds=config.settle_seconds,
            series_max_age_seconds=config.series_max_age_seconds,
            zone=config.zone,
            branches=BranchRules(config.default_branch, tuple(config.tracked_branches)),
            clock_tolerance_seconds=config.clock_tolerance_seconds,
            aliases=Aliases(config.aliases),
        )
