"""Wires what is done at Alertmanager while Prometheus is away."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from benchmark_exporter.alert_texts.language import Language
from benchmark_exporter.config import AlertKeeping
from benchmark_exporter.server.absence_loop import AbsenceLoop
from benchmark_exporter.server.absence_report import AbsenceReport
from benchmark_exporter.server.alert_keeper import AlertKeeper
from benchmark_exporter.server.prometheus_absence import PrometheusAbsence


def make_absence_loop(
    alertmanager_urls: Sequence[str],
    authorization: Callable[[], Mapping[str, str]],
    absence: PrometheusAbsence,
    keeping: AlertKeeping,
    exporter_url: str | None,
    language: Callable[[], Language],
) -> AbsenceLoop:
    """Keeps alerts from ending, and reports the absence."""

    def clock() -> datetime:
        return datetime.now(UTC)

    return AbsenceLoop(
        alertmanager_urls,
        authorization,
        absence,
        keeping,
        AlertKeeper(absence, keeping, clock),
        AbsenceReport(absence, keeping, exporter_url, clock, language),
    )
