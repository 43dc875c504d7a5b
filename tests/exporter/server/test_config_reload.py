"""A running exporter whose config.yaml changes."""

import json
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stack.exporter_settings import await_exporter_settings
from stack.settings import StackError
from tests.support.documents import result
from tests.support.histories import STEADY
from tests.support.process import DEADLINE_SECONDS, Exporter
from tests.support.upload_server import accepting_uploads
from tests.support.uploading import upload

ACCEPTED = "benchmark_exporter_config_last_reload_successful"


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    (tmp_path / "config.yaml").write_text("")
    running = Exporter(tmp_path, free_port(), f"--config={tmp_path / 'config.yaml'}")
    yield running
    assert running.stop() == 0, running.log.read_text()


def configure(exporter: Exporter, text: str) -> None:
    new = exporter.folder / "config.yaml.new"
    new.write_text(text)
    new.replace(exporter.folder / "config.yaml")


def status(exporter: Exporter) -> dict[str, object]:
    found: dict[str, object] = json.loads(exporter.get("/api/v1/status"))
    return found


def slow(exporter: Exporter, number: int) -> None:
    """A run that is slower by half, once it is judged."""
    path = exporter.results / f"{number}.json"
    path.write_text(json.dumps(result(number, {"parsing": 1.5})))
    exporter.until(lambda: f"commit-{number}" in exporter.get("/metrics").decode())


def state(exporter: Exporter, name: str) -> float | None:
    return exporter.value(f'benchmark_verdict{{benchmark_name="parsing",state="{name}"}}')


def test_new_limits_judge_the_next_run_without_a_restart(exporter: Exporter) -> None:
    for number, milliseconds in enumerate(STEADY):
        document = result(number, {"parsing": milliseconds})
        (exporter.results / f"{number}.json").write_text(json.dumps(document))
    slow(exporter, 100)
    slow(exporter, 101)
    assert state(exporter, "critical") == 1
    configure(exporter, "limits: [{match: parsing, severity: none}]")
    exporter.until(lambda: "read the settings again" in exporter.log.read_text())
    assert state(exporter, "critical") == 1  # the past is not judged again
    slow(exporter, 102)
    assert (state(exporter, "critical"), state(exporter, "suspect")) == (0, 1)


def test_a_wrong_file_is_refused_with_its_key_while_the_old_one_stays(exporter: Exporter) -> None:
    assert exporter.value(ACCEPTED) == 1
    configure(exporter, "max_series: 2000\nlimits: [{tolerance: much}]")
    exporter.until(lambda: exporter.value(ACCEPTED) == 0)
    failure = str(status(exporter)["config_failure"])
    assert "limits[0].tolerance: must be a number or null, not text" in failure
    assert "limits[0].tolerance" in exporter.get("/").decode()
    assert status(exporter)["max_series"] == 50_000
    assert exporter.log.read_text().count("limits[0].tolerance") == 1
    configure(exporter, "max_series: 2000")
    exporter.until(lambda: exporter.value(ACCEPTED) == 1)
    assert status(exporter)["config_failure"] is None
    exporter.until(lambda: status(exporter)["max_series"] == 2000)
    assert exporter.value("benchmark_exporter_series_limit") == 2000


def test_a_signal_reads_the_file_again(exporter: Exporter) -> None:
    before = exporter.value("benchmark_exporter_config_last_reload_success_timestamp_seconds")
    exporter.process.send_signal(signal.SIGHUP)
    exporter.until(
        lambda: (
            exporter.value("benchmark_exporter_config_last_reload_success_timestamp_seconds")
            != before
        )
    )


def test_reload_of_the_stack_waits_until_the_file_is_in_effect(exporter: Exporter) -> None:
    configure(exporter, "max_series: 2000")
    await_exporter_settings(lambda: status(exporter), time.time(), DEADLINE_SECONDS)
    assert status(exporter)["max_series"] == 2000
    configure(exporter, "max_series: few")
    with pytest.raises(StackError, match=r"keeps its old settings: .*max_series"):
        await_exporter_settings(lambda: status(exporter), time.time(), DEADLINE_SECONDS)


def test_limits_of_uploads_change_while_it_runs(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    little = "upload_burst: 1\nupload_rate_per_second: 0.001\n"
    exporter = accepting_uploads(tmp_path, free_port(), little)
    document = result(1, {"parsing": 1.0})
    assert upload(exporter, document).status == 201
    assert upload(exporter, document).status == 429
    configure(exporter, "upload_burst: 1000")
    exporter.until(lambda: "read the settings again" in exporter.log.read_text())
    assert upload(exporter, document).status == 200
    assert exporter.stop() == 0, exporter.log.read_text()


def test_limits_of_the_stream_change_while_it_runs(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    (tmp_path / "config.yaml").write_text("")
    exporter = Exporter(
        tmp_path, free_port(), f"--config={tmp_path / 'config.yaml'}", stream_port=free_port()
    )
    page = urllib.request.Request(
        f"http://127.0.0.1:{exporter.stream_port}/api/v1/trends",
        headers={"Origin": "https://ci.example"},
    )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(page, timeout=DEADLINE_SECONDS)
    configure(exporter, "stream_origins: ['https://ci.example']")
    exporter.until(lambda: "read the settings again" in exporter.log.read_text())
    with urllib.request.urlopen(page, timeout=DEADLINE_SECONDS) as answer:
        assert answer.status == 200
    assert exporter.stop() == 0, exporter.log.read_text()
