"""Alerts do not end while Prometheus is away, and not for longer.

Exporter, Prometheus and Alertmanager are real, with shorter times: alerts of the rules for results
end 12 s after they were sent last, unless the exporter sends them again.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from tests.rules.delivery import Alertmanager, running_alertmanager
from tests.rules.endpoints import pagerduty
from tests.rules.prometheus_server import Server, prometheus, wait_until
from tests.support.documents import perf_suite
from tests.support.process import Exporter

RESEND, ENDS_SECONDS = "--rules.alert.resend-delay=3s", 12.0
# Long enough for the exporter to start again, on a busy machine too, within the extension.
AFTER_SECONDS, REPORT_SECONDS, EXTEND_SECONDS, LIMIT_SECONDS = 3.0, 40.0, 25.0, 50.0
# group_interval, a scrape, an evaluation, and what a busy machine may add.
DELIVERED_SECONDS = 10.0 + 1 + 1 + 60
# How much longer than at its last scrape it was asked, on a busy machine.
CLOCK_SECONDS = 8.0
SLOW, FAST = 5.0, 20.0
DOWN = "Prometheus does not scrape the benchmark exporter"


@dataclass
class Stage:
    """The servers, and how many runs the exporter has been given."""

    exporter: Exporter
    alertmanager: Alertmanager
    server: Server
    runs: int = 0

    def run(self, project: str, speedup: float) -> None:
        self.runs += 1
        document = perf_suite(
            f"run-{self.runs}",
            project=project,
            speedup=speedup,
            timestamp=datetime.now(UTC).isoformat(),
        )
        aside = self.exporter.results / f".{self.runs}"
        aside.write_text(json.dumps(document))
        aside.rename(self.exporter.results / f"{self.runs}.json")

    def reported(self, status: str, project: str) -> list[datetime]:
        """The ends of a project's critical alerts, as notifications of this status gave them."""
        return [
            datetime.fromisoformat(alert["endsAt"])
            for message in self.alertmanager.channels.exporter.inbox.all()
            for alert in message["alerts"]
            if alert["status"] == status
            and alert["labels"]["alertname"] == "CriticalPerformanceRegression"
            and alert["labels"]["project"] == project
        ]

    def begin(self, project: str) -> None:
        """Has a project's alert fire, and waits until that was reported."""
        before = len(self.reported("firing", project))
        self.run(project, SLOW)
        wait_until(
            lambda: len(self.reported("firing", project)) > before,
            f"{project} is reported",
            DELIVERED_SECONDS,
        )

    def listed(self, **labels: str) -> list[Any]:
        """The alerts with these labels that Alertmanager has."""
        alerts: list[Any] = requests.get(
            f"{self.alertmanager.url}/api/v2/alerts", timeout=30
        ).json()
        return [alert for alert in alerts if labels.items() <= alert["labels"].items()]

    def end_of(self, **labels: str) -> datetime | None:
        """When an alert ends unless it is sent again; None if Alertmanager does not have it."""
        ends = [datetime.fromisoformat(alert["endsAt"]) for alert in self.listed(**labels)]
        return ends[0] if ends else None

    def keeps_alerts(self, times: int = 1) -> bool:
        """Whether the exporter has begun that often to keep alerts from ending."""
        return self.exporter.log.read_text().count("its alerts are kept from ending") >= times

    def end_as_another_prometheus(self, project: str) -> None:
        """Sends the end of a project's alerts, as one does that has the same rules."""
        now = datetime.now(UTC).isoformat()
        ended = [alert | {"endsAt": now} for alert in self.listed(project=project)]
        assert ended
        requests.post(
            f"{self.alertmanager.url}/api/v2/alerts", json=ended, timeout=30
        ).raise_for_status()

    @contextmanager
    def prometheus_stopped(self) -> Iterator[None]:
        os.kill(self.server.process_id, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.server.process_id, signal.SIGCONT)


