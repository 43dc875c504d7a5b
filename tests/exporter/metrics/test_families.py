"""Families whose values are more than a field of the state."""

import math
import platform
from collections.abc import Mapping

from benchmark_exporter import __version__
from benchmark_exporter.ledger import Subject
from benchmark_exporter.model import Result, Run, Scope, Statistics
from tests.support.documents import perf_suite
from tests.support.scopes import SCOPE, ranked
from tests.support.wired import START_SECONDS, Wired, samples

OF_PERF_SUITE = Scope("router", "self-hosted", "linux x86_64 4 cpus", "main")


def test_quantiles_of_suite_durations_are_by_nearest_rank_over_the_newest_hundred(
    wired: Wired,
) -> None:
    with wired.ledger.transaction() as transaction:
        for number in range(1, 151):
            run = Run(
                "test",
                f"{number}",
                float(number),
                (Result("suite", "all", Statistics(1.0, 1.0)),),
                (),
                suite_duration_seconds=float(number),
            )
            transaction.add_run(run, SCOPE, ranked(number, START_SECONDS), START_SECONDS)
        transaction.see(Subject.benchmark(SCOPE, "suite"), START_SECONDS, 1.0)
    # The newest hundred took 51 to 150 s: the 50th, 90th, 95th and 99th of them in order.
    quantiles = {
        dict(labels)["quantile"]: value
        for labels, value in wired.samples()["benchmark_suite_duration_seconds"].items()
    }
    assert quantiles == {"0.5": 100, "0.9": 140, "0.95": 145, "0.99": 149}
    assert wired.value("benchmark_suite_duration_seconds_count", project="project") == 150
    assert wired.value("benchmark_suite_duration_seconds_sum", project="project") == 150 * 151 / 2


def shown_buckets(wired: Wired) -> Mapping[str, float]:
    buckets = wired.samples()["benchmark_execution_time_ms_bucket"]
    return {
        dict(labels)["le"]: value
        for labels, value in buckets.items()
        if ("benchmark_name", "router/compiled") in labels
    }


def test_buckets_that_an_update_changed_apply_from_the_next_observation(wired: Wired) -> None:
    with wired.ledger.transaction() as transaction:
        transaction.see(
            Subject.benchmark(OF_PERF_SUITE, "router/compiled"), START_SECONDS, math.inf
        )
        transaction.observe(
            "execution_time_ms",
            (*OF_PERF_SUITE.key, "router/compiled", "median"),
            [3.0],
            (1.0, 2.0),
            START_SECONDS,
        )
    assert shown_buckets(wired) == {"1": 0, "2": 0, "+Inf": 1}
    wired.take("a.json", perf_suite())
    assert len(shown_buckets(wired)) == 20
    assert shown_buckets(wired)["+Inf"] == 1


def test_failed_criteria_are_in_the_state_part_while_the_gate_is_failed(wired: Wired) -> None:
    wired.take("a.json", perf_suite("first", speedup=5.0))
    failed = samples(wired.render().parts["state"].decode())["benchmark_gate_failed_criterion"]
    assert {dict(labels)["criterion"]: value for labels, value in failed.items()} == {
        "p50": 1,
        "p95": 1,
    }
    wired.take("b.json", perf_suite("second", speedup=20.0, timestamp="2026-03-02T12:00:00Z"))
    assert "benchmark_gate_failed_criterion" not in samples(wired.render().parts["state"].decode())


def test_what_the_exporter_exposes_about_itself(wired: Wired) -> None:
    wired.take("a.json", perf_suite())
    shown = wired.samples()
    own = {
        name: {dict(labels).get("kind"): value for labels, value in shown[name].items()}
        for name in (
            "benchmark_exporter_last_ingest_timestamp_seconds",
            "benchmark_exporter_ledger_commits",
            "benchmark_exporter_series_limit",
            "benchmark_exporter_subjects_dropped",
            "benchmark_exporter_ingest_failing",
        )
    }
    assert own == {
        "benchmark_exporter_last_ingest_timestamp_seconds": {None: START_SECONDS},
        "benchmark_exporter_ledger_commits": {None: 1},
        "benchmark_exporter_series_limit": {None: wired.config.max_series},
        "benchmark_exporter_subjects_dropped": {"benchmark": 0, "pipeline": 0},
        "benchmark_exporter_ingest_failing": {None: 0},
    }
    versions = {"version": __version__, "python_version": platform.python_version()}
    assert shown["benchmark_exporter_build_info"] == {frozenset(versions.items()): 1}
