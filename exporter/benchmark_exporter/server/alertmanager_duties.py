"""What an exporter does at Alertmanager, if it knows one."""

import time
from collections.abc import Coroutine, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from benchmark_exporter.alert_texts.language import language_in
from benchmark_exporter.ledger.received import Unheard
from benchmark_exporter.server.access import Access
from benchmark_exporter.server.alert_keeping import make_absence_loop
from benchmark_exporter.server.config_reload import ConfigReload
from benchmark_exporter.server.configuration import Configuration
from benchmark_exporter.server.credential import authorization
from benchmark_exporter.server.digest_loop import DigestLoop, Digests
from benchmark_exporter.server.ingest_loop import IngestLoop
from benchmark_exporter.server.ingest_state import IngestState
from benchmark_exporter.server.lost_ends import LostEnds, LostEndsLoop
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.prometheus_absence import PrometheusAbsence
from benchmark_exporter.server.publishing import Publisher
from benchmark_exporter.server.settings import ServeSettings
from benchmark_exporter.server.worker import Worker


def duties_at_alertmanager(
    settings: ServeSettings,
    access: Access,
    absence: PrometheusAbsence,
    configuration: Configuration,
    reload: ConfigReload,
    state: IngestState,
    opened: OpenLedger,
    publisher: Publisher,
    worker: Worker,
    ingest: IngestLoop,
) -> Iterator[Coroutine[Any, Any, None]]:
    """What runs until it is cancelled."""
    urls = settings.alertmanager_api_urls
    if not urls:
        return
    headers, links = authorization(access.credential), settings.links.urls
    keeping = configuration.now.alert_keeping
    language = language_in(settings.alert_language_file)
    absences = make_absence_loop(urls, headers, absence, keeping, links.get("exporter"), language)
    reload.follow(lambda config: absences.configure(config.alert_keeping))
    yield absences.run()

    def is_ready() -> bool:
        return opened.is_open and state.is_caught_up

    def note_by_worker(unheard: Sequence[Unheard]) -> None:
        with opened.ledger.transaction() as transaction:
            transaction.notifications.note(unheard, time.time())
        if transaction.changed:
            opened.publish()

    async def note(unheard: Sequence[Unheard]) -> None:
        await worker.run(note_by_worker, unheard)

    ends = LostEnds(
        lambda: publisher.state.notifications,
        note,
        absence,
        keeping,
        lambda: datetime.now(UTC),
        time.monotonic,
    )
    reload.follow(lambda config: ends.configure(config.alert_keeping))
    yield LostEndsLoop(ends, urls, headers, is_ready, ingest.note_error).run()
    if (weekly := settings.weekly_digest) is not None:
        digests = Digests(
            weekly,
            settings.ledger_path,
            links.get("grafana"),
            lambda: configuration.now.zone,
            language,
        )
        yield DigestLoop(digests, urls, headers, is_ready).run()
