"""The path of a file through a real folder and ledger: each thing once, each mistake named, everything else goes on."""

import itertools
import logging
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from benchmark_exporter.config import Config
from benchmark_exporter.ingest import ingest
from benchmark_exporter.ingest.reading import EMPTY_SETTLE_SECONDS
from tests.support.alerts import WATCHDOG
from tests.support.documents import Json, bench_guard, changed, perf_suite, pipeline
from tests.support.wired import START_SECONDS, Wired

INGESTED = "benchmark_exporter_files_ingested_total"
DUPLICATE = "benchmark_exporter_files_duplicate_total"
REJECTED = "benchmark_exporter_files_rejected_total"
PRESENT = "benchmark_exporter_rejected_files"
RUNS = "benchmark_runs_total"
ROUTER = {"benchmark_name": "router", "environment": "self-hosted"}


def other_run(number: int, **values: float) -> Json:
    return perf_suite(f"run-{number}", timestamp=f"2026-03-01T13:00:{number:02}Z", **values)  # type: ignore[arg-type]  # floats only here


def test_a_file_is_ingested_by_a_scan_and_by_a_look(wired: Wired) -> None:
    wired.drop("a.json", perf_suite())
    wired.ingest.scan()
    wired.ingest.check([wired.drop("b.json", other_run(2))])
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


