"""The running exporter, as a process: what it answers, how soon, and how it ends."""

import gzip
import html
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.documents import perf_suite
from tests.support.process import COMMAND, DEADLINE_SECONDS, Exporter

FULL_FOLDER_FILES = 6000  # a dozen transactions


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    running = Exporter(tmp_path, free_port())
    yield running
    if running.process.poll() is None:
        assert running.stop() == 0, running.log.read_text()


def drop(exporter: Exporter, name: str) -> None:
    (exporter.results / name).write_text(json.dumps(perf_suite()))


def test_a_file_is_on_the_metrics_page_soon(exporter: Exporter) -> None:
    drop(exporter, "a.json")
    exporter.until(lambda: b"\nspeedup_ratio{" in exporter.get("/metrics"))


def test_a_file_in_a_new_folder_is_found(exporter: Exporter) -> None:
    (exporter.results / "2026" / "11").mkdir(parents=True)
    drop(exporter, "2026/11/a.json")
    exporter.until(lambda: b"\nspeedup_ratio{" in exporter.get("/metrics"))


def test_a_counter_is_first_shown_as_0(exporter: Exporter) -> None:
    series = 'benchmark_exporter_files_ingested_total{format="perf_suite"}'
    drop(exporter, "a.json")
    exporter.until(lambda: exporter.value(series) is not None)
    assert exporter.value(series) == 0
    exporter.until(lambda: exporter.value(series) == 1)


def test_parts_make_the_whole(exporter: Exporter) -> None:
    drop(exporter, "a.json")
    exporter.until(lambda: b"\nspeedup_ratio{" in exporter.get("/metrics"))
    series = [
        {
            line.rpartition(" ")[0]
            for line in exporter.get(f"/metrics{query}").decode().splitlines()
            if not line.startswith("#")
        }
        for query in ("", "?collect[]=state", "?collect[]=distributions", "?collect[]=resources")
    ]
    assert series[0] == series[1] | series[2] | series[3]
    assert len(series[0]) == sum(map(len, series[1:]))
    whole = exporter.get("/metrics").decode().splitlines()
    kinds = [line.split(" ")[2] for line in whole if line.startswith("# TYPE")]
    assert len(set(kinds)) == len(kinds)


def test_an_unknown_part_is_refused_by_name(exporter: Exporter) -> None:
    status, text = exporter.status_of("/metrics?collect[]=everything")
    assert status == 400
    assert "everything" in text
    assert "distributions" in text


def test_compressed_and_plain_are_the_same(exporter: Exporter) -> None:
    plain = exporter.get("/metrics?collect[]=state")
    assert (
        gzip.decompress(exporter.get("/metrics?collect[]=state", {"Accept-Encoding": "gzip"}))
        == plain
    )


def test_notifications_are_counted_and_shown(exporter: Exporter) -> None:
    alert = {
        "status": "firing",
        "fingerprint": "1",
        "labels": {"alertname": "Slow", "severity": "critical"},
        "annotations": {"summary": "<b>"},
    }
    assert exporter.status_of(
        "/api/v1/alerts", json.dumps({"version": "4", "alerts": [alert]}).encode()
    ) == (200, "ok\n")
    series = 'benchmark_exporter_notifications_received_total{alertname="Slow",severity="critical",status="firing"}'
    exporter.until(lambda: exporter.value(series) == 1)
    (shown,) = json.loads(exporter.get("/api/v1/status"))["alerts"]
    assert (shown["alertname"], shown["status"], shown["summary"]) == ("Slow", "firing", "<b>")
    page = exporter.get("/").decode()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


def test_what_is_no_webhook_message_is_refused(exporter: Exporter) -> None:
    status, text = exporter.status_of("/api/v1/alerts", b'{"alerts": [{"status": "burning"}]}')
    assert status == 400
    assert "burning" in text or "status" in text


@pytest.mark.parametrize("name", ["..%2Flog", "%2e%2e%2flog", "log", "Nothing"])
def test_only_runbooks_are_served(exporter: Exporter, name: str) -> None:
    (exporter.folder / "Slow.md").write_text("# Slow\n")
    assert exporter.get("/runbooks/Slow") == b"# Slow\n"
    assert exporter.status_of(f"/runbooks/{name}")[0] == 404


def test_a_fifo_does_not_hold_it_up(exporter: Exporter) -> None:
    os.mkfifo(exporter.results / "a.json")
    drop(exporter, "b.json")
    exporter.until(lambda: b"\nspeedup_ratio{" in exporter.get("/metrics"))
    (rejected,) = json.loads(exporter.get("/api/v1/status"))["rejected_files"]
    assert (rejected["file"], rejected["reason"]) == ("a.json", "not_a_file")


