"""States to expositions, and metrics.yaml as the one list of what is exposed."""

import math
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from benchmark_exporter.commands.baseline import set_baseline
from benchmark_exporter.config import Config, ConfigError, packaged
from benchmark_exporter.ledger import Pin, Subject
from benchmark_exporter.metrics.collector import (
    EXPOSED,
    Collector,
    Live,
    LiveProgress,
    join,
    load_definitions,
)
from benchmark_exporter.metrics.resources import Resources
from benchmark_exporter.model import Result, Run, Statistics
from benchmark_exporter.stream.hub import Lag, StreamFigures
from benchmark_exporter.stream.live_folder import ProcessUsage
from tests.support.alerts import WATCHDOG
from tests.support.documents import bench_guard, perf_suite, pipeline, result
from tests.support.wired import DEFINITIONS, START_SECONDS, Wired, samples

# Of the part that is scraped each second.
INGESTED = "benchmark_exporter_files_ingested_total"
PERF_SUITE = frozenset({"format": "perf_suite"}.items())
OBSERVATIONS = "benchmark_execution_time_ms_count"
COMPILED = frozenset(
    {
        "benchmark_name": "router/compiled",
        "iteration": "median",
        "environment": "self-hosted",
    }.items()
)


def shown(wired: Wired, name: str, labels: frozenset[tuple[str, str]]) -> float:
    return samples(join([*wired.render().parts.values()]).decode())[name][labels]


# Counters are 0 when they are born


def test_a_counter_is_shown_as_0_and_takes_its_value_when_it_has_been_scraped(wired: Wired) -> None:
    wired.drop("a.json", perf_suite())
    wired.ingest.scan()
    assert shown(wired, INGESTED, PERF_SUITE) == 0
    assert wired.render().stale_at_seconds == START_SECONDS + wired.config.counter_hold_seconds
    wired.now += wired.config.counter_hold_seconds
    assert shown(wired, INGESTED, PERF_SUITE) == 1


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        (OBSERVATIONS, COMPILED),
        (
            "benchmark_runs_total",
            frozenset({"benchmark_name": "router", "environment": "self-hosted"}.items()),
        ),
    ],
)
def test_what_is_scraped_less_often_is_held_for_longer(
    wired: Wired, name: str, labels: frozenset[tuple[str, str]]
) -> None:
    wired.drop("a.json", perf_suite())
    wired.ingest.scan()
    wired.now += wired.config.counter_hold_seconds
    assert shown(wired, name, labels) == 0
    assert wired.render().stale_at_seconds == START_SECONDS + wired.config.histogram_hold_seconds
    wired.now = START_SECONDS + wired.config.histogram_hold_seconds
    assert shown(wired, name, labels) == 1
    assert wired.render().stale_at_seconds == START_SECONDS + wired.config.series_max_age_seconds


def test_only_the_birth_is_held_back(wired: Wired) -> None:
    wired.take("a.json", perf_suite())
    wired.now += wired.config.counter_hold_seconds
    wired.drop("b.json", perf_suite("second", timestamp="2026-03-02T12:00:00Z"))
    wired.ingest.scan()
    assert shown(wired, INGESTED, PERF_SUITE) == 2


def test_a_start_does_not_hold_back_what_was_born_before_it(wired: Wired) -> None:
    wired.take("a.json", perf_suite())
    wired.now += wired.config.counter_hold_seconds
    wired.restart()
    assert shown(wired, INGESTED, PERF_SUITE) == 1


def test_a_clock_set_back_does_not_hide_a_counter(wired: Wired) -> None:
    wired.take("a.json", perf_suite())
    wired.now = START_SECONDS - 86_400
    assert shown(wired, INGESTED, PERF_SUITE) == 1


def test_a_benchmarks_regressions_are_there_at_0_before_its_first(wired: Wired) -> None:
    wired.take("a.json", perf_suite(speedup=20.0))
    for severity in ("critical", "warning"):
        assert (
            wired.value("performance_regressions_total", benchmark_name="router", severity=severity)
            == 0
        )


# Series


def test_long_values_are_cut_and_stay_apart(wired: Wired) -> None:
    same = "x" * 300
    wired.take("a.json", bench_guard({same + "1": 20.0, same + "2": 20.0}, passed=True))
    names = {dict(labels)["benchmark_name"] for labels in wired.samples()["speedup_ratio"]}
    assert len(names) == 2
    assert {len(name.encode()) for name in names} == {wired.config.max_label_bytes}


