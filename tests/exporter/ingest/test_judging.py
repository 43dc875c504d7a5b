"""Results judged against their history, from the files to the exposition."""

from datetime import UTC, datetime

import pytest

from tests.support.documents import perf_suite, result
from tests.support.histories import LEAST, STEADY, judged, take, value, verdict, verdicts
from tests.support.wired import Wired


def test_too_few_runs_give_no_verdict(wired: Wired) -> None:
    take(wired, STEADY[:LEAST])
    assert verdict(wired) == "insufficient_data"
    take(wired, STEADY[LEAST : LEAST + 1], start=LEAST)
    assert verdict(wired) == "ok"


def test_a_large_step_is_suspect_then_critical_and_a_recovery_is_ok(wired: Wired) -> None:
    take(wired, STEADY)
    seen = []
    for number, milliseconds in enumerate([1.5, 1.5, 1.5, 1.0], 100):
        take(wired, [milliseconds], start=number)
        seen.append(verdict(wired))
    assert seen == ["suspect", "critical", "critical", "ok"]
    assert value(wired, "benchmark_regressions_confirmed_total") == 2
    for number in (101, 102):
        found = wired.value(
            "performance_regression_detected_total",
            benchmark_name="parsing",
            severity="critical",
            commit_hash=f"commit-{number}",
        )
        assert found == 1


def test_a_small_step_is_a_warning_and_never_counted(wired: Wired) -> None:
    take(wired, STEADY * 2)
    seen = []
    for number in range(100, 108):
        take(wired, [1.05 * STEADY[number % 5]], start=number)
        seen.append(verdict(wired))
    assert "critical" not in seen
    assert seen[-1] == "warning"
    (labels,) = wired.samples()["benchmark_regression_info"]
    # 1.05 ms is nearer to the limit of 1.07 ms than to the reference, so none of them is good.
    assert dict(labels)["previous_commit_hash"] == f"commit-{2 * len(STEADY) - 1}"
    assert value(wired, "benchmark_regressions_confirmed_total") == 0


def test_a_single_bad_run_alerts_nobody(wired: Wired) -> None:
    take(wired, [*STEADY, 3.0])
    assert verdict(wired) == "suspect"
    assert "benchmark_regression_info" not in wired.samples()
    take(wired, [1.0], start=100)
    assert verdict(wired) == "ok"
    assert value(wired, "benchmark_regressions_confirmed_total") == 0


