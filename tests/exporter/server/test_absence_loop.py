"""An exporter that misses Prometheus, and does not reach Alertmanager."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.process import Exporter

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
    # Nobody has scraped it yet: the stack is starting.
    began = time.monotonic()
    exporter.until(lambda: time.monotonic() > began + 3 * AFTER_SECONDS)
    assert FAILURE not in exporter.log.read_text()

    exporter.get("/metrics?collect[]=state", {"User-Agent": "Prometheus/3.5.3"})
    exporter.until(lambda: FAILURE in exporter.log.read_text())
    began = time.monotonic()
    exporter.until(lambda: time.monotonic() > began + 3 * AFTER_SECONDS)
    assert exporter.log.read_text().count(FAILURE) == 1
    assert exporter.stop() == 0, exporter.log.read_text()
    assert "Traceback" not in exporter.log.read_text()
