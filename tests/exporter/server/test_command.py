"""The command: how `serve` starts or refuses to, and what `check` and `healthcheck` report."""

import json
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.command import run
from tests.support.documents import perf_suite
from tests.support.process import Exporter


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    """An exporter that the test may kill."""
    running = Exporter(tmp_path, free_port())
    yield running
    if running.process.poll() is None:
        assert running.stop() == 0, running.log.read_text()


def test_healthcheck_reports_by_its_exit_status(exporter: Exporter) -> None:
    assert run("healthcheck", f"--listen=0.0.0.0:{exporter.port}").returncode == 0
    assert (
        run(
            "healthcheck", environment={"BENCHMARK_EXPORTER_LISTEN": f"127.0.0.1:{exporter.port}"}
        ).returncode
        == 0
    )
    exporter.process.send_signal(signal.SIGKILL)
    exporter.process.wait()
    down = run("healthcheck", f"--listen=127.0.0.1:{exporter.port}")
    assert down.returncode == 1
    assert str(exporter.port) in down.stderr


def test_an_unknown_setting_stops_the_start_with_its_name(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("settle_secs: 2\n")
    start = run(
        "serve", f"--results-dir={tmp_path}", f"--ledger={tmp_path / 'l'}", f"--config={config}"
    )
    assert start.returncode == 2
    assert "settle_secs" in start.stderr
    assert str(config) in start.stderr


def test_a_broken_metrics_file_stops_the_start_with_its_key(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.yaml"
    metrics.write_text("metrics: [{name: speedup_ratio, type: dial}]\n")
    start = run(
        "serve", f"--results-dir={tmp_path}", f"--ledger={tmp_path / 'l'}", f"--metrics={metrics}"
    )
    assert start.returncode == 2
    assert "$.metrics[0].type" in start.stderr


def test_a_missing_results_folder_stops_the_start(tmp_path: Path) -> None:
    start = run("serve", f"--results-dir={tmp_path / 'nowhere'}")
    assert start.returncode == 2
    assert "nowhere" in start.stderr
    assert "--results-dir" in start.stderr


def test_a_taken_port_stops_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        start = run(
            "serve",
            f"--results-dir={tmp_path}",
            f"--ledger={tmp_path / 'l'}",
            f"--listen=127.0.0.1:{port}",
        )
    assert start.returncode == 2
    assert str(port) in start.stderr


def test_check_reports_what_would_be_ingested(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(perf_suite()))
    check = run("check", path)
    assert check.returncode == 0
    assert f"{path}: perf_suite document" in check.stdout
    assert "speedup p50" in check.stdout


def test_check_reports_exactly_why_a_file_would_be_rejected(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    document = perf_suite()
    good.write_text(json.dumps(document))
    document["metrics"]["compiled"]["p50_ms"] = -1
    bad.write_text(json.dumps(document))
    check = run("check", good, bad, tmp_path / "none.json")
    assert check.returncode == 1
    assert f"{good}: perf_suite document" in check.stdout
    assert f"{bad}: rejected: invalid_value at $.metrics.compiled.p50_ms" in check.stdout
    assert f"{tmp_path / 'none.json'}: rejected: there is no such file" in check.stdout


def test_check_warns_of_a_name_that_would_be_ignored(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(json.dumps(perf_suite()))
    check = run("check", path)
    assert check.returncode == 0
    assert "would be ignored" in check.stdout


def test_version_and_help() -> None:
    assert re.fullmatch(r"benchmark-exporter \d+\.\d+\.\d+\n", run("--version").stdout)
    assert all(command in run("--help").stdout for command in ("serve", "check", "healthcheck"))
