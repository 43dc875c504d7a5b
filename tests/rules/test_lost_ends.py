"""An alert that ends while nobody can say so is resolved for everybody who heard of it.

Exporter, Prometheus and Alertmanager are real, with shorter times.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from benchmark_exporter.server.lost_ends import MISSING_SECONDS
from tests.rules.delivery import Alertmanager, running_alertmanager
from tests.rules.endpoints import pagerduty
from tests.rules.prometheus_server import Server, prometheus, wait_until
from tests.support.documents import perf_suite
from tests.support.process import Exporter, ended

SLOW, FAST = 5.0, 20.0
ALERT = "CriticalPerformanceRegression"
LOST_AFTER_SECONDS = MISSING_SECONDS + 15
# Until a page or a message says so, on a busy machine.
DELIVERED_SECONDS = LOST_AFTER_SECONDS + 90


class Stage:
    """The parts, of which the servers run within `servers`."""

    def __init__(
        self,
        folder: Path,
        programs: Mapping[str, Sequence[str]],
        free_port: Callable[[], int],
        exporter: Exporter,
        alertmanager: Alertmanager,
    ) -> None:
        self.folder = folder
        self.programs = programs
        self.free_port = free_port
        self.exporter = exporter
        self.alertmanager = alertmanager
        self.starts = self.runs = 0

    def prometheus(self, servers: ExitStack) -> Server:
        """Starts it without samples, as after a stop longer than its rules look back, 6 min."""
        self.starts += 1
        return servers.enter_context(
            prometheus(
                self.programs["prometheus"],
                self.folder / f"server-{self.starts}",
                self.free_port(),
                "--rules.alert.resend-delay=3s",
                "--rules.alert.for-grace-period=5s",
                exporter=f"127.0.0.1:{self.exporter.port}",
                alertmanager=self.alertmanager.url.removeprefix("http://"),
            )
        )

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

    def status(self, project: str) -> str | None:
        """What the exporter says of the project's alert."""
        alerts: list[Any] = json.loads(self.exporter.get("/api/v1/status"))["alerts"]
        found = [
            alert["status"]
            for alert in alerts
            if alert["project"] == project and alert["alertname"] == ALERT
        ]
        return found[0] if found else None

    def waits_for(self, project: str, status: str) -> None:
        wait_until(
            lambda: self.status(project) == status, f"{project} is {status}", DELIVERED_SECONDS
        )

    def silence(self, project: str, seconds: float) -> None:
        now = datetime.now(UTC)
        silence = {
            "matchers": [{"name": "project", "value": project, "isRegex": False}],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(seconds=seconds)).isoformat(),
            "createdBy": "a test",
            "comment": "",
        }
        answer = requests.post(
            f"{self.alertmanager.url}/api/v2/silences", json=silence, timeout=DELIVERED_SECONDS
        )
        answer.raise_for_status()

    def start_page(self) -> str:
        return self.exporter.get("/").decode()

    def pages(self, action: str, project: str) -> int:
        """How often PagerDuty was told that a project's alert began or ended."""
        told = pagerduty(action, f"of {project} ")
        return sum(told(page) for page in self.alertmanager.channels.pagerduty.inbox.all())


def _exporter(folder: Path, port: int, alertmanager: Alertmanager) -> Exporter:
    config = folder / "config.yaml"
    config.write_text(json.dumps({"alert_keeping": {"lost_after_seconds": LOST_AFTER_SECONDS}}))
    (folder / "exporter").mkdir()
    return Exporter(
        folder / "exporter",
        port,
        f"--config={config}",
        f"--alertmanager-api-url={alertmanager.url}",
    )


def _stage(
    folder: Path,
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
    parts: ExitStack,
) -> Stage:
    port = free_port()
    alertmanager = parts.enter_context(
        running_alertmanager(folder, programs, free_port, exporter_url=f"http://127.0.0.1:{port}")
    )
    exporter = _exporter(folder, port, alertmanager)
    parts.enter_context(ended(exporter))
    return Stage(folder, programs, free_port, exporter, alertmanager)


def test_what_ended_while_it_was_silenced_is_resolved_afterwards(
    tmp_path: Path, programs: Mapping[str, Sequence[str]], free_port: Callable[[], int]
) -> None:
    with ExitStack() as servers:
        stage = _stage(tmp_path, programs, free_port, servers)
        stage.prometheus(servers)
        stage.run("ending", SLOW)
        stage.waits_for("ending", "firing")
        # Newer Alertmanagers send it themselves when the silence ends.
        stage.silence("ending", MISSING_SECONDS + 10)
        stage.run("ending", FAST)
        stage.waits_for("ending", "missing")
        assert stage.pages("resolve", "ending") == 0
        stage.waits_for("ending", "resolved")
        stage.alertmanager.channels.pagerduty.inbox.wait(
            pagerduty("resolve", "of ending "), DELIVERED_SECONDS
        )


def test_what_ended_while_all_was_stopped_is_resolved_and_what_lasts_is_not(
    tmp_path: Path, programs: Mapping[str, Sequence[str]], free_port: Callable[[], int]
) -> None:
    with ExitStack() as parts:
        stage = _stage(tmp_path, programs, free_port, parts)
        alertmanager, exporter = stage.alertmanager, stage.exporter
        with ExitStack() as servers:
            stage.prometheus(servers)
            for project in ("ending", "lasting"):
                stage.run(project, SLOW)
                stage.waits_for(project, "firing")
        alertmanager.server.end()
        assert exporter.stop() == 0
        exporter.start()
        stage.run("ending", FAST)
        exporter.until(
            lambda: exporter.value('speedup_ratio{percentile="p50",project="ending"}') == FAST
        )
        alertmanager.server.start()
        with ExitStack() as servers:
            stage.prometheus(servers)
            stage.waits_for("ending", "missing")
            assert f"May have ended: ending: {ALERT}." in stage.start_page()
            stage.waits_for("ending", "resolved")
            alertmanager.channels.pagerduty.inbox.wait(
                pagerduty("resolve", "of ending "), DELIVERED_SECONDS
            )
            assert "May have ended" not in stage.start_page()
            assert stage.status("lasting") == "firing"
            time.sleep(MISSING_SECONDS)
            assert stage.status("lasting") == "firing"
            assert stage.pages("resolve", "ending") == 1
            assert stage.pages("resolve", "lasting") == 0
            assert stage.pages("trigger", "lasting") == 1
