"""Results beside their history, from the files to the exposition."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark_exporter.ingest.judging import judge_run
from tests.support.documents import Json, perf_suite, result
from tests.support.examples import wired_in_a_new_folder
from tests.support.histories import LEAST, STEADY, take, take_suite, value, verdict, verdicts
from tests.support.process import Exporter
from tests.support.wired import Samples, Wired


def test_too_few_runs_give_no_verdict(wired: Wired) -> None:
    take(wired, STEADY[:LEAST])
    assert verdict(wired) == "insufficient_data"
    take(wired, STEADY[LEAST : LEAST + 1], start=LEAST)
    assert verdict(wired) == "ok"


def test_a_step_is_a_warning_then_critical_and_a_recovery_is_ok(wired: Wired) -> None:
    take(wired, STEADY)
    seen = []
    for number, milliseconds in enumerate([1.5, 1.5, 1.5, 1.0], 100):
        take(wired, [milliseconds], start=number)
        seen.append(verdict(wired))
    assert seen == ["warning", "critical", "critical", "ok"]
    assert value(wired, "benchmark_regressions_confirmed_total") == 2
    for number in (101, 102):
        found = wired.value(
            "performance_regression_detected_total",
            benchmark_name="parsing",
            severity="critical",
            commit_hash=f"commit-{number}",
        )
        assert found == 1


def test_what_an_alert_says_is_there_while_it_is_a_regression(wired: Wired) -> None:
    take(wired, STEADY)
    assert not [name for name in wired.samples() if name.startswith("benchmark_regression_")]
    take(wired, [1.5], start=100)
    # By hand: the window's median is 1.0 ms, 1.5 ms is half as much again.
    assert value(wired, "benchmark_regression_value") == pytest.approx(1.5e-3)
    assert value(wired, "benchmark_regression_reference_value") == pytest.approx(1.0e-3)
    assert value(wired, "benchmark_regression_worsening_ratio") == pytest.approx(0.5)
    noise = value(wired, "benchmark_regression_noise_ratio")
    assert noise is not None
    assert 0 < noise < 0.1
    since = {
        "commit_hash": "commit-100",
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


def test_the_commit_that_was_last_good_stays_the_same_through_a_regression(wired: Wired) -> None:
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
    take(wired, [700.0], start=100, unit="per_second")
    assert verdict(wired) == "warning"
    take(wired, [1500.0], start=101, unit="per_second")
    assert verdict(wired) == "improved"


def test_what_nobody_says_is_better_or_worse_is_not_judged(wired: Wired) -> None:
    take(wired, STEADY, unit="ratio")
    assert "benchmark_verdict" not in wired.samples()


def test_another_unit_is_another_series(wired: Wired) -> None:
    take(wired, STEADY)
    take(wired, [4096.0], start=100, unit="bytes")
    assert verdict(wired) == "insufficient_data"


def test_another_kind_of_machine_has_a_history_of_its_own(wired: Wired) -> None:
    take(wired, STEADY)
    take(wired, [3.0] * LEAST, start=100, cpus=2)
    # Nor does what it cannot tell yet take back what the others have told.
    assert verdict(wired) == "ok"
    assert value(wired, "benchmark_judged_value", unit="seconds") == pytest.approx(STEADY[-1] / 1e3)
    take(wired, [3.0], start=200, cpus=2)
    assert verdict(wired) == "ok"
    assert value(wired, "benchmark_judged_value", unit="seconds") == pytest.approx(3.0e-3)
    assert value(wired, "benchmark_regressions_confirmed_total") == 0


def test_another_environment_or_project_has_a_history_of_its_own(wired: Wired) -> None:
    take(wired, STEADY)
    wired.take("other.json", result(100, {"parsing": 3.0}, environment="laptop"))
    assert verdicts(wired.samples(), "laptop") == {"parsing": "insufficient_data"}
    wired.take("project.json", result(101, {"parsing": 3.0}) | {"project": "switch"})
    take(wired, [1.0], start=102)
    assert verdict(wired) == "ok"


def test_a_run_that_comes_after_newer_ones_is_kept_and_not_judged(wired: Wired) -> None:
    take(wired, STEADY, start=50)
    before = wired.samples()
    take(wired, [5.0, 5.0, 5.0], start=1)
    after = wired.samples()
    for name in before:
        if name.startswith(
            (
                "benchmark_verdict",
                "benchmark_regression",
                "benchmark_judged",
                "benchmark_limit",
                "performance_",
            )
        ):
            assert after[name] == before[name]
    assert after["benchmark_runs_total"] != before["benchmark_runs_total"]


def test_a_run_from_a_clock_that_is_ahead_does_not_end_judging(wired: Wired) -> None:
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


def test_a_verdict_of_the_gate_on_a_known_run_judges_nothing_twice(wired: Wired) -> None:
    for number in range(LEAST + 1):
        wired.take(
            f"{number}.json", perf_suite(f"{number}", timestamp=f"2026-03-01T12:{number:02}:00Z")
        )
    document = perf_suite("worse", p50_ms=0.2, timestamp="2026-03-01T13:00:00Z")
    wired.take("worse.json", document)
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
    take(wired, STEADY)
    failed = result(100, {}) | {"failures": [{"benchmark": "parsing", "error": "TypeError"}]}
    wired.take("failed.json", failed)
    assert verdict(wired) == "ok"
    take(wired, [1.5], start=101)
    assert verdict(wired) == "warning"


# Environment shifts


def is_shifted(wired: Wired) -> float | None:
    return wired.value("benchmark_environment_shift_active", project="router", environment="ci")


def confirmed(wired: Wired) -> float:
    return sum(wired.samples()["benchmark_regressions_confirmed_total"].values())


def test_when_half_a_suite_moves_at_once_it_is_the_machine(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    assert is_shifted(wired) == 0
    for number in (100, 101):
        take_suite(wired, number, 1.5, slower="abc")
        assert is_shifted(wired) == 1
    assert verdicts(wired.samples())["a"] == "critical"
    assert confirmed(wired) == 0
    take_suite(wired, 102, 1.0)
    assert is_shifted(wired) == 0
    assert set(verdicts(wired.samples()).values()) == {"ok"}


def test_a_run_of_a_few_benchmarks_says_nothing_of_the_machine(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    take_suite(wired, 100, 1.5)
    assert is_shifted(wired) == 1
    wired.take("few.json", result(101, {"a": 1.5}))
    assert is_shifted(wired) == 1
    take_suite(wired, 102, 1.0)
    wired.take("few-more.json", result(103, {"a": 1.0}))
    assert is_shifted(wired) == 0


def test_a_regression_of_a_few_is_no_shift(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    for number in (100, 101):
        take_suite(wired, number, 1.5, slower="ab")
    assert is_shifted(wired) == 0
    assert confirmed(wired) == 2


def test_a_shift_that_lasts_is_how_the_machine_is_now(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    for number in range(100, 100 + LEAST):
        take_suite(wired, number, 1.5)
        assert is_shifted(wired) == 1
    take_suite(wired, 200, 1.5)
    assert is_shifted(wired) == 0
    assert set(verdicts(wired.samples()).values()) == {"ok"}
    for number in (201, 202):
        take_suite(wired, number, 2.1, slower="a", others=1.5)
    assert verdicts(wired.samples())["a"] == "critical"
    assert confirmed(wired) == 1


# Whatever happens to the exporter meanwhile


def test_a_restart_between_any_two_runs_changes_nothing(tmp_path: Path) -> None:
    values = [*STEADY, 1.5, 1.0, 1.5, 1.5, 1.5, 0.5]
    expositions = []
    for restarts in (False, True):
        folder = tmp_path / str(restarts)
        folder.mkdir()
        wired = Wired(folder)
        for number, milliseconds in enumerate(values):
            take(wired, [milliseconds], start=number)
            if restarts:
                wired.restart()
        expositions.append(wired.exposition())
        wired.ledger.close()
    assert expositions[0] == expositions[1]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.sampled_from([1.0, 1.02, 0.97, 1.3, 1.5, 3.0]), min_size=LEAST, max_size=LEAST + 12
    ),
    st.randoms(use_true_random=False),
)
def test_files_that_come_at_once_in_any_order_are_judged_as_if_one_by_one(
    values: list[float], dice: object
) -> None:
    documents = [
        result(number, {"parsing": milliseconds, "drawing": milliseconds})
        for number, milliseconds in enumerate(values)
    ]
    names = [f"{number}.json" for number in range(len(values))]
    dice.shuffle(names)  # type: ignore[attr-defined]  # hypothesis' Random
    with wired_in_a_new_folder() as one, wired_in_a_new_folder() as other:
        for name, document in zip(names, documents, strict=True):
            one.take(name, document)
        for name, document in sorted(zip(names, documents, strict=True), key=lambda pair: pair[0]):
            other.drop(name, document)
        other.settle()
        assert judged(one) == judged(other)


def judged(wired: Wired) -> Samples:
    names = (
        "benchmark_verdict",
        "benchmark_regression",
        "benchmark_judged",
        "benchmark_reference",
        "benchmark_worsening",
        "performance_",
    )
    return {name: series for name, series in wired.samples().items() if name.startswith(names)}


def test_a_file_that_cannot_be_kept_leaves_no_trace_in_the_histories(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(wired, STEADY)
    before = judged(wired)
    wired.drop("bad.json", result(100, {"parsing": 9.0}))

    def judge_and_fail(*arguments: Any) -> None:
        judge_run(*arguments)
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("benchmark_exporter.ingest.recording.judge_run", judge_and_fail)
        wired.settle()
    assert judged(wired) == before
    take(wired, [1.0], start=101)
    assert verdict(wired) == "ok"


# The real process


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    running = Exporter(tmp_path, free_port())
    yield running
    if running.process.poll() is None:
        assert running.stop() == 0, running.log.read_text()


def drop(exporter: Exporter, number: int, document: Json) -> None:
    path = exporter.results / f".{number}.json"
    path.write_text(json.dumps(document))
    path.rename(exporter.results / f"{number}.json")
    made = f'commit_hash="commit-{number}"'.encode()
    exporter.until(lambda: made in exporter.get("/metrics"))


def test_a_killed_exporter_goes_on_where_it_was(exporter: Exporter) -> None:
    def state(name: str) -> float | None:
        return exporter.value(
            f'benchmark_verdict{{benchmark_name="parsing",environment="ci",state="{name}"}}'
        )

    for number, milliseconds in enumerate(STEADY):
        drop(exporter, number, result(number, {"parsing": milliseconds}))
    assert (state("ok"), state("warning"), state("critical")) == (1, 0, 0)
    drop(exporter, 100, result(100, {"parsing": 1.5}))
    assert (state("ok"), state("warning"), state("critical")) == (None, 1, 0)
    (shown,) = json.loads(exporter.get("/api/v1/status"))["runs"][0]["verdicts"]
    assert (shown["name"], shown["state"], shown["commit_hash"]) == (
        "parsing",
        "warning",
        "commit-100",
    )
    assert "<strong>warning</strong>, 50.0% worse" in exporter.get("/").decode()
    exporter.process.kill()
    exporter.process.wait()
    config = exporter.folder / "config.yaml"
    config.write_text("histogram_hold_seconds: 1.0\n")  # how long the counter below is shown as 0
    exporter.options = (*exporter.options, f"--config={config}")
    exporter.start()
    assert (state("ok"), state("warning"), state("critical")) == (None, 1, 0)
    drop(exporter, 101, result(101, {"parsing": 1.5}))
    assert (state("ok"), state("warning"), state("critical")) == (None, 0, 1)
    series = 'benchmark_regressions_confirmed_total{benchmark_name="parsing",environment="ci"}'
    exporter.until(lambda: exporter.value(series) == 1)
    assert "<strong>critical</strong>, 50.0% worse" in exporter.get("/").decode()
    drop(exporter, 102, result(102, {"parsing": 1.0}))
    assert (state("ok"), state("warning"), state("critical")) == (1, 0, 0)