def test_a_results_folder_that_vanishes_is_said_and_waited_for(exporter: Exporter) -> None:
    drop(exporter, "a.json")
    exporter.until(lambda: b"\nspeedup_ratio{" in exporter.get("/metrics"))
    away = exporter.folder / "away"
    failing = "benchmark_exporter_ingest_failing"
    assert exporter.value(failing) == 0
    exporter.results.rename(away)
    exporter.until(lambda: exporter.value(failing) == 1)
    assert "ingesting failed, it is tried again" in exporter.log.read_text()
    assert b"\nspeedup_ratio{" in exporter.get("/metrics")
    reason = f"[Errno 2] No such file or directory: '{exporter.results}'"
    assert json.loads(exporter.get("/api/v1/status"))["failure"] == reason
    page = exporter.get("/").decode()
    assert f"No result is taken in: {html.escape(reason)}" in page
    assert 'href="runbooks/IngestFailing"' in page
    # What else is written to the ledger meanwhile does not hide it.
    alert = {
        "status": "firing",
        "fingerprint": "1",
        "labels": {"alertname": "Watchdog"},
        "annotations": {},
    }
    commits = exporter.value("benchmark_exporter_ledger_commits")
    assert exporter.status_of("/api/v1/alerts", json.dumps({"alerts": [alert]}).encode())[0] == 200
    assert exporter.value("benchmark_exporter_ledger_commits") != commits
    assert exporter.value(failing) == 1
    away.rename(exporter.results)
    drop(exporter, "b.json")
    exporter.until(lambda: exporter.value("benchmark_exporter_files_duplicate_total") == 1)
    exporter.until(lambda: exporter.value(failing) == 0)
    assert json.loads(exporter.get("/api/v1/status"))["failure"] is None
    assert b"No result is taken in" not in exporter.get("/")


def test_sigterm_ends_it_cleanly_and_a_restart_shows_the_same(exporter: Exporter) -> None:
    drop(exporter, "a.json")
    exporter.until(
        lambda: exporter.value('benchmark_exporter_files_ingested_total{format="perf_suite"}') == 1
    )
    before = exporter.get("/metrics?collect[]=state")
    assert exporter.stop() == 0
    assert "stopped" in exporter.log.read_text()
    exporter.start()
    assert exporter.get("/metrics?collect[]=state") == before


def test_sigterm_does_not_wait_for_a_full_folder(exporter: Exporter) -> None:
    assert exporter.stop() == 0
    for number in range(FULL_FOLDER_FILES):
        (exporter.results / f"{number}.json").write_text(json.dumps(perf_suite(f"run-{number}")))
    exporter.launch()
    series = 'benchmark_exporter_files_ingested_total{format="perf_suite"}'
    exporter.until(lambda: taken_in(exporter))
    assert exporter.stop() == 0
    assert taken_in(exporter) < FULL_FOLDER_FILES
    exporter.start()  # and wait until it is ready, which is when the folder has been read
    assert taken_in(exporter) == FULL_FOLDER_FILES
    exporter.until(lambda: exporter.value(series) == FULL_FOLDER_FILES)


def taken_in(exporter: Exporter) -> int:
    """How many files its log speaks of; of large batches as a whole."""
    return sum(
        int(count.replace(",", ""))
        for count in re.findall(r'message="ingested ([\d,]+) files"', exporter.log.read_text())
    )


def test_a_restart_goes_on_showing_what_it_showed_before_it_is_ready(exporter: Exporter) -> None:
    drop(exporter, "a.json")
    exporter.until(lambda: b"\nspeedup_ratio{" in exporter.get("/metrics"))
    assert exporter.stop() == 0
    for number in range(FULL_FOLDER_FILES):
        (exporter.results / f"{number}.json").write_text(
            json.dumps(perf_suite(f"run-{number}", project="other"))
        )
    exporter.launch()
    exporter.until(lambda: exporter.answers("/-/healthy"))
    assert exporter.status_of("/-/ready")[0] == 503
    assert b'\nspeedup_ratio{benchmark_name="router"' in exporter.get("/metrics")


def test_the_log_is_one_line_an_event(exporter: Exporter) -> None:
    (exporter.results / "bad\nname.json").write_text("[]")
    exporter.until(lambda: "rejected" in exporter.log.read_text())
    assert all(line.startswith("time=") for line in exporter.log.read_text().splitlines())


def run(
    *words: str | Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def test_healthcheck_tells_by_its_exit_status(exporter: Exporter) -> None:
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


def test_check_says_what_would_be_ingested(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(perf_suite()))
    check = run("check", path)
    assert check.returncode == 0
    assert f"{path}: perf_suite document" in check.stdout
    assert "speedup p50" in check.stdout


def test_check_says_exactly_why_not(tmp_path: Path) -> None:
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


def test_check_warns_of_a_name_that_is_not_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(json.dumps(perf_suite()))
    check = run("check", path)
    assert check.returncode == 0
    assert "would be ignored" in check.stdout


def test_version_and_help() -> None:
    assert re.fullmatch(r"benchmark-exporter \d+\.\d+\.\d+\n", run("--version").stdout)
    assert all(command in run("--help").stdout for command in ("serve", "check", "healthcheck"))
