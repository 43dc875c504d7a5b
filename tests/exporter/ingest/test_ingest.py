"""A file's way through a real folder and ledger: each run counts once, and nothing else stops."""

import itertools
import logging
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from benchmark_exporter.ingest import ingest, log_lines
from tests.support.alerts import WATCHDOG
from tests.support.documents import numbered_run, perf_suite
from tests.support.ledger_files import known_files
from tests.support.series import DUPLICATE, INGESTED, REJECTED, ROUTER, RUNS, SPEEDUP
from tests.support.wired import START_SECONDS, Wired


def test_a_file_is_ingested_by_a_scan_and_by_a_check(wired: Wired) -> None:
    wired.drop("a.json", perf_suite())
    wired.ingest.scan()
    wired.ingest.check([wired.drop("b.json", numbered_run(2))])
    assert wired.value(RUNS, **ROUTER) == 2


def test_what_is_known_is_not_read_again(wired: Wired) -> None:
    path = wired.drop("a.json", perf_suite())
    wired.ingest.scan()
    before = wired.exposition()
    wired.ingest.scan()
    wired.ingest.check([path])
    wired.restart()
    wired.ingest.scan()
    assert wired.exposition() == before


def test_files_that_change_during_a_scan_are_ingested_as_they_are(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "STEP_FILES", 1)
    paths = {
        name: wired.drop(name, numbered_run(number))
        for number, name in enumerate(("removed.json", "rewritten.json", "replaced.json"))
    }
    wired.ingest.scan()
    paths["replaced.json"].unlink()
    wired.drop("unseen.json", numbered_run(3))  # without an event, so the scan has to find it
    steps = wired.ingest.scan_in_steps()
    assert list(itertools.islice(steps, 3)) == [1, 2, 3]
    paths["removed.json"].unlink()
    changed_paths = [
        wired.drop(name, numbered_run(number))
        for number, name in enumerate(("rewritten.json", "replaced.json", "new.json"), 4)
    ]
    wired.ingest.check(changed_paths)
    assert wired.value(RUNS, **ROUTER) == 6
    assert list(steps) == []
    assert wired.value(RUNS, **ROUTER) == 7
    wired.ingest.scan()
    assert sorted(known_files(wired.ledger)) == [
        "new.json",
        "replaced.json",
        "rewritten.json",
        "unseen.json",
    ]
    before = wired.exposition()
    wired.restart()
    wired.ingest.scan()
    assert wired.exposition() == before
    assert wired.value(RUNS, **ROUTER) == 7
    assert wired.value(DUPLICATE) == 0


def test_a_touched_file_is_not_a_duplicate(wired: Wired) -> None:
    path = wired.drop("a.json", perf_suite())
    wired.ingest.scan()
    os.utime(path)
    wired.ingest.scan()
    assert wired.value(DUPLICATE) == 0


def test_a_file_that_becomes_another_run_is_two_runs(wired: Wired) -> None:
    wired.take("latest.json", perf_suite())
    wired.take("latest.json", numbered_run(2))
    assert wired.value(RUNS, **ROUTER) == 2
    assert wired.value(DUPLICATE) == 0


def test_a_copy_counts_as_a_duplicate_once(wired: Wired) -> None:
    wired.take("a.json", perf_suite())
    wired.take("b.json", perf_suite())
    wired.settle()
    wired.restart()
    wired.settle()
    assert (wired.value(RUNS, **ROUTER), wired.value(DUPLICATE)) == (1, 1)


def test_perf_guard_before_perf_suite_is_the_same_run_with_its_outcome(wired: Wired) -> None:
    wired.take("guard.json", perf_suite(verdict="FAIL"))
    wired.take("suite.json", perf_suite())
    assert wired.value(RUNS, **ROUTER) == 1
    assert wired.value("benchmark_gate_passed", benchmark_name="router", criterion="overall") == 0


def test_an_outcome_that_is_known_is_a_duplicate(wired: Wired) -> None:
    wired.take("guard.json", perf_suite(verdict="FAIL"))
    wired.take("again.json", perf_suite(verdict="FAIL") | {"docs": {}})
    assert wired.value(INGESTED, format="perf_guard") == 1
    assert wired.value(DUPLICATE) == 1