def test_a_long_value_is_cut_between_two_characters(wired: Wired) -> None:
    wired.take(
        "a.json", bench_guard({"\N{SKULL}" * 125: 20.0}, passed=True)
    )  # 500 bytes, which is all that Prometheus takes
    (name,) = {dict(labels)["benchmark_name"] for labels in wired.samples()["speedup_ratio"]}
    assert re.fullmatch("\N{SKULL}{46}…[0-9a-f]{10}", name)


@pytest.mark.parametrize(
    "name",
    [
        'quote " backslash \\ newline \n',
        "日本語 \N{SKULL}",
        "\r\t\x00\x1f\x7f\x85\u2028",
        "a}b{c,d=e",
        " ",
    ],
)
def test_any_text_is_a_label_value(wired: Wired, name: str) -> None:
    wired.take("a.json", bench_guard({name: 20.0}, passed=True))
    assert wired.value("benchmark_gate_passed", benchmark_name=name, criterion="overall") == 1


def test_the_same_state_is_the_same_bytes(wired: Wired) -> None:
    wired.take("a.json", bench_guard({"b": 20.0, "a": 3.0}, passed=False))
    first = wired.render().parts
    wired.restart()
    assert wired.render().parts == first


def test_series_are_counted(wired: Wired) -> None:
    wired.take("a.json", perf_suite())
    exposition = wired.exposition()
    parts = wired.render().parts
    for part in ("state", "distributions"):
        lines = [line for line in parts[part].decode().splitlines() if not line.startswith("#")]
        assert samples(exposition)["benchmark_exporter_series"][frozenset({("part", part)})] == len(
            lines
        )


def test_quantiles_of_suite_durations_are_by_nearest_rank_over_the_newest_hundred(
    wired: Wired,
) -> None:
    with wired.ledger.transaction() as transaction:
        for number in range(1, 151):
            result = Result("suite", "all", Statistics(1.0, 1.0))
            run = Run(
                "test",
                f"{number}",
                float(number),
                (result,),
                (),
                suite_duration_seconds=float(number),
            )
            transaction.add_run(run, "project", "local", START_SECONDS)
    # The newest hundred took 51 … 150 s: rank 50 of them is 100, rank 90 is 140, rank 95 is 145, rank 99 is 149.
    quantiles = {
        dict(labels)["quantile"]: value
        for labels, value in wired.samples()["benchmark_suite_duration_seconds"].items()
    }
    assert quantiles == {"0.5": 100, "0.9": 140, "0.95": 145, "0.99": 149}
    assert wired.value("benchmark_suite_duration_seconds_count") == 150
    assert wired.value("benchmark_suite_duration_seconds_sum") == 150 * 151 / 2


def test_other_buckets_after_an_update_are_taken_up_by_the_next_observation(wired: Wired) -> None:
    with wired.ledger.transaction() as transaction:
        transaction.see(
            Subject("benchmark", "router/compiled", "self-hosted"), START_SECONDS, math.inf
        )
        transaction.observe(
            "execution_time_ms",
            ("router/compiled", "median", "self-hosted"),
            [3.0],
            (1.0, 2.0),
            START_SECONDS,
        )
    assert shown_buckets(wired) == {"1": 0, "2": 0, "+Inf": 1}
    wired.take("a.json", perf_suite())
    assert len(shown_buckets(wired)) == 20
    assert shown_buckets(wired)["+Inf"] == 1


def shown_buckets(wired: Wired) -> Mapping[str, float]:
    buckets = wired.samples()["benchmark_execution_time_ms_bucket"]
    return {
        dict(labels)["le"]: value
        for labels, value in buckets.items()
        if dict(labels)["benchmark_name"] == "router/compiled"
    }


USAGES = [
    ProcessUsage("bench", {"current": 40.5, "warmup": 64.0}, {"all": 97.5, "3": 97.5}),
    ProcessUsage(
        "system", {"current": 1.0}, {"0": 1.0}
    ),  # a name that is the exporter's own to give
]
LAG = Lag((0.005, 0.05), (1, 2, 1), 0.75)
PROGRESS = LiveProgress(
    2, USAGES, {"not_json": 3}, StreamFigures(4, {"progress": 9, "gap": 1}, 5, LAG)
)


