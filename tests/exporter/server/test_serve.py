"""The running exporter, as a process: what it answers, how soon, and how it ends."""

import html
import json
import os
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.documents import perf_suite
from tests.support.process import Exporter

FULL_FOLDER_FILES = 6000  # a dozen transactions


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    running = Exporter(tmp_path, free_port())
    yield running
    if running.process.poll() is None:
        assert running.stop() == 0, running.log.read_text()


def drop(exporter: Exporter, name: str) -> None:
    (exporter.results / name).write_text(json.dumps(perf_suite()))


def test_browsers_find_an_icon_on_both_ports(tmp_path: Path, free_port: Callable[[], int]) -> None:
    exporter = Exporter(tmp_path, free_port(), stream_port=free_port())
    for port in (exporter.port, exporter.stream_port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/favicon.ico") as answer:
            assert answer.headers.get_content_type() == "image/svg+xml"
            assert answer.read().startswith(b"<svg")
    assert exporter.stop() == 0, exporter.log.read_text()


def test_a_file_is_soon_on_the_metrics_page(exporter: Exporter) -> None:
    drop(exporter, "a.json")
    exporter.until(lambda: b"\nspeedup_ratio{" in exporter.get("/metrics"))


def test_the_time_of_a_scan_is_shown_without_a_commit(exporter: Exporter) -> None:
    exporter.until(lambda: exporter.value("benchmark_exporter_scan_duration_seconds"))
    assert exporter.value("benchmark_exporter_ledger_commits") == 0


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


def test_a_client_on_this_machine_gets_the_state_as_it_is(exporter: Exporter) -> None:
    plain = exporter.get("/metrics?collect[]=state")
    assert exporter.get("/metrics?collect[]=state", {"Accept-Encoding": "gzip"}) == plain


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
    labels = 'alertname="Slow",severity="critical",status="firing"'
    series = f"benchmark_exporter_notifications_received_total{{{labels}}}"
    exporter.until(lambda: exporter.value(series) == 1)
    (shown,) = json.loads(exporter.get("/api/v1/status"))["alerts"]
    assert (shown["alertname"], shown["status"], shown["summary"]) == ("Slow", "firing", "<b>")
    page = exporter.get("/").decode()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


def test_other_than_a_webhook_message_is_refused(exporter: Exporter) -> None:
    status, text = exporter.status_of("/api/v1/alerts", b'{"alerts": [{"status": "burning"}]}')
    assert status == 400
    assert "burning" in text or "status" in text


@pytest.mark.parametrize("name", ["..%2Flog", "%2e%2e%2flog", "log", "Nothing"])
def test_only_runbooks_are_served(exporter: Exporter, name: str) -> None:
    (exporter.folder / "Slow.md").write_text("# Slow\n")
    assert exporter.get("/runbooks/Slow.md") == b"# Slow\n"
    assert exporter.status_of(f"/runbooks/{name}")[0] == 404


SLOW_IN_JAPANESE = (
    "# Slow\n[English](../../runbooks/Slow.md)\n遅い 🐢\n\n実行は、\n遅い\nagain\nhere\n"
)


def test_a_runbook_is_served_in_a_language_or_else_in_english(exporter: Exporter) -> None:
    japanese = exporter.folder.parent / "ja" / exporter.folder.name
    japanese.mkdir(parents=True)
    (exporter.folder / "Slow.md").write_text("# Slow\nhttp://localhost:8000/ shows it.\n")
    (exporter.folder / "Other.md").write_text("# Other\n")
    (japanese / "Slow.md").write_text(SLOW_IN_JAPANESE, encoding="utf-8")
    assert exporter.get("/runbooks/ja/Slow.md").decode() == SLOW_IN_JAPANESE
    page = exporter.get("/runbooks/ja/Slow").decode()
    assert '<article class="prose" lang="ja">' in page
    assert "遅い 🐢" in page
    # A line's end is a space only where words have spaces between them.
    assert "実行は、遅い\nagain\nhere" in page
    assert 'href="../../runbooks/Slow"' in page
    assert 'href="../../site.css"' in page
    assert exporter.get("/runbooks/ja/Other.md") == b"# Other\n"
    assert b'lang="en">' in exporter.get("/runbooks/ja/Other")
    assert exporter.get("/runbooks/en/Other.md") == b"# Other\n"
    for path in ("ja/Nothing", "fr/Slow", "ja/..%2FSlow", "..%2Fja/Slow", "%2e%2e/Slow"):
        assert exporter.status_of(f"/runbooks/{path}")[0] == 404


def test_a_fifo_does_not_block_it(exporter: Exporter) -> None:
    os.mkfifo(exporter.results / "a.json")
    drop(exporter, "b.json")
    exporter.until(lambda: b"\nspeedup_ratio{" in exporter.get("/metrics"))
    (rejected,) = json.loads(exporter.get("/api/v1/status"))["rejected_files"]
    assert (rejected["file"], rejected["reason"]) == ("a.json", "not_a_file")


def test_an_incomplete_file_is_named_and_not_rejected(exporter: Exporter) -> None:
    (exporter.results / "stream.json").write_text('{"context": {}, "benchmarks": [')
    exporter.until(lambda: exporter.value("benchmark_exporter_files_pending") == 1)
    exporter.until(lambda: exporter.value("benchmark_exporter_files_measuring") == 1)
    status = json.loads(exporter.get("/api/v1/status"))
    why = "the file ends before its JSON does"
    assert status["incomplete_files"] == [{"file": "stream.json", "detail": why}]
    assert status["rejected_files"] == []
    page = exporter.get("/files").decode()
    assert "Incomplete, read again (1)" in page
    assert "stream.json" in page
    assert "Rejected (" not in page


def test_a_missing_results_folder_is_reported_and_retried(exporter: Exporter) -> None:
    drop(exporter, "a.json")
    exporter.until(lambda: b"\nspeedup_ratio{" in exporter.get("/metrics"))
    away = exporter.folder / "away"
    failing = "benchmark_exporter_ingest_failing"
    assert exporter.value(failing) == 0
    exporter.results.rename(away)
    exporter.until(lambda: exporter.value(failing) == 1)
    assert "ingest failed, retrying" in exporter.log.read_text()
    assert b"\nspeedup_ratio{" in exporter.get("/metrics")
    reason = f"[Errno 2] No such file or directory: '{exporter.results}'"
    assert json.loads(exporter.get("/api/v1/status"))["failure"] == reason
    page = exporter.get("/").decode()
    assert f"No results are ingested: {html.escape(reason)}" in page
    assert 'href="runbooks/IngestFailing"' in page
    headline = b"<h1>Nothing was wrong when results were last ingested</h1>"
    exporter.until(lambda: headline in exporter.get("/"))
    # Other changes of the ledger do not hide it.
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
    assert b"No results are ingested:" not in exporter.get("/")
    exporter.until(lambda: b"<h1>Nothing is wrong</h1>" in exporter.get("/"))


def test_a_start_page_without_runs_promises_nothing_while_ingest_fails(exporter: Exporter) -> None:
    promise = b"It appears here within seconds."
    exporter.until(lambda: promise in exporter.get("/"))
    away = exporter.folder / "away"
    exporter.results.rename(away)
    exporter.until(lambda: b"appears here once results are ingested again" in exporter.get("/"))
    page = exporter.get("/")
    assert promise not in page
    assert b"<h1>No results are ingested</h1>" in page
    away.rename(exporter.results)
    exporter.until(lambda: promise in exporter.get("/"))


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
    exporter.until(lambda: logged_as_ingested(exporter))
    assert exporter.stop() == 0
    assert logged_as_ingested(exporter) < FULL_FOLDER_FILES
    exporter.start()  # returns once it is ready, which is when the folder has been scanned
    assert logged_as_ingested(exporter) == FULL_FOLDER_FILES
    exporter.until(lambda: exporter.value(series) == FULL_FOLDER_FILES)


def logged_as_ingested(exporter: Exporter) -> int:
    """How many files the large batches in its log had."""
    return sum(
        int(count.replace(",", ""))
        for count in re.findall(r'message="ingested ([\d,]+) files"', exporter.log.read_text())
    )


def test_a_restart_shows_the_known_results_before_it_is_ready(exporter: Exporter) -> None:
    drop(exporter, "a.json")
    exporter.until(lambda: b"\nspeedup_ratio{" in exporter.get("/metrics"))
    assert exporter.stop() == 0
    for number in range(FULL_FOLDER_FILES):
        (exporter.results / f"{number}.json").write_text(
            json.dumps(perf_suite(f"run-{number}", project="other"))
        )
    exporter.launch()
    # It listens before it has opened the ledger.
    exporter.until(lambda: exporter.answers("/metrics"))
    assert exporter.status_of("/-/ready")[0] == 503
    assert b'\nspeedup_ratio{benchmark_name="router"' in exporter.get("/metrics")


def test_the_log_has_one_line_per_event(exporter: Exporter) -> None:
    (exporter.results / "bad\nname.json").write_text("[]")
    exporter.until(lambda: "rejected" in exporter.log.read_text())
    assert all(line.startswith("time=") for line in exporter.log.read_text().splitlines())


def test_a_project_without_a_tracked_branch_is_named(exporter: Exporter) -> None:
    drop(exporter, "a.json")
    exporter.until(lambda: b">router</a>" in exporter.get("/"))
    assert b"no run of a tracked branch" not in exporter.get("/")
    document = json.dumps(perf_suite("develop", project="<b>orbit"))
    (exporter.results / "b.meta.json").write_text('{"branch": "develop"}')
    (exporter.results / "b.json").write_text(document)
    exporter.until(lambda: b"no run of a tracked branch" in exporter.get("/"))
    page = exporter.get("/").decode()
    assert "<strong>&lt;b&gt;orbit has no run of a tracked branch</strong>, so develop, " in page
    assert json.loads(exporter.get("/api/v1/status"))["fallback_branches"] == [
        {"project": "<b>orbit", "branch": "develop"}
    ]
