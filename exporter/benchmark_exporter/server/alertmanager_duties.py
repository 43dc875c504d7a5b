"""What an exporter does at Alertmanager, if it knows one."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from benchmark_exporter.alert_texts.language import language_in
from benchmark_exporter.server.access import Access
from benchmark_exporter.server.alert_keeping import make_absence_loop
from benchmark_exporter.server.config_reload import ConfigReload
from benchmark_exporter.server.configuration import Configuration
from benchmark_exporter.server.credential import authorization
from benchmark_exporter.server.digest_loop import DigestLoop, Digests
from benchmark_exporter.server.prometheus_absence import PrometheusAbsence
from benchmark_exporter.server.settings import ServeSettings


def duties_at_alertmanager(
    settings: ServeSettings,
    access: Access,
    absence: PrometheusAbsence,
    configuration: Configuration,
    reload: ConfigReload,
    is_ready: Callable[[], bool],
) -> Iterator[Coroutine[Any, Any, None]]:
    """What runs until it is cancelled. `is_ready` says whether everything is ingested."""
    urls = settings.alertmanager_api_urls
    if not urls:
        return
    headers, links = authorization(access.credential), settings.links.urls
    keeping = configuration.now.alert_keeping
    language = language_in(settings.alert_language_file)
    absences = make_absence_loop(urls, headers, absence, keeping, links.get("exporter"), language)
    reload.follow(lambda config: absences.configure(config.alert_keeping))
    yield absences.run()
    if (weekly := settings.weekly_digest) is not None:
        digests = Digests(
            weekly,
            settings.ledger_path,
            links.get("grafana"),
            lambda: configuration.now.zone,
            language,
        )
        yield DigestLoop(digests, urls, headers, is_ready).run()