def test_the_stream_in_the_resources_part() -> None:
    part = Collector(DEFINITIONS, Config()).render_resources(
        Resources((), 0, 0, 0, 0), Live(0, 0), {}, PROGRESS
    )
    shown = samples(part.decode())
    assert {
        name: series
        for name, series in shown.items()
        if name.startswith(("benchmark_live_", "benchmark_stream_"))
    } == {
        "benchmark_live_runs": {frozenset(): 2},
        "benchmark_live_lines_rejected_total": {
            frozenset({("reason", "too_long")}): 0,
            frozenset({("reason", "not_json")}): 3,
            frozenset({("reason", "invalid")}): 0,
        },
        "benchmark_stream_clients": {frozenset(): 4},
        "benchmark_stream_messages_total": {
            frozenset({("type", "progress")}): 9,
            frozenset({("type", "gap")}): 1,
        },
        "benchmark_stream_dropped_total": {frozenset(): 5},
        "benchmark_stream_lag_seconds_bucket": {
            frozenset({("le", "0.005")}): 1,
            frozenset({("le", "0.05")}): 3,
            frozenset({("le", "+Inf")}): 4,
        },
        "benchmark_stream_lag_seconds_sum": {frozenset(): 0.75},
        "benchmark_stream_lag_seconds_count": {frozenset(): 4},
    }


def test_the_resources_part() -> None:
    collector = Collector(DEFINITIONS, Config())
    resources = Resources((12.5, 0.0), 3.0, 1.234, 52_400_000, START_SECONDS)
    part = collector.render_resources(resources, Live(0, 0.25), {201: 3, 400: 0}, PROGRESS)
    shown = samples(part.decode())
    assert {
        name: series
        for name, series in shown.items()
        if not name.startswith(("benchmark_live_", "benchmark_stream_"))
    } == {
        "memory_usage_mb": {
            frozenset({("process", "benchmark-exporter"), ("phase", "serving")}): 52.4,
            frozenset({("process", "bench"), ("phase", "current")}): 40.5,
            frozenset({("process", "bench"), ("phase", "warmup")}): 64.0,
        },
        "cpu_utilization_percent": {
            frozenset({("core", "all"), ("process", "bench")}): 97.5,
            frozenset({("core", "3"), ("process", "bench")}): 97.5,
            frozenset({("core", "0"), ("process", "system")}): 12.5,
            frozenset({("core", "1"), ("process", "system")}): 0.0,
            frozenset({("core", "all"), ("process", "benchmark-exporter")}): 3.0,
        },
        "benchmark_exporter_scan_duration_seconds": {frozenset(): 0.25},
        "benchmark_exporter_uploads_total": {
            frozenset({("code", "201")}): 3.0,
            frozenset({("code", "400")}): 0.0,
        },
        "process_cpu_seconds_total": {frozenset(): 1.23},
        "process_resident_memory_bytes": {frozenset(): 52_400_000.0},
        "process_start_time_seconds": {frozenset(): START_SECONDS},
    }


# metrics.yaml


@pytest.fixture
def full(wired: Wired) -> str:
    """An exposition in which every family has a series."""
    wired.drop("bad.json", b"[]")
    for number in range(5):
        wired.drop(f"{number}.json", pipeline(f"{number}") | {"duration_seconds": 61.5})
    wired.take("a.json", perf_suite(speedup=5.0))
    wired.take(
        "b.json",
        [{"name": name, "unit": name, "value": 1} for name in ("B", "ops/s", "%", "findings")],
    )
    for number in range(wired.config.judgement.least_runs):
        wired.take(
            f"steady-{number}.json",
            result(number, dict.fromkeys("abcd", 1.0)) | {"run_id": f"steady-{number}"},
        )
    wired.take("worse.json", result(100, dict.fromkeys("abcd", 1.0) | {"a": 1.5}))
    set_baseline(
        wired.ledger, "steady-0", Pin("v1", "someone", START_SECONDS, ""), wired.config.judgement
    )
    wired.ingest.receive([WATCHDOG])
    resources = Resources((1.0,), 1.0, 1.0, 1, 1.0)
    return (
        wired.exposition()
        + wired.collector.render_resources(resources, Live(0, 0.0), {201: 1}, PROGRESS).decode()
    )


def test_a_metric_may_be_in_two_parts_each_series_in_one(wired: Wired) -> None:
    wired.take("a.json", perf_suite(speedup=5.0))
    parts = {part: samples(text.decode()) for part, text in wired.render().parts.items()}
    criteria = {
        part: {dict(labels)["criterion"] for labels in shown["benchmark_gate_passed"]}
        for part, shown in parts.items()
    }
    assert criteria == {"state": {"overall"}, "distributions": {"p50", "p95", "absolute"}}
    severities = {
        part: {dict(labels)["severity"] for labels in shown["performance_regression_active"]}
        for part, shown in parts.items()
    }
    assert severities == {"state": {"critical"}, "distributions": {"warning"}}


