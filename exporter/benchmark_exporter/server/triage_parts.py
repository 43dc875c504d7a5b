"""The parts of the exporter that keep the states of regressions."""

from benchmark_exporter.limits import LimitsFor
from benchmark_exporter.server.access import Access
from benchmark_exporter.server.configuration import Configuration
from benchmark_exporter.server.ingest_loop import IngestLoop
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.publishing import Publisher
from benchmark_exporter.server.settings import ServeSettings
from benchmark_exporter.server.triage_door import TriageDoor
from benchmark_exporter.server.triage_loop import TriageLoop
from benchmark_exporter.server.worker import Worker
from benchmark_exporter.tokens import token_file


class TriageParts:
    """`door` answers requests, `loop` ends what is expected no longer."""

    def __init__(
        self,
        settings: ServeSettings,
        configuration: Configuration,
        access: Access,
        opened: OpenLedger,
        publisher: Publisher,
        worker: Worker,
        ingest: IngestLoop,
    ) -> None:
        def limits() -> LimitsFor:
            return configuration.now.limits_for

        self.door = TriageDoor(
            opened,
            publisher,
            worker,
            token_file(settings.triage_tokens),
            limits,
            sender_of=access.sender_of,
            user_of=access.user_of,
            note_error=ingest.note_error,
            wake=ingest.wake,
        )
        self.loop = TriageLoop(opened, publisher, limits, worker, ingest.note_error)