def test_a_worse_level_that_lasts_is_shown_as_unaccepted_until_it_is_fixed(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    take(wired, STEADY)
    runs = 30  # accept_after_runs
    for number in range(runs + 4):
        wired.now += 86_400.0  # more than accept_after_days in all
        moment = datetime.fromtimestamp(wired.now, UTC)
        wired.take(
            f"slow-{number}.json",
            result(number, {"parsing": 1.5})
            | {"timestamp": moment.isoformat(), "run_id": f"slow-{number}"},
        )
    assert verdict(wired) == "ok"
    assert value(wired, "benchmark_unaccepted_level_info") == pytest.approx(1.0e-3, rel=0.02)
    (line,) = [each for each in caplog.messages if "baseline set" in each]
    assert "parsing stayed worse and is no longer critical" in line
    confirmed = value(wired, "benchmark_regressions_confirmed_total")
    assert confirmed is not None
    assert runs - 2 <= confirmed <= runs
    for number in range(200, 203):
        wired.now += 86_400.0
        moment = datetime.fromtimestamp(wired.now, UTC)
        fixed = result(number, {"parsing": 1.0}) | {"timestamp": moment.isoformat()}
        wired.take(f"fixed-{number}.json", fixed)
    assert value(wired, "benchmark_unaccepted_level_info") is None
    assert verdict(wired) == "improved"


def test_the_figures_in_an_alert_are_exposed_while_it_is_a_regression(wired: Wired) -> None:
    take(wired, STEADY)
    assert not [name for name in wired.samples() if name.startswith("benchmark_regression_")]
    take(wired, [1.5, 1.5], start=100)
    # By hand: the window's median is 1.0 ms, 1.5 ms is half as much again.
    assert value(wired, "benchmark_regression_value") == pytest.approx(1.5e-3)
    assert value(wired, "benchmark_regression_reference_value") == pytest.approx(1.0e-3)
    assert value(wired, "benchmark_regression_worsening_ratio") == pytest.approx(0.5)
    noise = value(wired, "benchmark_regression_noise_ratio")
    assert noise is not None
    assert 0 < noise < 0.1
    since = {
        "commit_hash": "commit-101",
        "previous_commit_hash": f"commit-{len(STEADY) - 1}",
        "project": "router",
        "unit": "seconds",
    }
    assert value(wired, "benchmark_regression_info", **since) == 1
    assert value(wired, "benchmark_verdict_info", **since) == 1
    assert value(wired, "benchmark_judged_value", unit="seconds") == pytest.approx(1.5e-3)
    assert value(wired, "benchmark_reference_value", reference="rolling") == pytest.approx(1.0e-3)
    limit = value(wired, "benchmark_limit_value")
    assert limit is not None
    assert 1.0e-3 < limit < 1.5e-3
    detectable = value(wired, "benchmark_detectable_change_ratio")
    assert detectable is not None
    assert 0.03 <= detectable <= limit / 1.0e-3 - 1 + 1e-9


def test_the_last_good_commit_stays_the_same_throughout_a_regression(wired: Wired) -> None:
    take(wired, STEADY)
    take(wired, [1.5, 1.5, 1.5], start=100)
    (labels,) = wired.samples()["benchmark_regression_info"]
    assert dict(labels)["previous_commit_hash"] == f"commit-{len(STEADY) - 1}"
    assert dict(labels)["commit_hash"] == "commit-102"


def test_noise_is_suppressed_and_counted(wired: Wired) -> None:
    take(wired, [1.0, 1.4, 0.8, 1.3, 0.7, 1.2] * 3)
    before = value(wired, "benchmark_regressions_suppressed_total")
    assert before is not None
    take(wired, [1.35], start=100)
    assert verdict(wired) == "ok"
    assert value(wired, "benchmark_regressions_suppressed_total") == before + 1
    assert value(wired, "benchmark_regressions_confirmed_total") == 0


def test_a_rate_that_falls_is_a_regression(wired: Wired) -> None:
    take(wired, [1e3 * each for each in STEADY], unit="per_second")
    take(wired, [700.0, 700.0], start=100, unit="per_second")
    assert verdict(wired) == "critical"
    take(wired, [1000.0, 1500.0, 1500.0], start=102, unit="per_second")
    assert verdict(wired) == "improved"


def test_a_quantity_without_a_direction_is_not_judged(wired: Wired) -> None:
    take(wired, STEADY, unit="ratio")
    assert "benchmark_verdict" not in wired.samples()


def test_another_unit_is_another_series(wired: Wired) -> None:
    take(wired, STEADY)
    take(wired, [4096.0], start=100, unit="bytes")
    assert verdict(wired) == "insufficient_data"


def test_another_machine_class_has_a_history_of_its_own(wired: Wired) -> None:
    take(wired, STEADY)
    take(wired, [3.0] * LEAST, start=100, cpus=2)
    take(wired, [3.0], start=200, cpus=2)
    for cpus, milliseconds in ((4, STEADY[-1]), (2, 3.0)):
        machine = f"linux x86_64 {cpus} cpus"
        assert verdicts(wired.samples(), machine_class=machine) == {"parsing": "ok"}
        judged_value = value(wired, "benchmark_judged_value", machine_class=machine)
        assert judged_value == pytest.approx(milliseconds / 1e3)
        assert value(wired, "benchmark_regressions_confirmed_total", machine_class=machine) == 0


def test_another_environment_or_project_has_a_history_of_its_own(wired: Wired) -> None:
    take(wired, STEADY)
    wired.take("other.json", result(100, {"parsing": 3.0}, environment="laptop"))
    assert verdicts(wired.samples(), "laptop") == {"parsing": "insufficient_data"}
    wired.take("project.json", result(101, {"parsing": 3.0}) | {"project": "switch"})
    take(wired, [1.0], start=102)
    assert verdicts(wired.samples(), project="router") == {"parsing": "ok"}
    assert verdicts(wired.samples(), project="switch") == {"parsing": "insufficient_data"}


def test_a_run_with_a_time_in_the_future_does_not_end_judging(wired: Wired) -> None:
    take(wired, STEADY)
    wired.take("ahead.json", result(0, {"parsing": 1.0}) | {"timestamp": "2099-01-01T00:00:00Z"})
    wired.now += 60
    ordinary = result(0, {"parsing": 1.5}) | {"commit": "later"}
    for number in range(2):
        wired.take(
            f"later-{number}.json", ordinary | {"timestamp": f"2099-01-01T00:00:0{number + 1}Z"}
        )
        wired.now += 60
    assert verdict(wired) == "critical"


def test_a_gates_outcome_for_a_known_run_judges_nothing_twice(wired: Wired) -> None:
    for number in range(LEAST + 1):
        wired.take(
            f"{number}.json", perf_suite(f"{number}", timestamp=f"2026-03-01T12:{number:02}:00Z")
        )
    for minute in range(2):
        document = perf_suite(
            f"worse-{minute}", p50_ms=0.2, timestamp=f"2026-03-01T13:0{minute}:00Z"
        )
        wired.take(f"worse-{minute}.json", document)
    before = judged(wired)
    assert verdicts(before, "self-hosted") == {
        "router/compiled": "critical",
        "router/fallback": "critical",
    }
    document["gate"]["verdict"] = "FAIL"
    wired.take("worse-judged.json", document)
    after = judged(wired)
    assert {name: after[name] for name in after if name.startswith("benchmark_")} == {
        name: before[name] for name in before if name.startswith("benchmark_")
    }


def test_a_failed_benchmark_leaves_its_verdict_and_its_window(wired: Wired) -> None:
    take(wired, [*STEADY, 1.5])
    failed = result(100, {}) | {"failures": [{"benchmark": "parsing", "error": "TypeError"}]}
    wired.take("failed.json", failed)
    assert verdict(wired) == "suspect"
    take(wired, [1.5], start=101)
    assert verdict(wired) == "critical"