def test_an_outcome_that_is_amended_keeps_its_count_and_ends_the_regression(wired: Wired) -> None:
    wired.take("1.json", perf_suite(verdict="FAIL"))
    wired.take("2.json", perf_suite(verdict="PASS"))
    warning = {"benchmark_name": "router", "severity": "warning"}
    assert wired.value("performance_regressions_total", **warning) == 1
    assert wired.value("performance_regression_active", **warning) == 0


def test_an_old_run_that_arrives_late_is_counted_and_not_shown(wired: Wired) -> None:
    wired.take("new.json", perf_suite(speedup=20.0))
    wired.take("old.json", perf_suite("earlier", speedup=5.0, timestamp="2026-02-01T12:00:00Z"))
    assert wired.value("speedup_ratio", **SPEEDUP) == 20
    assert (
        wired.value("performance_regressions_total", benchmark_name="router", severity="critical")
        == 1
    )


def test_a_run_from_the_future_does_not_hide_the_next_one(wired: Wired) -> None:
    wired.take("future.json", perf_suite("future", speedup=5.0, timestamp="2199-01-01T00:00:00Z"))
    wired.now += 3600
    # After the other was ingested, half an hour before this one is.
    made = "2026-05-28T21:00:00Z"
    assert START_SECONDS < 1_780_002_000 < wired.now  # date -ud 2026-05-28T21:00:00 +%s
    wired.take("next.json", perf_suite("next", speedup=20.0, timestamp=made))
    assert wired.value("speedup_ratio", **SPEEDUP) == 20


def test_notifications_are_counted_and_the_newest_of_each_alert_is_kept(wired: Wired) -> None:
    resolved = replace(WATCHDOG, status="resolved")
    wired.ingest.receive([WATCHDOG, WATCHDOG])
    wired.ingest.receive([resolved])
    labels = {"alertname": "Watchdog", "severity": "none"}
    assert (
        wired.value("benchmark_exporter_notifications_received_total", **labels, status="firing")
        == 2
    )
    assert (
        wired.value("benchmark_exporter_notifications_received_total", **labels, status="resolved")
        == 1
    )
    assert [received.notification for received in wired.ledger.state().notifications] == [resolved]


def test_a_large_batch_is_logged_once_and_its_rejections_one_by_one(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    wired.drop("bad.json", {})
    for number in range(log_lines.LOGGED_FILES - 1):
        wired.drop(f"{number}.json", numbered_run(number))
    wired.ingest.scan()
    assert len(caplog.records) == log_lines.LOGGED_FILES
    caplog.clear()
    wired.drop("worse.json", {})
    for number in range(20, 20 + log_lines.LOGGED_FILES):
        wired.drop(f"{number}.json", numbered_run(number))
    wired.ingest.scan()
    assert [record.__dict__["fields"] for record in caplog.records] == [
        {"file": "worse.json"},
        {"remaining": 0},
    ]
    assert caplog.records[-1].getMessage() == f"ingested {log_lines.LOGGED_FILES} files"


def test_a_record_that_fails_does_not_undo_the_others(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2, 3):
        wired.drop(f"{number}.json", numbered_run(number))
    # The clock can be made to fail from outside while one file is recorded: the second one, first
    # within the batch and then alone.
    calls = itertools.count(1)
    wired.clock = lambda: wired.now if next(calls) not in (2, 4) else 1 // 0
    caplog.set_level(logging.ERROR)
    wired.ingest.scan()
    assert wired.value(RUNS, **ROUTER) == 2
    assert wired.value(REJECTED, reason="internal_error") == 1
    assert [record.exc_info is not None for record in caplog.records] == [True]
    wired.restart()
    wired.ingest.scan()
    assert wired.value(RUNS, **ROUTER) == 3


def test_publish_is_called_only_after_commits_that_changed_something(
    tmp_path: Path,
) -> None:
    published: list[int] = []
    wired = Wired(tmp_path, publish=lambda: published.append(wired.ledger.state().commits))
    wired.drop("a.json", perf_suite())
    wired.ingest.scan()
    wired.ingest.scan()
    wired.ingest.receive([WATCHDOG])
    wired.ingest.receive([])
    (wired.results / "a.json").unlink()
    wired.ingest.scan()
    assert published == [1, 2, 3]
    wired.take("bad.json", {})
    wired.restart()
    wired.settle()
    assert published == [1, 2, 3, 4]
    wired.ledger.close()