@pytest.fixture(scope="module")
def stage(
    tmp_path_factory: pytest.TempPathFactory,
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("keeping")
    config = folder / "config.yaml"
    times = {
        "after_seconds": AFTER_SECONDS,
        "report_after_seconds": REPORT_SECONDS,
        "extend_seconds": EXTEND_SECONDS,
        "limit_seconds": LIMIT_SECONDS,
    }
    config.write_text(json.dumps({"alert_keeping": times}))
    with running_alertmanager(folder, programs, free_port) as alertmanager:
        (folder / "exporter").mkdir()
        exporter = Exporter(
            folder / "exporter",
            free_port(),
            f"--config={config}",
            f"--alertmanager-api-url={alertmanager.url}/",
            "--exporter-url=http://monitoring.example:8000",
        )
        try:
            with prometheus(
                programs["prometheus"],
                folder / "server",
                free_port(),
                RESEND,
                exporter=f"127.0.0.1:{exporter.port}",
                alertmanager=alertmanager.url.removeprefix("http://"),
            ) as server:
                yield Stage(exporter, alertmanager, server)
        finally:
            assert exporter.stop() == 0, exporter.log.read_text()


def test_an_alert_lasts_while_prometheus_is_stopped_and_ends_when_its_cause_has(
    stage: Stage,
) -> None:
    stage.begin("lasting")
    stage.begin("ending")
    stage.begin("ended-by-another")
    wait_until(lambda: stage.end_of(alertname="Watchdog") is not None, "Watchdog is sent")
    with stage.prometheus_stopped():
        # Its absence is the alarm.
        watchdog = stage.end_of(alertname="Watchdog")
        stage.run("ending", FAST)
        wait_until(stage.keeps_alerts, "alerts are kept from ending")
        stage.end_as_another_prometheus("ended-by-another")
        # Its start counts as a scrape.
        assert stage.exporter.stop() == 0
        stage.exporter.start()
        wait_until(lambda: stage.keeps_alerts(times=2), "they are kept again")
        time.sleep(ENDS_SECONDS)
        kept = stage.end_of(project="lasting")
        assert kept is not None
        assert kept > datetime.now(UTC)
        assert not stage.reported("resolved", "lasting")
        assert not stage.reported("resolved", "ending")
        assert stage.end_of(project="ended-by-another") is None
        assert watchdog is not None
        assert stage.end_of(alertname="Watchdog") in (watchdog, None)
    back = time.monotonic()
    wait_until(
        lambda: bool(stage.reported("resolved", "ending")),
        "what ended meanwhile is resolved",
        DELIVERED_SECONDS,
    )
    # Until what was extended would have ended.
    wait_until(lambda: time.monotonic() > back + EXTEND_SECONDS + 1, "the end of the extension")
    assert not stage.reported("resolved", "lasting")
    assert len(stage.reported("firing", "lasting")) == 1


def test_alerts_end_at_the_limit_and_people_hear_why(stage: Stage) -> None:
    stage.begin("abandoned")
    pages = stage.alertmanager.channels.pagerduty.inbox
    began = time.time()
    with stage.prometheus_stopped():
        wait_until(
            lambda: bool(stage.reported("resolved", "abandoned")),
            "the alert ends",
            LIMIT_SECONDS + DELIVERED_SECONDS,
        )
        _, page = pages.wait(pagerduty("trigger", DOWN), DELIVERED_SECONDS)
    [ended] = stage.reported("resolved", "abandoned")
    assert abs(ended.timestamp() - began - LIMIT_SECONDS) < CLOCK_SECONDS
    runbook = "http://monitoring.example:8000/runbooks/PrometheusDown"
    assert runbook in [link["href"] for link in page["links"]]
    # As the unit tests of rules have it: PagerDuty would read it as YAML.
    description = page["payload"]["custom_details"]["firing"]
    assert f"{REPORT_SECONDS:g} seconds" in description
    assert ": " not in description.replace("Runbook: ", "")
    pages.wait(pagerduty("resolve", DOWN), DELIVERED_SECONDS)
    # The absence before was shorter.
    assert len([each for each in pages.all() if pagerduty("trigger", DOWN)(each)]) == 1
