"""What a running exporter does with settings that used to need a restart, and with lower limits."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.documents import result
from tests.support.process import Exporter

PLENTY = 150  # results, with more than 1,000 series


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    (tmp_path / "config.yaml").write_text("max_file_bytes: 20000\n")
    running = Exporter(tmp_path, free_port(), f"--config={tmp_path / 'config.yaml'}")
    yield running
    assert running.stop() == 0, running.log.read_text()
    assert "failed" not in running.log.read_text()
    assert "Traceback" not in running.log.read_text()


def reload(exporter: Exporter, text: str) -> None:
    """Returns once the file is in effect."""
    path = exporter.folder / "config.yaml"
    path.write_text(text)
    before = exporter.log.read_text().count("read the settings again")
    exporter.process.send_signal(signal.SIGHUP)
    exporter.until(lambda: exporter.log.read_text().count("read the settings again") > before)


def drop(exporter: Exporter, name: str, document: dict[str, object]) -> None:
    (exporter.results / name).write_text(json.dumps(document))


def test_what_a_file_is_follows_from_the_settings_of_now(exporter: Exporter) -> None:
    large = result(1, {f"many-{number}": 1.0 for number in range(PLENTY)})
    assert len(json.dumps(large)) < 20_000
    large["results"][0]["samples"] *= 5000
    drop(exporter, "large.json", large)
    exporter.until(
        lambda: exporter.value('benchmark_exporter_rejected_files{reason="too_large"}') == 1
    )
    reload(exporter, "project: elsewhere\nenvironment: lab\ndefault_branch: trunk\n")
    exporter.until(
        lambda: exporter.value('benchmark_exporter_rejected_files{reason="too_large"}') == 0
    )
    exporter.until(lambda: "many-3" in exporter.get("/metrics").decode())

    nameless = result(2, {"parsing": 1.0})
    del nameless["project"], nameless["environment"]
    drop(exporter, "nameless.json", nameless | {"branch": "trunk"})
    series = 'benchmark_run_info{project="elsewhere",environment="lab",branch="trunk"}'
    exporter.until(lambda: exporter.value(series) == 1)


def test_lower_limits_of_series_leave_out_the_newest_and_higher_ones_bring_them_back(
    exporter: Exporter,
) -> None:
    drop(exporter, "first.json", result(1, {"first": 1.0}))
    exporter.until(lambda: 'benchmark_name="first"' in exporter.get("/metrics").decode())
    drop(exporter, "many.json", result(2, {f"many-{number}": 1.0 for number in range(PLENTY)}))
    exporter.until(lambda: 'benchmark_name="many-9"' in exporter.get("/metrics").decode())
    whole = exporter.get("/metrics?collect[]=distributions")
    reload(exporter, "max_series: 1000\n")
    left = exporter.get("/metrics").decode()
    dropped = exporter.value('benchmark_exporter_subjects_dropped{kind="benchmark"}')
    assert dropped is not None
    assert 0 < dropped < PLENTY * 2
    assert 'benchmark_name="first"' in left
    assert exporter.value('benchmark_exporter_series{part="distributions"}') <= 1000  # type: ignore[operator]
    reload(exporter, "max_series: 50000\n")
    assert exporter.get("/metrics?collect[]=distributions") == whole
    assert exporter.value('benchmark_exporter_subjects_dropped{kind="benchmark"}') == 0


def test_one_bad_value_among_many_changes_nothing(exporter: Exporter) -> None:
    path = exporter.folder / "config.yaml"
    path.write_text("max_series: 2000\nproject: elsewhere\nupload_burst: -1\n")
    exporter.process.send_signal(signal.SIGHUP)
    name = "benchmark_exporter_config_last_reload_successful"
    exporter.until(lambda: exporter.value(name) == 0)
    status = json.loads(exporter.get("/api/v1/status"))
    assert status["max_series"] == 50_000
    assert "upload_burst: must be" in status["config_failure"]
    nameless = result(2, {"parsing": 1.0})
    del nameless["project"]
    drop(exporter, "nameless.json", nameless)
    exporter.until(lambda: exporter.value('benchmark_run_info{project="strataregula"}') == 1)