def test_what_comes_and_goes_while_a_folder_is_read_is_taken_as_it_is(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "STEP_FILES", 1)
    paths = {
        name: wired.drop(name, other_run(number))
        for number, name in enumerate(("removed.json", "rewritten.json", "replaced.json"))
    }
    wired.ingest.scan()
    paths["replaced.json"].unlink()
    wired.drop("unseen.json", other_run(3))  # without an event: the scan has to find it
    steps = wired.ingest.scan_in_steps()
    assert list(itertools.islice(steps, 3)) == [1, 2, 3]
    paths["removed.json"].unlink()
    changed_paths = [
        wired.drop(name, other_run(number))
        for number, name in enumerate(("rewritten.json", "replaced.json", "new.json"), 4)
    ]
    wired.ingest.check(changed_paths)
    assert wired.value(RUNS, **ROUTER) == 6
    assert list(steps) == []
    assert wired.value(RUNS, **ROUTER) == 7
    wired.ingest.scan()
    assert sorted(wired.ledger.signatures()) == [
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


def test_a_touched_file_is_no_duplicate(wired: Wired) -> None:
    path = wired.drop("a.json", perf_suite())
    wired.ingest.scan()
    os.utime(path)
    wired.ingest.scan()
    assert wired.value(DUPLICATE) == 0


def test_a_file_that_becomes_another_run_is_two_runs(wired: Wired) -> None:
    wired.take("latest.json", perf_suite())
    wired.take("latest.json", other_run(2))
    assert wired.value(RUNS, **ROUTER) == 2
    assert wired.value(DUPLICATE) == 0


def test_a_copy_counts_as_a_duplicate_once(wired: Wired) -> None:
    wired.take("a.json", perf_suite())
    wired.take("b.json", perf_suite())
    wired.settle()
    wired.restart()
    wired.settle()
    assert (wired.value(RUNS, **ROUTER), wired.value(DUPLICATE)) == (1, 1)


def test_perf_guard_before_perf_suite_is_the_same_run_with_its_verdict(wired: Wired) -> None:
    wired.take("guard.json", perf_suite(verdict="FAIL"))
    wired.take("suite.json", perf_suite())
    assert wired.value(RUNS, **ROUTER) == 1
    assert wired.value("benchmark_gate_passed", benchmark_name="router", criterion="overall") == 0


def test_a_verdict_that_says_nothing_new_is_a_duplicate(wired: Wired) -> None:
    wired.take("guard.json", perf_suite(verdict="FAIL"))
    wired.take("again.json", perf_suite(verdict="FAIL") | {"docs": {}})
    assert wired.value(INGESTED, format="perf_guard") == 1
    assert wired.value(DUPLICATE) == 1


def test_a_verdict_taken_back_keeps_its_count_and_ends_the_regression(wired: Wired) -> None:
    wired.take("1.json", perf_suite(verdict="FAIL"))
    wired.take("2.json", perf_suite(verdict="PASS"))
    warning = {"benchmark_name": "router", "severity": "warning"}
    assert wired.value("performance_regressions_total", **warning) == 1
    assert wired.value("performance_regression_active", **warning) == 0


def test_an_old_run_that_comes_late_is_counted_and_does_not_show(wired: Wired) -> None:
    wired.take("new.json", perf_suite(speedup=20.0))
    wired.take("old.json", perf_suite("earlier", speedup=5.0, timestamp="2026-02-01T12:00:00Z"))
    assert (
        wired.value(
            "speedup_ratio", benchmark_name="router", percentile="p50", baseline_version="v0.3.0"
        )
        == 20
    )
    assert (
        wired.value("performance_regressions_total", benchmark_name="router", severity="critical")
        == 1
    )


def test_a_run_from_the_future_does_not_hide_the_next_one(wired: Wired) -> None:
    wired.take("future.json", perf_suite("future", speedup=5.0, timestamp="2199-01-01T00:00:00Z"))
    wired.now += 3600
    made = "2026-05-28T21:00:00Z"  # after the ingest of the other, half an hour before its own
    assert START_SECONDS < 1_780_002_000 < wired.now  # date -ud 2026-05-28T21:00:00 +%s
    wired.take("next.json", perf_suite("next", speedup=20.0, timestamp=made))
    assert (
        wired.value(
            "speedup_ratio", benchmark_name="router", percentile="p50", baseline_version="v0.3.0"
        )
        == 20
    )


def test_pipelines_failure_ratio_is_of_the_newest_twenty_and_needs_five(wired: Wired) -> None:
    wired.drop("0.json", pipeline("0", status="fail", timestamp="2026-01-01T00:00:00Z"))
    for number in range(1, 4):
        wired.drop(
            f"{number}.json", pipeline(f"{number}", timestamp=f"2026-02-{number:02}T00:00:00Z")
        )
    wired.settle()
    assert wired.value("ci_pipeline_failure_ratio", pipeline="nightly") is None
    wired.take("4.json", pipeline("4", timestamp="2026-02-04T00:00:00Z"))
    assert wired.value("ci_pipeline_failure_ratio", pipeline="nightly") == 0.2
    for number in range(5, 21):
        wired.drop(
            f"{number}.json", pipeline(f"{number}", timestamp=f"2026-02-{number:02}T00:00:00Z")
        )
    wired.settle()
    assert (
        wired.value("ci_pipeline_failure_ratio", pipeline="nightly") == 0
    )  # the failed one is the 21st


def test_a_pipelines_duration_is_its_newest_runs_and_goes_with_one_that_states_none(
    wired: Wired,
) -> None:
    labels = {"pipeline": "nightly", "branch": "main", "trigger": "schedule"}
    wired.take(
        "2.json", pipeline("2", timestamp="2026-02-02T00:00:00Z") | {"duration_seconds": 61.5}
    )
    wired.take(
        "1.json", pipeline("1", timestamp="2026-02-01T00:00:00Z") | {"duration_seconds": 30.0}
    )
    assert wired.value("ci_pipeline_duration_seconds", **labels) == 61.5
    wired.take("3.json", pipeline("3", timestamp="2026-02-03T00:00:00Z"))
    assert wired.value("ci_pipeline_duration_seconds", **labels) is None


def test_a_suites_median_is_one_observation_of_the_histogram(wired: Wired) -> None:
    wired.take("a.json", perf_suite(p50_ms=0.05, speedup=20.0))
    labels = {
        "benchmark_name": "router/compiled",
        "iteration": "median",
        "environment": "self-hosted",
    }
    assert wired.value("benchmark_execution_time_ms_count", **labels) == 1
    assert (
        wired.value("benchmark_execution_time_ms_bucket", **labels, le="0.05") == 1
    )  # a bound is within its bucket
    assert wired.value("benchmark_execution_time_ms_bucket", **labels, le="0.025") == 0


def result(
    samples: list[float],
    *,
    unit: str = "milliseconds",
    failures: tuple[str, ...] = (),
    second: int = 0,
) -> Json:
    """A document of our own format."""
    measured = [{"benchmark": "parsing", "unit": unit, "samples": samples}] if samples else []
    failed = [{"benchmark": name, "error": "TypeError"} for name in failures]
    moment = f"2026-03-01T12:00:{second:02}Z"
    return {
        "schema": "strataregula.result/1",
        "timestamp": moment,
        "environment": "ci",
        "results": measured,
        "failures": failed,
    }


PARSING = {"benchmark_name": "parsing", "environment": "ci"}


def test_every_raw_sample_is_an_observation_and_its_statistics_are_exact(wired: Wired) -> None:
    samples = [number / 1000 for number in range(1, 10_001)]  # 0.001 … 10 ms
    wired.take("a.json", result(samples))
    labels = PARSING | {"iteration": "sample"}
    assert wired.value("benchmark_execution_time_ms_count", **labels) == 10_000
    assert wired.value("benchmark_execution_time_ms_bucket", **labels, le="2.5") == 2500
    assert wired.value("benchmark_execution_time_ms_sum", **labels) == pytest.approx(50_005)
    assert wired.value("benchmark_time_seconds", **PARSING, statistic="p99") == pytest.approx(
        0.00990001
    )  # rank 9899.01 of 0 … 9999
    assert wired.value("benchmark_samples", **PARSING) == 10_000


def test_what_is_no_time_is_not_among_the_execution_times(wired: Wired) -> None:
    wired.take("a.json", result([4096], unit="bytes"))
    assert wired.value("benchmark_size_bytes", **PARSING, statistic="p50", better="lower") == 4096
    assert "benchmark_execution_time_ms_count" not in wired.samples()
    assert "benchmark_time_seconds" not in wired.samples()


def test_a_difference_of_times_is_shown_and_is_not_among_the_execution_times(wired: Wired) -> None:
    wired.take("a.json", [{"name": "parsing", "unit": "ms", "value": -0.5}])
    assert (
        wired.value(
            "benchmark_time_seconds",
            benchmark_name="parsing",
            environment="local",
            statistic="mean",
        )
        == -0.0005
    )
    assert "benchmark_execution_time_ms_count" not in wired.samples()


def test_a_quantity_that_changes_its_unit_is_shown_in_the_newest_only(wired: Wired) -> None:
    wired.take("a.json", result([1.0]))
    wired.take("b.json", result([4096], unit="bytes", second=1))
    assert "benchmark_time_seconds" not in wired.samples()
    assert wired.value("benchmark_size_bytes", **PARSING, statistic="p50", better="lower") == 4096


def test_a_failed_benchmark_is_visible_and_keeps_its_last_statistics(wired: Wired) -> None:
    wired.take("a.json", result([1.0]))
    assert (
        wired.value("benchmark_last_run_failed", **PARSING),
        wired.value("benchmark_failures_total", **PARSING),
    ) == (0, 0)
    wired.take("b.json", result([], failures=("parsing",), second=1))
    assert (
        wired.value("benchmark_last_run_failed", **PARSING),
        wired.value("benchmark_failures_total", **PARSING),
    ) == (1, 1)
    assert wired.value("benchmark_time_seconds", **PARSING, statistic="p50") == pytest.approx(0.001)
    assert wired.value(RUNS, **PARSING) == 2
    wired.take("c.json", result([2.0], second=2))
    assert (
        wired.value("benchmark_last_run_failed", **PARSING),
        wired.value("benchmark_failures_total", **PARSING),
    ) == (0, 1)


def test_a_failure_that_comes_again_in_other_words_is_a_duplicate(wired: Wired) -> None:
    document = result([1.0], failures=("rendering", "rendering"))
    wired.take("a.json", document)
    wired.take("b.json", document | {"branch": "main"})
    assert (
        wired.value("benchmark_failures_total", benchmark_name="rendering", environment="ci") == 1
    )
    assert wired.value(DUPLICATE) == 1


def test_a_baseline_is_known_for_one_and_is_no_run(wired: Wired) -> None:
    wired.take(
        "baseline.json",
        {"parsing": {"mean_us": 1.0, "p95_us": 2.0, "ops_per_second": 1e6, "memory_delta_mb": 0.0}},
    )
    assert wired.value(INGESTED, format="bench_suite_baseline") == 1
    assert RUNS not in wired.samples()
    assert PRESENT not in wired.samples()


def test_only_the_newest_five_commits_of_a_benchmark_are_shown(wired: Wired) -> None:
    for number in (7, 3, 5, 1, 6, 2, 4):
        wired.drop(
            f"{number}.json",
            perf_suite(
                f"{number}",
                commit=f"c{number}",
                speedup=5.0,
                timestamp=f"2026-03-0{number}T00:00:00Z",
            ),
        )
    wired.settle()
    shown = wired.samples()["performance_regression_detected_total"]
    assert {dict(labels)["commit_hash"] for labels in shown} == {"c3", "c4", "c5", "c6", "c7"}


def test_notifications_are_counted_and_the_newest_word_on_each_alert_is_kept(wired: Wired) -> None:
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


# Files that end early


def test_a_young_file_is_waited_for_and_then_ingested(wired: Wired) -> None:
    whole = Path(wired.drop("a.json", perf_suite())).read_bytes()
    for size in (0, 1, 200):
        wired.drop("a.json", whole[:size])
        wired.ingest.scan()
        wired.now += wired.config.settle_seconds * 0.9
        assert wired.ingest.pending_files == 1
    wired.drop("a.json", whole)
    wired.ingest.scan()
    assert wired.ingest.pending_files == 0
    assert wired.value(RUNS, **ROUTER) == 1
    assert REJECTED not in wired.samples()


def test_a_file_that_stays_cut_off_is_rejected_when_it_has_settled(wired: Wired) -> None:
    wired.drop("a.json", b'{"run": ')
    wired.ingest.scan()
    assert REJECTED not in wired.samples()
    wired.now += wired.config.settle_seconds
    wired.ingest.scan()
    assert wired.ingest.pending_files == 0
    assert wired.value(REJECTED, reason="truncated") == 1


def test_a_file_that_cannot_be_read_yet_is_waited_for(wired: Wired) -> None:
    (wired.results / "a.json").symlink_to("a.txt")
    wired.ingest.scan()
    assert wired.ingest.pending_files == 1
    wired.drop("a.txt", perf_suite())
    wired.ingest.scan()
    assert wired.value(RUNS, **ROUTER) == 1
    assert REJECTED not in wired.samples()


def test_a_young_file_that_goes_is_not_waited_for(wired: Wired) -> None:
    path = wired.drop("a.json", b"{")
    wired.ingest.scan()
    path.unlink()
    wired.ingest.scan()
    assert wired.ingest.pending_files == 0


# Rejections


def test_a_rejected_file_is_counted_once_whatever_happens_to_it(wired: Wired) -> None:
    path = wired.drop("a.json", b"[]")
    wired.settle()
    before = wired.exposition()
    wired.settle()
    wired.restart()
    wired.settle()
    assert wired.exposition() == before
    os.utime(path)
    wired.settle()
    assert wired.value(REJECTED, reason="unknown_format") == 1


def test_a_mended_file_is_ingested_and_no_longer_among_the_rejected(wired: Wired) -> None:
    wired.take("a.json", b"[]")
    wired.take("a.json", perf_suite())
    assert wired.value(RUNS, **ROUTER) == 1
    assert wired.value(PRESENT, reason="unknown_format") == 0
    assert wired.value(REJECTED, reason="unknown_format") == 1


@pytest.mark.parametrize("while_down", [False, True])
def test_a_removed_file_is_no_longer_among_the_rejected(wired: Wired, while_down: bool) -> None:
    path = wired.drop("a.json", b"[]")
    wired.settle()
    path.unlink()
    if while_down:
        wired.restart()
    wired.ingest.scan()
    assert wired.value(PRESENT, reason="unknown_format") == 0


def test_after_a_start_a_rejected_file_gets_another_chance(wired: Wired) -> None:
    wired.restart(Config(max_file_bytes=100))
    wired.take("a.json", perf_suite())
    assert wired.value(PRESENT, reason="too_large") == 1
    wired.restart(Config())
    wired.settle()
    assert wired.value(PRESENT, reason="too_large") == 0
    assert wired.value(RUNS, **ROUTER) == 1


def test_a_rejection_is_logged_once_with_file_reason_and_place(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    wired.take("bad.json", changed(perf_suite(), "metrics.cv", -1))
    wired.settle()
    (record,) = caplog.records
    assert record.getMessage() == "rejected: invalid_value at $.metrics.cv: Expected `float` >= 0.0"
    assert record.__dict__["fields"] == {"file": "bad.json"}


def test_a_large_batch_is_logged_as_one_but_for_what_was_rejected(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    wired.drop("bad.json", {})
    for number in range(ingest.LOGGED_FILES - 1):
        wired.drop(f"{number}.json", other_run(number))
    wired.ingest.scan()
    assert len(caplog.records) == ingest.LOGGED_FILES
    caplog.clear()
    wired.drop("worse.json", {})
    for number in range(20, 20 + ingest.LOGGED_FILES):
        wired.drop(f"{number}.json", other_run(number))
    wired.ingest.scan()
    assert [record.__dict__["fields"] for record in caplog.records] == [
        {"file": "worse.json"},
        {"remaining": 0},
    ]
    assert caplog.records[-1].getMessage() == f"ingested {ingest.LOGGED_FILES} files"


def test_one_record_that_fails_does_not_undo_the_others(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2, 3):
        wired.drop(f"{number}.json", other_run(number))
    # A clock is what can be made to fail from outside while one file is recorded: the second of the batch, and again by itself.
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


def test_publish_is_called_after_commits_that_changed_something_and_then_only(
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


def test_an_empty_file_waits_for_its_writers_first_word(wired: Wired) -> None:
    wired.take("slow.json", b"")
    wired.take("dead.json", b"")
    assert wired.ingest.pending_files == 2
    assert wired.ingest.due_seconds == START_SECONDS + EMPTY_SETTLE_SECONDS
    wired.now = START_SECONDS + EMPTY_SETTLE_SECONDS - 1
    wired.take("slow.json", perf_suite())
    wired.settle()
    assert [(file.path, file.reason) for file in wired.ledger.state().rejected_files] == [
        ("dead.json", "truncated")
    ]
    assert (wired.value(RUNS, **ROUTER), wired.ingest.pending_files) == (1, 0)


def _hostile(wired: Wired) -> list[tuple[str, str]]:
    """Everything that issue-worthy writers have dropped, as file name and expected reason."""
    os.mkfifo(wired.results / "fifo.json")
    (wired.results / "folder.json").mkdir()
    (wired.results / "outside.json").symlink_to("/etc/passwd")
    (wired.results / "dangling.json").symlink_to("nowhere")
    wired.drop("huge.json", b" " * (wired.config.max_file_bytes + 1))
    wired.drop("cut.json", b'{"run":')
    wired.drop("malformed.json", b"{]")
    wired.drop("latin1.json", '{"name": "é"}'.encode("latin-1"))
    wired.drop("nan.json", changed(perf_suite(), "metrics.cv", float("nan")))
    wired.drop("negative.json", changed(perf_suite(), "metrics.compiled.p50_ms", -1))
    wired.drop("wrong-type.json", changed(perf_suite(), "metrics", {"compiled": 3}))
    wired.drop("long-name.json", bench_guard({"x" * 10_000: 20.0}, passed=True))
    wired.drop("surrogate.json", changed(perf_suite(), "run.git_sha", "\ud800"))
    wired.drop("deep.json", b"[" * 1_000_000)
    wired.drop("alien.json", {"hello": "world"})
    return [
        *(
            ("fifo", "not_a_file"),
            ("folder", "not_a_file"),
            ("outside", "link_outside"),
            ("dangling", "unreadable"),
        ),
        *(
            ("huge", "too_large"),
            ("cut", "truncated"),
            ("malformed", "malformed_json"),
            ("latin1", "not_utf8"),
            ("nan", "not_finite"),
        ),
        *(
            ("negative", "invalid_value"),
            ("wrong-type", "invalid_value"),
            ("long-name", "invalid_value"),
        ),
        *(("surrogate", "malformed_json"), ("deep", "malformed_json"), ("alien", "unknown_format")),
    ]


def test_bad_files_are_named_and_counted_and_the_next_good_one_is_ingested(wired: Wired) -> None:
    expected = _hostile(wired)
    wired.settle()
    wired.take("good.json", perf_suite())
    rejected = {
        file.path.removesuffix(".json"): file.reason for file in wired.ledger.state().rejected_files
    }
    assert rejected == dict(expected)
    for reason in set(rejected.values()):
        assert wired.value(REJECTED, reason=reason) == list(rejected.values()).count(reason)
    assert wired.value(RUNS, **ROUTER) == 1


def test_bad_files_do_not_take_a_good_one_of_their_batch_with_them(wired: Wired) -> None:
    wired.drop("a.json", perf_suite())
    _hostile(wired)
    wired.drop("z.json", other_run(2))
    wired.settle()
    assert wired.value(RUNS, **ROUTER) == 2
