"""An exporter to which everything has happened: what it exposes is what metrics.yaml declares."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from benchmark_exporter.commands.pinning import set_baseline
from benchmark_exporter.counters import COUNTERS, HISTOGRAMS
from benchmark_exporter.ingest.drift_check import check_drifts
from benchmark_exporter.ingest.triaging import TriageSelection, triage
from benchmark_exporter.ledger import Pin
from benchmark_exporter.metrics.live import ConfigStatus, Live, LiveProgress
from benchmark_exporter.metrics.resources import Resources
from benchmark_exporter.triage.rule import Saying, TriageState
from tests.support.alerts import WATCHDOG
from tests.support.documents import perf_suite, pipeline, result
from tests.support.histories import LEAST
from tests.support.wired import DEFINITIONS, START_SECONDS, Wired, samples

# Their names were asked for as they are.
ASKED = ("benchmark_execution_time_ms", "memory_usage_mb", "cpu_utilization_percent")
STEADY = dict.fromkeys("abcd", 1.0)


def say_everything(wired: Wired) -> None:
    """An alert is received; a regression is noise, then not, and another one is expected."""
    wired.ingest.receive([WATCHDOG])
    said: list[tuple[str, TriageState, float | None]] = [
        ("p", "noise", None),
        ("p", "fixing", None),
        ("s", "expected", wired.now + 86_400),
    ]
    with wired.ledger.transaction() as transaction:
        for name, state, until in said:
            saying = Saying(state, "someone", wired.now, until_seconds=until)
            triage(transaction, TriageSelection(name), saying, wired.config.limits_for)


@pytest.fixture
def busy(wired: Wired) -> Wired:
    """An exporter that has met every kind of document, verdict, mistake and alert."""
    wired.drop("bad.json", b"[]")
    removed = wired.drop("removed.json", b"{")
    wired.ingest.scan()
    removed.unlink()  # before it was whole
    for number in range(5):
        wired.drop(f"{number}.json", pipeline(f"{number}") | {"duration_seconds": 61.5})
    wired.take("a.json", perf_suite(speedup=5.0))
    wired.take("copy of a.json", perf_suite(speedup=5.0))
    wired.take("same run_id, other measurements.json", perf_suite(speedup=6.0))
    units = [{"name": unit, "unit": unit, "value": 1} for unit in ("B", "ops/s", "%", "findings")]
    wired.take("units.json", units)
    for number in range(LEAST):
        wired.take(f"steady-{number}.json", result(number, STEADY) | {"run_id": f"steady-{number}"})
    for number in (100, 101):
        wired.take(f"worse-{number}.json", result(number, STEADY | {"a": 1.5}))
    for number, value in enumerate([1.0] * LEAST + [2.0, 2.0, 1.0, 4.0, 4.0, 1.0]):
        wired.take(f"twice-{number}.json", result(number, {"twice": value}))
    # These moved with all others, and so count as a change of the machine.
    for number in range(102, 106):
        wired.take(f"shifted-{number}.json", result(number, dict.fromkeys("abcd", 1.5)))
    for number in range(200, 200 + LEAST + 6):
        # The spread of their own samples is all the noise that these runs have.
        samples_ms = [1.0 + 0.3 * (each - 1) + 0.1 * (number % 3) for each in range(3)]
        noisy = {"benchmark": "noisy", "unit": "milliseconds", "samples": samples_ms}
        wired.take(f"noisy-{number}.json", result(number, {}) | {"results": [noisy]})
    # All of these move for so long that it is their level, and some of the others regress at once.
    moving, regressing = dict.fromkeys("wxyz", 1.0), dict.fromkeys("opqrstuv", 1.0)
    for number in range(LEAST):
        wired.take(f"moving-{number}.json", result(number, moving))
        wired.take(f"regressing-{number}.json", result(number, regressing))
    for number in range(200, 202 + wired.config.judgement.least_runs):
        wired.take(f"moving-{number}.json", result(number, dict.fromkeys("wxyz", 1.5)))
    worse = regressing | dict.fromkeys("opqrs", 1.5)
    for number in (200, 201):
        wired.take(f"regressing-{number}.json", result(number, worse))
    # A shift that goes on, in another environment.
    for number in (*range(LEAST), 200, 201):
        times = dict.fromkeys("abcd", 1.5 if number >= 200 else 1.0)
        wired.take(f"other-{number}.json", result(number, times, environment="other"))
    wired.take("suite.json", result(110, {"b": 1.0}) | {"duration_seconds": 61.5})
    wired.take("branch.json", result(111, {"b": 1.0}) | {"branch": "feature/x"})
    wired.take("unusual.json", result(112, {"b": 1.0}) | {"branch": "trunk", "project": "new"})
    for number in range(LEAST + (wired.config.judgement.accept_after_runs or 0)):
        at = (datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=number)).isoformat()
        lasting = result(number, {"lasting": 1.0 if number < LEAST else 1.5}) | {"timestamp": at}
        wired.take(f"lasting-{number}.json", lasting)
    for number in range(150):
        at = (datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=6 * number)).isoformat()
        run = result(number, {"drifting": 1.0005**number}) | {"timestamp": at}
        wired.drop(f"drifting-{number}.json", run | {"run_id": f"drifting-{number}"})
    wired.settle()
    assert any(list(check_drifts(wired.ledger, wired.config.judgement)))
    by = Pin("v1", "someone", START_SECONDS, "")
    set_baseline(wired.ledger, "steady-0", by, wired.config.limits_for)
    say_everything(wired)
    wired.search_changes()
    wired.exporter_url = "https://perf.example.org"
    return wired


@pytest.fixture
def exposition(busy: Wired, progress: LiveProgress) -> str:
    """All parts of what it exposes."""
    resources = busy.collector.render_resources(
        Resources((1.0,), 1.0, 1.0, 1, 1.0),
        Live(0, 0.0),
        {201: 1},
        progress,
        ConfigStatus(True, 1.0),
    )
    return busy.exposition() + resources.decode()


def family(name: str) -> str:
    return name if name in DEFINITIONS else re.sub("_(bucket|sum|count)$", "", name)


def test_every_declared_metric_is_exposed_and_every_exposed_one_is_declared(
    exposition: str,
) -> None:
    assert {family(name) for name in samples(exposition)} == set(DEFINITIONS)


def test_every_declared_total_is_counted_and_every_counted_one_is_declared(busy: Wired) -> None:
    state = busy.ledger.state()
    assert set(state.counters) == {total.name for total in COUNTERS}
    assert set(state.histograms) == {total.name for total in HISTOGRAMS}
    assert state.regressions_by_commit


def test_every_series_has_the_labels_of_its_definition(exposition: str) -> None:
    for name, series in samples(exposition).items():
        declared = set(DEFINITIONS[family(name)].labels)
        for labels in series:
            assert {label for label, _ in labels} - {"le", "quantile"} == declared, name


def test_promtool_accepts_the_exposition(
    exposition: str, programs: Mapping[str, Sequence[str]]
) -> None:
    check = subprocess.run(
        [*programs["promtool"], "check", "metrics"],
        input=exposition,
        text=True,
        capture_output=True,
        check=False,
    )
    unexpected = [line for line in check.stderr.splitlines() if not line.startswith(ASKED)]
    assert not unexpected, unexpected
