"""asv: both versions of its results, parameters, failures, and a folder as asv keeps it."""

import json
from pathlib import Path

import pytest

from benchmark_exporter.formats import Origin, parse
from benchmark_exporter.ingest.inbox import Inbox
from benchmark_exporter.ingest.result_files import read_document
from benchmark_exporter.model import Baseline, Failure, Machine, Run
from tests.support.parsing import accepted, accepted_run
from tests.support.paths import REPOSITORY

GOLDEN = REPOSITORY / "tests/exporter/golden/asv"


def version_2() -> Run:
    run = parse((GOLDEN / "1-version-2.json").read_bytes())
    assert isinstance(run, Run)
    return run


def test_parameters_are_part_of_the_name_and_what_was_skipped_is_left_out() -> None:
    results = {result.name: result for result in version_2().results}
    assert sorted(name for name in results if "time_sort" in name) == [
        "b.Sort.time_sort(10,'up')",
        "b.Sort.time_sort(1000,'down')",
        "b.Sort.time_sort(1000,'up')",
    ]
    sampled = results["b.Sort.time_sort(10,'up')"]
    assert (sampled.unit, sampled.better, sampled.samples) == (
        "seconds",
        "lower",
        (3e-6, 4e-6, 5e-6),
    )
    median = results["b.Sort.time_sort(1000,'down')"]
    assert (median.statistics.p50, median.statistics.mean, median.sample_count) == (8e-6, None, 5)


def test_units_follow_from_the_kind_of_a_benchmark() -> None:
    results = {result.name: result for result in version_2().results}
    size = results["b.Sort.peakmem_list(10,'up')"]
    assert (size.unit, size.better, size.statistics.mean) == ("bytes", "lower", 20885504)
    assert results["b.track_size"].better is None


def test_null_is_a_failure() -> None:
    assert [failure.benchmark for failure in version_2().failures] == ["b.time_broken"]
    old = parse((GOLDEN / "2-version-1.json").read_bytes())
    assert isinstance(old, Run)
    assert [failure.benchmark for failure in old.failures] == [
        "suite.time_broken",
        "suite.Sort.time_sort(1000)",
    ]
    assert {
        result.name: result.statistics.p50 or result.statistics.mean for result in old.results
    } == {
        "suite.time_one": 1.25,
        "suite.Sort.time_sort(10)": 0.5,
        "suite.mem_list(10)": 4096,
    }


def test_every_combination_of_a_benchmark_without_any_result_has_failed() -> None:
    row = [None, [["1", "2"], ["'a'"]], "v"]
    document = {"commit_hash": "a" * 40, "date": 0, "params": {}, "env_name": "e"} | {
        "result_columns": ["result", "params", "version"],
        "results": {"suite.time_x": row},
    }
    error = "it has no result: it failed, or took too long"
    assert accepted_run(document).failures == (
        Failure("suite.time_x(1,'a')", error),
        Failure("suite.time_x(2,'a')", error),
    )


def test_commit_time_environment_and_machine() -> None:
    run = version_2()
    assert run.commit_hash == "a1b2c3d" + "0" * 33
    assert run.timestamp_seconds == 1772366400  # of the commit
    assert run.environment == "virtualenv-py3.11"
    assert run.machine == Machine("Linux", "x86_64", "AMD EPYC 7763", 4)


def test_a_machine_of_which_nothing_else_is_known_goes_by_its_name() -> None:
    document = json.loads((GOLDEN / "2-version-1.json").read_text("utf-8"))
    document["params"] = {"machine": "ci-benchmarks", "python": "3.8"}
    assert accepted_run(document).machine_class == "ci-benchmarks"


def test_results_that_do_not_fit_their_parameters_are_left_out() -> None:
    document = json.loads((GOLDEN / "2-version-1.json").read_text("utf-8"))
    document["results"]["suite.Sort.time_sort"]["result"] = [0.5]
    run = accepted_run(document)
    assert [each.name for each in run.results] == ["suite.time_one", "suite.mem_list(10)"]
    assert "1 results of 2 combinations" in run.notes[0]
    document["results"]["suite.Sort.time_sort"] = {"params": [["a"] * 1000] * 9, "result": None}
    assert "combinations of parameters" in accepted_run(document).notes[0]


def test_a_single_result_of_the_first_version_may_have_statistics() -> None:
    document = json.loads((GOLDEN / "2-version-1.json").read_text("utf-8"))
    document["results"] = {"suite.time_x": {"result": 0.5, "stats": [{"q_25": 0.4}]}}
    assert accepted_run(document).results[0].statistics.mean == 0.5


@pytest.mark.parametrize(
    ("unit", "stored", "better"),
    [("ops/s", "per_second", "higher"), ("files", "files", None), ("ms", "seconds", "lower")],
)
def test_a_folder_is_read_as_a_whole(
    tmp_path: Path, unit: str, stored: str, better: str | None
) -> None:
    (tmp_path / "box").mkdir()
    for name in ("1-version-2", "3-machine"):
        (tmp_path / "box" / f"{name}.json").write_bytes((GOLDEN / f"{name}.json").read_bytes())
    part = {"code": "def …", "name": "b.track_rate", "type": "track", "unit": unit}
    benchmarks = {"b.track_rate": part, "version": 2}
    (tmp_path / "benchmarks.json").write_text(json.dumps(benchmarks), encoding="utf-8")
    inbox = Inbox(tmp_path, 10_000_000)
    documents = [read_document(inbox, each, Origin().zone)[0] for each in inbox.scan()]
    (run,) = [each for each in documents if isinstance(each, Run)]
    assert sum(isinstance(each, Baseline) for each in documents) == 2
    rate = next(result for result in run.results if result.name == "b.track_rate")
    assert (rate.unit, rate.better) == (stored, better)


def test_what_is_kept_with_results_is_not_a_run() -> None:
    document = accepted(json.loads((GOLDEN / "3-machine.json").read_text("utf-8")))
    assert document == Baseline("asv", ("machine",))
