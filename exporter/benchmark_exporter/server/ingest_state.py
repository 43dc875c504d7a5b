"""How ingest is doing, as the parts of the exporter share it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmark_exporter.ledger import LedgerError


@dataclass(slots=True)
class IngestState:
    """How ingest is doing. The ingest loop writes it, everyone reads it.

    `failure` is why no results can be ingested, and lasts until a scan succeeds. `unopened` is why
    there is nothing to show: the ledger has not been opened since the start, or is being migrated.
    `is_caught_up` says that everything is ingested that was there when the ledger was opened,
    `is_ready` that this was so once since the start. `shown_until_seconds` is until when, on the
    monotonic clock, a failure that has already been dealt with is shown. `searches_due` is how many
    series are to be searched for change points. `unfinished` says why each file that was found is
    incomplete, by name, `measuring_files` is how many of them have tools that may be measuring.
    """

    failure: LedgerError | OSError | None = None
    unopened: LedgerError | str | None = "the ledger is being opened"
    is_caught_up: bool = False
    is_ready: bool = False
    is_stopping: bool = False
    scan_duration_seconds: float = 0.0
    shown_until_seconds: float = float("-inf")
    searches_due: int = 0
    unfinished: Mapping[str, str] = field(default_factory=dict)
    measuring_files: int = 0

    def is_failing(self, now_seconds: float) -> bool:
        """Whether scrapes are to show that ingest fails."""
        return self.failure is not None or now_seconds < self.shown_until_seconds

    @property
    def waits_for(self) -> str:
        """What has to be done before it is ready."""
        first_scan = "the first scan of the results folder has not finished"
        return first_scan if self.unopened is None else str(self.unopened)
