"""Deleting a project or pipeline: as if it had never been, and nothing else changed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark_exporter.commands.pinning import list_baselines, set_baseline
from benchmark_exporter.ledger import Deleted, Pin
from tests.exporter.commands.test_baseline import LIMITS
from tests.support.command import run
from tests.support.documents import perf_suite, pipeline, result
from tests.support.process import Exporter
from tests.support.wired import Wired

# What counts files, commits and suites, whosever they were.
OF_ALL = ("benchmark_exporter_", "benchmark_suite_duration_seconds")


def keep(wired: Wired) -> None:
    """Runs that stay, one of them a regression, and a pipeline."""
    for number, speedup in enumerate((20.0, 20.0, 5.0)):
        made = f"2026-03-01T12:0{number}:00Z"
        wired.take(
            f"kept-{number}.json",
            perf_suite(f"kept-{number}", project="kept", speedup=speedup, timestamp=made),
        )
    wired.take("kept-ci.json", pipeline())


def take_what_goes(wired: Wired) -> None:
    """A project with everything that one can have, and a pipeline.

    Regressions, verdicts, a baseline, an environment shift and a failure.
    """
    names = dict.fromkeys("abcd", 1.0)
    for number in range(10):
        wired.take(
            f"gone-{number}.json",
            result(number, names) | {"project": "gone", "run_id": f"gone-{number}"},
        )
    set_baseline(wired.ledger, "gone-9", Pin("v1", "someone", wired.now, ""), LIMITS)
    for number in (10, 11):
        wired.take(
            f"gone-{number}.json",
            result(number, dict.fromkeys(names, 4.0))
            | {"project": "gone", "duration_seconds": 3.0},
        )
    failure = result(12, {}) | {
        "project": "gone",
        "failures": [{"benchmark": "a", "error": "out of memory"}],
    }
    wired.take("gone-12.json", failure)
    wired.take("gone-perf.json", perf_suite("gone-13", project="gone", speedup=5.0))
    wired.take("gone-ci.json", pipeline("7", status="fail") | {"pipeline": "gone"})


def of_projects(wired: Wired) -> dict[str, object]:
    return {name: series for name, series in wired.samples().items() if not name.startswith(OF_ALL)}


def test_it_is_as_if_the_project_had_never_been(tmp_path: Path) -> None:
    folders = [tmp_path / "expected", tmp_path / "deleting"]
    for folder in folders:
        folder.mkdir()
    expected, deleting = map(Wired, folders)
    take_what_goes(deleting)
    for wired in (expected, deleting):
        keep(wired)
    assert of_projects(deleting) != of_projects(expected)
    assert deleting.ledger.delete(["gone"], ["gone"]) == Deleted(runs=14, pipeline_runs=1)
    assert of_projects(deleting) == of_projects(expected)
    assert list_baselines(deleting.ledger) == ["nothing is pinned"]
    deleting.restart()
    assert of_projects(deleting) == of_projects(expected)
    for wired in (expected, deleting):
        wired.ledger.close()


def test_what_was_deleted_is_ingested_again_only_with_its_next_run(
    wired: Wired,
) -> None:
    wired.take("gone.json", result(0, {"parsing": 1.0}))
    assert wired.ledger.delete(["router"], []) == Deleted(runs=1, pipeline_runs=0)
    wired.restart()
    wired.settle()
    assert "benchmark_runs_total" not in wired.samples()
    wired.take("next.json", result(1, {"parsing": 1.0}))
    assert wired.value("benchmark_runs_total", benchmark_name="parsing", environment="ci") == 1


def test_a_benchmark_of_the_same_name_in_another_project_stays(wired: Wired) -> None:
    for number, project in enumerate(("gone", "kept")):
        wired.take(f"{project}.json", result(number, {"parsing": 1.0}) | {"project": project})
    wired.ledger.delete(["gone"], [])
    assert wired.value("benchmark_runs_total", benchmark_name="parsing", environment="ci") == 1
    assert {dict(labels)["project"] for labels in wired.samples()["benchmark_run_info"]} == {"kept"}


def test_deleting_nothing_changes_nothing(wired: Wired) -> None:
    keep(wired)
    before = of_projects(wired)
    assert wired.ledger.delete(["nobody's"], ["nobody's"]) == Deleted(0, 0)
    assert of_projects(wired) == before


def test_a_running_exporter_drops_what_another_process_deletes(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    exporter = Exporter(tmp_path, free_port())
    try:
        (exporter.results / "a.json").write_text(json.dumps(result(0, {"parsing": 1.0})))
        series = 'benchmark_last_run_timestamp_seconds{benchmark_name="parsing",environment="ci"}'
        exporter.until(lambda: exporter.value(series) is not None)
        forgot = run("forget", "--project=router", f"--ledger={exporter.folder / 'ledger.sqlite3'}")
        assert forgot.returncode == 0, forgot.stderr
        assert forgot.stdout.startswith("deleted 1 run of projects and 0 of pipelines")
        exporter.until(lambda: exporter.value(series) is None)
    finally:
        assert exporter.stop() == 0, exporter.log.read_text()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "name what to delete with --run, --benchmark, --branch, --project or --pipeline"),
        (
            ("--project=router", "--ledger=nowhere.sqlite3"),
            "nowhere.sqlite3: there is no such ledger",
        ),
    ],
)
def test_what_cannot_be_deleted_says_why(words: tuple[str, ...], reason: str) -> None:
    forgot = run("forget", *words)
    assert forgot.returncode == 2
    assert reason in forgot.stderr