def test_a_metric_of_two_parts_is_one_family_of_the_whole(wired: Wired) -> None:
    wired.take("a.json", perf_suite(speedup=5.0))
    parts = [*wired.render().parts.values()]
    lines = join(parts).decode().splitlines()
    assert len(set(lines)) == len(lines)
    assert set(lines) == set(b"".join(parts).decode().splitlines())
    kind = lines.index("# TYPE benchmark_gate_passed gauge")
    assert [line.partition("{")[0] for line in lines[kind + 1 : kind + 5]] == [
        "benchmark_gate_passed"
    ] * 4


def test_criteria_that_failed_are_told_at_once_while_the_gate_is_failed(wired: Wired) -> None:
    wired.take("a.json", perf_suite("first", speedup=5.0))
    failed = samples(wired.render().parts["state"].decode())["benchmark_gate_failed_criterion"]
    assert failed == {
        frozenset({("benchmark_name", "router"), ("criterion", criterion)}): 1
        for criterion in ("p50", "p95")
    }
    wired.take("b.json", perf_suite("second", speedup=20.0, timestamp="2026-03-02T12:00:00Z"))
    assert "benchmark_gate_failed_criterion" not in samples(wired.render().parts["state"].decode())


def test_every_metric_listed_is_exposed_and_every_one_exposed_is_listed(full: str) -> None:
    families = {
        re.sub("_(bucket|sum|count)$", "", name) if name not in DEFINITIONS else name
        for name in samples(full)
    }
    assert families == set(DEFINITIONS) == EXPOSED


def test_every_series_has_the_labels_of_its_declaration(full: str) -> None:
    for name, series in samples(full).items():
        definition = DEFINITIONS.get(name) or DEFINITIONS[re.sub("_(bucket|sum|count)$", "", name)]
        for labels in series:
            assert {label for label, _ in labels} - {"le", "quantile"} == set(definition.labels), (
                name
            )


def test_prometheus_own_reader_takes_it(full: str, programs: Mapping[str, Sequence[str]]) -> None:
    check = subprocess.run(
        [*programs["promtool"], "check", "metrics"],
        input=full,
        text=True,
        capture_output=True,
        check=False,
    )
    asked = (
        "benchmark_execution_time_ms",
        "memory_usage_mb",
        "cpu_utilization_percent",
    )  # names that were asked for as they are
    unexpected = [line for line in check.stderr.splitlines() if not line.startswith(asked)]
    assert not unexpected, unexpected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda metrics: metrics.append(dict(metrics[0])),
            r"\$\.metrics\[\d+\] \(benchmark_execution_time_ms\): declared twice",
        ),
        (lambda metrics: metrics[0].update(buckets=[1, 1]), "a histogram needs buckets"),
        (lambda metrics: metrics[0].update(buckets=[1, math.nan]), "a histogram needs buckets"),
        (lambda metrics: metrics[0].update(buckets=[]), "a histogram needs buckets"),
        (
            lambda metrics: metrics[1].update(labels=["a", "a"]),
            "speedup_ratio.*a label stands twice",
        ),
        (
            lambda metrics: metrics[1].update(type="timer"),
            r"Invalid enum value 'timer' - at `\$\.metrics\[1\]\.type`",
        ),
        (lambda metrics: metrics[1].update(name="Speed-Up"), r"\$\.metrics\[1\]\.name"),
        (lambda metrics: metrics[1].update(colour="red"), "unknown field `colour`"),
        (lambda metrics: metrics[1].pop("help"), "missing required field `help`"),
        (lambda metrics: metrics.pop(1), "speedup_ratio is not declared, but exposed"),
        (
            lambda metrics: metrics[1].update(name="speed"),
            "speed is declared, but nothing exposes it",
        ),
        (
            lambda metrics: metrics[1].update(collect_state={"percentil": ["p50"]}),
            "collect_state has percentil, which is no label of it",
        ),
        (
            lambda metrics: metrics[1].update(collect_state={"percentile": ["p50"]}),
            "collect names the part of the others",
        ),
        (
            lambda metrics: metrics[0].update(collect_state={"iteration": ["median"]}),
            "a histogram is in one part",
        ),
        (lambda metrics: metrics[5].update(quantiles=[1.5]), "a quantile is between 0 and 1"),
    ],
)
def test_a_broken_list_is_refused_with_the_place_and_the_reason(
    change: object, message: str, tmp_path: Path
) -> None:
    document = yaml.safe_load(packaged("metrics.yaml").read_text())
    change(document["metrics"])  # type: ignore[operator]  # a function, by the list above
    path = tmp_path / "metrics.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigError, match=message) as caught:
        load_definitions(path)
    assert str(caught.value).startswith(f"{path}: ")
