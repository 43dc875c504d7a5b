"""Pinned baselines: from the command to the exposition of a running exporter."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmark_exporter.commands.pinning import (
    BaselineError,
    clear_baseline,
    list_baselines,
    set_baseline,
    show_baseline,
)
from benchmark_exporter.config import Config
from benchmark_exporter.ledger import Pin
from tests.support.command import run
from tests.support.documents import result
from tests.support.histories import LEAST, STEADY, take, value, verdict
from tests.support.process import Exporter
from tests.support.wired import START_SECONDS, Wired

PIN = Pin("v0.3.0", "someone@somewhere", START_SECONDS, "the release")
LIMITS = Config().limits_for


def pin(wired: Wired, run_name: str, version: str = "v0.3.0") -> list[str]:
    return set_baseline(
        wired.ledger, run_name, Pin(version, PIN.who, wired.now, PIN.reason), LIMITS
    )


def newest_run_id(wired: Wired) -> str:
    (labels,) = wired.samples()["benchmark_run_info"]
    return dict(labels)["run_id"]


def test_later_runs_are_judged_against_a_pinned_one(wired: Wired) -> None:
    take(wired, STEADY)
    pinned = newest_run_id(wired)
    assert pin(wired, pinned)[1:] == [f"  parsing: {STEADY[-1]:.4g} ms"]
    take(wired, [2.0 * STEADY[-1]], start=100)
    assert value(wired, "benchmark_reference_value", reference="pinned") == pytest.approx(
        STEADY[-1] / 1e3
    )
    assert value(wired, "benchmark_reference_value", reference="rolling") == pytest.approx(1e-3)
    where = {
        "baseline_version": "v0.3.0",
        "run_id": pinned,
        "commit_hash": f"commit-{len(STEADY) - 1}",
    }
    assert value(wired, "benchmark_baseline_info", **where) == 1
    pinned_seconds = value(wired, "benchmark_baseline_pinned_timestamp_seconds")
    assert pinned_seconds is not None
    assert pinned_seconds >= START_SECONDS
    # Twice as long as the pinned run: half as fast.
    for percentile in ("p50", "p95"):
        assert wired.value(
            "speedup_ratio",
            benchmark_name="parsing",
            percentile=percentile,
            baseline_version="v0.3.0",
        ) == pytest.approx(0.5)


def test_a_slow_drift_is_seen_against_a_pinned_baseline_but_not_the_rolling_median(
    tmp_path: Path,
) -> None:
    # 23 % in the end, at most 5 % within a window.
    drift = [1.003**number for number in range(70)]
    states = []
    for pinned in (False, True):
        folder = tmp_path / str(pinned)
        folder.mkdir()
        wired = Wired(folder)
        take(wired, STEADY)
        if pinned:
            pin(wired, newest_run_id(wired))
        seen = set[str]()
        for number, milliseconds in enumerate(drift, 100):
            take(wired, [milliseconds], start=number)
            seen.add(wired.ledger.state().verdicts[0].verdict.state)
        states.append("critical" in seen)
        wired.ledger.close()
    assert states == [False, True]


def test_a_higher_rate_than_the_pinned_one_is_a_speedup(wired: Wired) -> None:
    take(wired, [100.0] * LEAST, unit="per_second")
    pin(wired, newest_run_id(wired))
    take(wired, [250.0], start=100, unit="per_second")
    assert wired.value(
        "speedup_ratio", benchmark_name="parsing", percentile="p50", baseline_version="v0.3.0"
    ) == pytest.approx(2.5)


def test_pinning_a_regression_accepts_it(wired: Wired) -> None:
    take(wired, STEADY)
    take(wired, [1.5, 1.5], start=100)
    assert verdict(wired) == "critical"
    lines = pin(wired, newest_run_id(wired))
    assert lines[1].endswith("; accepts this regression: later runs are compared with its level")
    assert verdict(wired) == "ok"
    assert value(wired, "benchmark_reference_value", reference="rolling") == pytest.approx(1.5e-3)
    take(wired, [1.5] * LEAST, start=200)
    assert verdict(wired) == "ok"
    assert value(wired, "benchmark_regressions_confirmed_total") == 1
    take(wired, [2.4, 2.4], start=300)
    assert verdict(wired) == "critical"


def test_pinning_a_small_regression_accepts_it(wired: Wired) -> None:
    take(wired, STEADY * 2)
    take(wired, [1.05 * each for each in STEADY[:7]], start=100)
    assert verdict(wired) == "warning"
    pin(wired, newest_run_id(wired))
    assert verdict(wired) == "ok"
    take(wired, [1.05 * each for each in STEADY], start=200)
    assert verdict(wired) == "ok"


def test_pinning_a_run_before_a_lasting_regression_rejects_its_level(wired: Wired) -> None:
    take(wired, STEADY)
    good = newest_run_id(wired)
    pin(wired, good)
    for number in range(34):
        wired.now += 86_400.0
        moment = datetime.fromtimestamp(wired.now, UTC).isoformat()
        wired.take(f"slow-{number}.json", result(0, {"parsing": 1.5}) | {"timestamp": moment})
    assert verdict(wired) == "ok"
    assert value(wired, "benchmark_unaccepted_level_info") is not None
    pin(wired, good, "v0.3.0-again")
    wired.now += 86_400.0
    moment = datetime.fromtimestamp(wired.now, UTC).isoformat()
    wired.take("slow-again.json", result(0, {"parsing": 1.5}) | {"timestamp": moment})
    assert verdict(wired) == "critical"
    pin(wired, newest_run_id(wired), "v0.4.0")
    assert value(wired, "benchmark_unaccepted_level_info") is None
    assert verdict(wired) == "ok"


def test_pinning_a_run_that_was_ok_changes_no_verdict(wired: Wired) -> None:
    take(wired, STEADY)
    before = wired.samples()["benchmark_verdict"]
    pin(wired, newest_run_id(wired))
    assert wired.samples()["benchmark_verdict"] == before


def test_nothing_but_a_person_moves_a_baseline(wired: Wired) -> None:
    take(wired, STEADY)
    pin(wired, newest_run_id(wired))
    before = list_baselines(wired.ledger)
    take(wired, [0.5] * (2 * LEAST), start=100)
    wired.restart()
    assert list_baselines(wired.ledger) == before
    assert value(wired, "benchmark_reference_value", reference="pinned") == pytest.approx(
        STEADY[-1] / 1e3
    )


def test_a_new_pin_replaces_the_old_one_and_can_be_cleared(wired: Wired) -> None:
    take(wired, STEADY)
    pin(wired, newest_run_id(wired), "v1")
    take(wired, STEADY, start=100)
    pin(wired, newest_run_id(wired), "v2")
    (line,) = list_baselines(wired.ledger)
    assert line.startswith("v2: run ")
    assert line.endswith("by someone@somewhere: the release")
    assert show_baseline(wired.ledger, "v2") == [line, f"  parsing: {STEADY[-1]:.4g} ms"]
    assert clear_baseline(wired.ledger, "v2") == [f"cleared {line}"]
    assert list_baselines(wired.ledger) == ["nothing is pinned"]
    assert "benchmark_baseline_info" not in wired.samples()
    take(wired, [1.0], start=200)
    assert value(wired, "benchmark_reference_value", reference="pinned") is None


def test_why_something_cannot_be_pinned_is_reported(wired: Wired) -> None:
    take(wired, [1.0])
    wired.take("ratio.json", result(1, {"share": 0.5}, unit="ratio") | {"run_id": "ratio"})
    for number in (2, 3):
        wired.take(
            f"{number}.json",
            result(number, {"parsing": 1.0}) | {"run_id": "twice", "project": f"project {number}"},
        )
    with pytest.raises(BaselineError, match="the ledger has no run nowhere"):
        pin(wired, "nowhere")
    with pytest.raises(
        BaselineError, match="run ratio has nothing to pin: no result of it has a known direction"
    ):
        pin(wired, "ratio")
    with pytest.raises(
        BaselineError,
        match="2 runs have the id twice; name one by its row: "
        r"3 \(project 2, main, ci, .*\), 4 \(project 3",
    ):
        pin(wired, "twice")
    assert pin(wired, "4")[0].startswith("pinned twice (project 3, main, ci,")
    with pytest.raises(BaselineError, match="nothing is pinned under v9"):
        show_baseline(wired.ledger, "v9")


# The command while an exporter is running


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    running = Exporter(tmp_path, free_port())
    yield running
    if running.process.poll() is None:
        assert running.stop() == 0, running.log.read_text()


def test_a_running_exporter_notices_that_a_baseline_is_pinned(exporter: Exporter) -> None:
    (exporter.results / "a.json").write_text(
        json.dumps(result(0, {"parsing": 1.0}) | {"run_id": "first"})
    )
    exporter.until(lambda: b"benchmark_verdict_info{" in exporter.get("/metrics"))
    ledger = f"--ledger={exporter.folder / 'ledger.sqlite3'}"
    pinned = run("baseline", "set", "first", "--version=v1", "--reason=the release", ledger)
    assert pinned.returncode == 0, pinned.stderr
    assert pinned.stderr == f"benchmark-exporter: pinning in {ledger.removeprefix('--ledger=')}\n"
    series = (
        'benchmark_baseline_info{benchmark_name="parsing",environment="ci",'
        'baseline_version="v1",run_id="first",commit_hash="commit-0"}'
    )
    exporter.until(lambda: exporter.value(series) == 1)
    listed = run("baseline", "list", ledger)
    assert "v1: run first of commit commit-0" in listed.stdout
    assert "the release" in listed.stdout
    assert run("baseline", "show", "v1", ledger).stdout.splitlines()[1] == "  parsing: 1 ms"
    # The exporter still writes.
    (exporter.results / "b.json").write_text(
        json.dumps(result(1, {"parsing": 2.0}) | {"run_id": "second"})
    )
    speedup = 'speedup_ratio{benchmark_name="parsing",percentile="p50",baseline_version="v1"}'
    exporter.until(lambda: exporter.value(speedup) == 0.5)
    assert run("baseline", "clear", "v1", ledger).returncode == 0
    exporter.until(lambda: exporter.value(series) is None)


def test_a_missing_ledger_is_reported_and_not_created(tmp_path: Path) -> None:
    missing = run("baseline", "list", f"--ledger={tmp_path / 'none'}")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "there is no such ledger" in missing.stderr
    assert not (tmp_path / "none").exists()


def test_a_missing_run_is_named(exporter: Exporter) -> None:
    answer = run(
        "baseline",
        "set",
        "nowhere",
        "--version=v1",
        f"--ledger={exporter.folder / 'ledger.sqlite3'}",
    )
    assert answer.returncode == 1
    assert "the ledger has no run nowhere" in answer.stderr
