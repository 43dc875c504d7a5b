"""pytest-benchmark: rounds or statistics, and the commit it was run on."""

import pytest

from benchmark_exporter.formats import Origin, Sidecar, parse
from benchmark_exporter.model import Run
from tests.support.documents import changed, golden
from tests.support.parsing import accepted, accepted_run, encoded, run_of


def test_pytest_benchmark_with_and_without_its_rounds() -> None:
    run = run_of("pytest_benchmark/1-run")
    assert (run.project, run.branch, run.commit_hash[:7], run.timestamp_seconds) == (
        "router",
        "main",
        "a1b2c3d",
        1772366400.5,
    )
    split, join = run.results
    assert (split.name, split.sample_count, split.samples) == (
        "test_b.py::test_split",
        4,
        (0.004, 0.001, 0.003, 0.002),
    )
    assert split.statistics.p50 == 0.0025
    assert split.statistics.p95 == pytest.approx(0.00385)
    # The tool computes its own statistics from the rounds.
    assert split.statistics.stddev == pytest.approx(join.statistics.stddev)
    assert (join.samples, join.statistics.p50, join.statistics.p95) == ((), 0.0025, None)


def test_pytest_benchmark_outside_a_repository_has_no_commit_and_no_branch() -> None:
    document = golden("pytest_benchmark/1-run")
    document["commit_info"] = {
        "id": "unversioned",
        "time": None,
        "dirty": False,
        "project": "router",
        "branch": "(unknown)",
    }
    run = parse(encoded(document), Origin(sidecar=Sidecar(branch="main")))
    assert isinstance(run, Run)
    assert (run.project, run.commit_hash, run.branch) == ("router", "", "main")


def test_a_nan_is_not_there_in_extra_info_or_among_the_statistics() -> None:
    document = golden("pytest_benchmark/1-run")
    assert accepted(
        changed(document, "benchmarks.0.extra_info", {"loss": float("nan")})
    ) == accepted(document)
    for name in ("mean", "max"):
        run = accepted_run(changed(document, f"benchmarks.0.stats.{name}", float("nan")))
        assert len(run.results) == len(accepted_run(document).results)


def test_the_statistics_count_where_rounds_are_missing() -> None:
    document = golden("pytest_benchmark/1-run")
    split = document["benchmarks"][0]["stats"]
    split["data"] = [*split["data"][:2], "..."]  # as projects shorten what they keep
    split |= {"rounds": 4, "median": 0.0025, "mean": 0.0025}
    result = accepted_run(document).results[0]
    assert (result.samples, result.sample_count, result.statistics.p50) == ((), 4, 0.0025)
