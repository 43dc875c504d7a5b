"""An exporter that misses Prometheus, and does not reach Alertmanager."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from benchmark_exporter.config import AlertKeeping
from benchmark_exporter.server.absence_loop import AbsenceLoop
from benchmark_exporter.server.alertmanager_api import AlertmanagerApi, AlertmanagerError
from benchmark_exporter.server.prometheus_absence import PrometheusAbsence
from tests.support.process import DEADLINE_SECONDS, Exporter, ended

AFTER_SECONDS, LIMIT_SECONDS = 0.2, 2.0
FAILURE = "Prometheus is away, and Alertmanager cannot be reached"


def test_an_alertmanager_that_is_not_there_is_logged_once(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    config = tmp_path / "config.yaml"
    times = {"after_seconds": AFTER_SECONDS, "limit_seconds": LIMIT_SECONDS}
    config.write_text(json.dumps({"alert_keeping": times}))
    exporter = Exporter(
        tmp_path,
        free_port(),
        f"--config={config}",
        f"--alertmanager-api-url=http://127.0.0.1:{free_port()}",
    )
    with ended(exporter):
        # Nobody has scraped it yet: the stack is starting.
        _fails_quietly_until_scraped(exporter)
    assert exporter.process.returncode == 0, exporter.log.read_text()
    assert "Traceback" not in exporter.log.read_text()


def _fails_quietly_until_scraped(exporter: Exporter) -> None:
    began = time.monotonic()
    exporter.until(lambda: time.monotonic() > began + 3 * AFTER_SECONDS)
    assert FAILURE not in exporter.log.read_text()

    exporter.get("/metrics?collect[]=state", {"User-Agent": "Prometheus/3.5.3"})
    exporter.until(lambda: FAILURE in exporter.log.read_text())
    began = time.monotonic()
    exporter.until(lambda: time.monotonic() > began + 3 * AFTER_SECONDS)
    assert exporter.log.read_text().count(FAILURE) == 1


class _Failing:
    """A duty that fails, whose first check takes so long that Prometheus comes meanwhile."""

    def __init__(self, absence: PrometheusAbsence) -> None:
        self._absence = absence
        self.checks = 0

    def configure(self, _: AlertKeeping) -> None:
        pass

    async def check(self, _: AlertmanagerApi) -> None:
        self.checks += 1
        self._absence.note_scrape("one", "", "Prometheus/3.5.3")
        raise AlertmanagerError("connection refused")


@pytest.mark.parametrize(("checks", "logged"), [(1, 0), (2, 1), (4, 1)])
def test_a_check_that_began_before_the_first_scrape_is_of_the_start(
    checks: int, logged: int, caplog: pytest.LogCaptureFixture
) -> None:
    absence = PrometheusAbsence(1.0, 60.0, time.monotonic)
    failing = _Failing(absence)
    loop = AbsenceLoop([], dict, absence, AlertKeeping(after_seconds=0.01), failing)

    async def run() -> None:
        task = asyncio.create_task(loop.run())
        async with asyncio.timeout(DEADLINE_SECONDS):
            while failing.checks < checks:  # noqa: ASYNC110  # the loop has no event for it
                await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert caplog.text.count(FAILURE) == logged
