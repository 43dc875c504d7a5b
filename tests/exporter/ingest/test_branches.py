"""Each tracked branch has series of its own; other branches are only compared with them."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark_exporter.config import Config
from benchmark_exporter.ingest.branches import BranchRules, Line, line_of, lines_of, without_prefix
from benchmark_exporter.ingest.result_files import runs_of_files
from benchmark_exporter.ledger.history import History, RecordedRun
from benchmark_exporter.ledger.selection import RunSelection
from tests.support.documents import Json, perf_suite, result, without
from tests.support.examples import wired_in_a_new_folder
from tests.support.histories import LEAST, STEADY, value, verdicts
from tests.support.wired import Wired, samples

RULES = BranchRules()
UNTRACKED = "benchmark_exporter_untracked_branch_runs_total"
FALLBACK = "benchmark_exporter_fallback_branch_info"


@pytest.mark.parametrize(
    ("runs", "branch", "line"),
    [
        ({}, "", Line("main", tracked=True)),
        ({}, "main", Line("main", tracked=True)),
        ({"main": 1}, "feature/x", Line("main", tracked=False)),
        ({"main": 1}, "release/1.2", Line("release/1.2", tracked=True)),
        ({"master": 1}, "", Line("master", tracked=True)),
        ({"master": 1}, "feature/x", Line("master", tracked=False)),
        ({"main": 1, "master": 9}, "", Line("main", tracked=True)),
        # A project that renames its branch is watched before, meanwhile and after.
        ({"main": 1, "master": 9}, "master", Line("master", tracked=True)),
        ({"": 1}, "develop", Line("main", tracked=False)),
        ({"develop": 2, "feature/x": 1}, "develop", Line("develop", tracked=True)),
        ({"develop": 2, "feature/x": 1}, "feature/x", Line("develop", tracked=False)),
        ({"develop": 2, "feature/x": 2}, "develop", Line("develop", tracked=True)),
        ({"develop": 2, "main": 1}, "develop", Line("main", tracked=False)),
    ],
)
def test_the_line_of_a_branch(runs: Mapping[str, int], branch: str, line: Line) -> None:
    assert line_of(RULES, lines_of(RULES, runs), branch) == line


@pytest.mark.parametrize(
    ("base", "line"),
    [
        ("release/1.2", "release/1.2"),
        ("main", "main"),
        ("feature/y", "main"),
        ("", "main"),
    ],
)
def test_a_run_is_compared_with_its_base_if_that_is_tracked(base: str, line: str) -> None:
    assert line_of(RULES, lines_of(RULES, {"main": 1}), "feature/x", base) == (line, False)


def test_a_configured_default_branch_is_the_only_one() -> None:
    rules = BranchRules("trunk", ())
    lines = lines_of(rules, {"main": 9, "trunk": 1})
    assert line_of(rules, lines, "") == ("trunk", True)
    assert line_of(rules, lines, "main") == ("trunk", False)
    assert line_of(rules, lines, "release/1") == ("trunk", False)


@given(
    st.dictionaries(
        st.sampled_from(["", "main", "master", "release/1", "a", "b"]), st.integers(1, 9)
    ),
    st.sampled_from(["", "main", "master", "release/1", "a", "b"]),
)
def test_every_project_that_has_runs_is_watched(runs: dict[str, int], branch: str) -> None:
    """Some branch that has runs is tracked, and what a run is compared with is tracked, too."""
    runs.setdefault(branch, 1)
    lines = lines_of(RULES, runs)
    assert any(line_of(RULES, lines, each).tracked for each in runs)
    compared = line_of(RULES, lines, branch)
    assert line_of(RULES, lines, compared.branch) == (compared.branch, True)


def test_the_prefix_of_git_is_no_part_of_a_name() -> None:
    assert without_prefix("refs/heads/feature/x") == "feature/x"
    assert without_prefix("feature/refs/heads/x") == "feature/refs/heads/x"


def run_of(branch: str, number: int, milliseconds: float) -> Json:
    document = result(number, {"parsing": milliseconds})
    return document | ({"branch": branch} if branch else {})


def take_of(wired: Wired, branch: str, numbers: range, milliseconds: float | None = None) -> None:
    for number in numbers:
        each = STEADY[number % len(STEADY)] if milliseconds is None else milliseconds
        wired.take(f"{number}.json", run_of(branch, number, each))


def of_results(wired: Wired) -> dict[str, object]:
    """All but what counts files and commits, and the runs of untracked branches."""
    return {
        name: series
        for name, series in wired.samples().items()
        if not name.startswith("benchmark_exporter_")
    }


@pytest.mark.parametrize("milliseconds", [0.6, 1.6])
def test_another_branch_moves_nothing_that_is_shown(wired: Wired, milliseconds: float) -> None:
    take_of(wired, "main", range(LEAST + 2))
    before = of_results(wired)
    take_of(wired, "feature", range(100, 112), milliseconds)
    wired.take("gate.json", perf_suite("main", commit="b"))
    with_gate = of_results(wired)
    slow = perf_suite("slow", speedup=1.0) | {"branch": "feature"}
    wired.take("slow.meta.json", {"branch": "feature"})
    wired.take("slow.json", slow)
    assert of_results(wired) == with_gate
    assert {name: series for name, series in with_gate.items() if name in before}.keys() == (
        before.keys()
    )
    assert verdicts(wired.samples()) == {"parsing": "ok"}
    assert wired.value(UNTRACKED, project="router") == 13
    # The base's window is as it was: a real regression of main is seen.
    take_of(wired, "main", range(200, 202), 1.6)
    assert verdicts(wired.samples()) == {"parsing": "critical"}


def test_its_verdicts_are_recorded_with_the_branch(wired: Wired) -> None:
    take_of(wired, "main", range(LEAST + 2))
    take_of(wired, "refs/heads/feature", range(100, 101), 1.6)
    with History(wired.ledger_path) as history:
        (run,) = history.newest_first(RunSelection(branch="feature"), 10)
    assert (run.branch, run.line, run.tracked) == ("feature", "main", False)
    assert run.verdicts["parsing"].state == "suspect"
    assert wired.collector.samples(run) == []


def test_tracked_branches_have_verdicts_of_their_own(wired: Wired) -> None:
    take_of(wired, "main", range(LEAST + 2))
    take_of(wired, "release/1", range(100, 100 + LEAST), 3.0)
    take_of(wired, "release/1", range(200, 202), 5.0)
    take_of(wired, "", range(300, 301))  # it belongs to main
    shown = wired.samples()
    assert verdicts(shown, branch="main") == {"parsing": "ok"}
    assert verdicts(shown, branch="release/1") == {"parsing": "critical"}
    assert value(wired, "benchmark_runs_total", branch="main") == LEAST + 3
    assert value(wired, "benchmark_runs_total", branch="release/1") == LEAST + 2
    assert value(wired, "benchmark_regressions_confirmed_total", branch="main") == 0


def test_a_project_without_a_tracked_branch_tracks_the_one_with_most_runs(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    take_of(wired, "develop", range(LEAST + 2))
    take_of(wired, "feature", range(100, 101), 3.0)
    take_of(wired, "develop", range(200, 202), 1.6)
    assert wired.value(FALLBACK, project="router", branch="develop") == 1
    assert verdicts(wired.samples()) == {"parsing": "critical"}
    assert len([each for each in caplog.messages if "with most runs is tracked" in each]) == 1
    wired.restart()
    assert wired.value(FALLBACK, project="router", branch="develop") == 1


def test_a_tracked_branch_that_appears_takes_over(wired: Wired) -> None:
    take_of(wired, "develop", range(LEAST + 2))
    take_of(wired, "main", range(100, 101))
    shown = wired.samples()
    assert FALLBACK not in shown
    assert {dict(labels)["branch"] for labels in shown["benchmark_run_info"]} == {"main"}
    take_of(wired, "develop", range(200, 201), 9.0)
    assert wired.value(UNTRACKED, project="router") == 1
    assert {dict(labels)["branch"] for labels in wired.samples()["benchmark_runs_total"]} == {
        "main"
    }


def test_what_a_changed_configuration_does_not_track_is_no_longer_shown(wired: Wired) -> None:
    take_of(wired, "main", range(2))
    take_of(wired, "release/1", range(10, 12))
    wired.restart(Config(tracked_branches=[]))
    branches = {dict(labels)["branch"] for labels in wired.samples()["benchmark_run_info"]}
    assert branches == {"main"}


def test_a_deleted_project_has_no_branches(wired: Wired) -> None:
    take_of(wired, "develop", range(2))
    take_of(wired, "feature", range(10, 11))
    wired.ledger.delete(["router"], [])
    shown = wired.samples()
    assert UNTRACKED not in shown
    assert FALLBACK not in shown
    take_of(wired, "feature", range(20, 21))
    assert wired.value(FALLBACK, project="router", branch="feature") == 1


def test_files_without_a_ledger_have_the_same_lines(wired: Wired) -> None:
    for number, branch in enumerate(("", "main", "refs/heads/feature", "release/1")):
        wired.take(f"{number}.json", run_of(branch, number, 1.0))
    with History(wired.ledger_path) as history:
        recorded = [
            (run.branch, run.line, run.tracked) for run in history.oldest_first(RunSelection())
        ]
    runs, _ = runs_of_files(
        [wired.results], RunSelection(), wired.config, wired.config.policy, _raise
    )
    read = [(run.branch, run.line, run.tracked) for run in runs if isinstance(run, RecordedRun)]
    assert read == recorded
    assert recorded[2] == ("feature", "main", False)


def _raise(path: Path, error: Exception) -> None:
    raise AssertionError(path) from error


def test_ten_thousand_branches_leave_no_series() -> None:
    with wired_in_a_new_folder() as wired:
        take_of(wired, "main", range(2))
        before = wired.render()
        for number in range(10, 10_010):
            wired.drop(f"{number}.json", run_of(f"feature/{number}", number, 1.0))
        wired.settle()
        after = wired.render()
        assert wired.value(UNTRACKED, project="router") == 10_000
        series = [
            sum(map(len, samples(each.parts[part].decode()).values()))
            for each in (before, after)
            for part in ("state", "distributions")
        ]
        # One more: the counter of these runs.
        assert series[2:] == [series[0] + 1, series[1]]


def test_equal_values_in_the_same_second_of_two_branches_are_two_runs(wired: Wired) -> None:
    """Deterministic quantities are equal on many branches, and CI starts their jobs together."""
    for name, branch in (("a", "main"), ("b", "feature/a"), ("c", "feature/b"), ("d", "release/1")):
        wired.take(f"{name}.json", same_of(branch))
    stored = wired.query("SELECT branch, line, tracked FROM runs ORDER BY id")
    assert stored == [
        ("main", "main", 1),
        ("feature/a", "main", 0),
        ("feature/b", "main", 0),
        ("release/1", "release/1", 1),
    ]
    for branch in ("main", "release/1"):
        assert wired.value("benchmark_runs_total", branch=branch) == 1
    assert wired.value(UNTRACKED) == 2
    assert wired.value("benchmark_exporter_run_conflicts_total") == 0
    for name, branch in (("e", "feature/a"), ("f", "main"), ("g", ""), ("h", "release/1")):
        wired.take(f"{name}.json", same_of(branch) | {"duration_seconds": 1.0})
    assert wired.query("SELECT branch, line, tracked FROM runs ORDER BY id") == stored


@pytest.mark.parametrize("branches", [("feature/a", "main", ""), ("", "feature/a", "main")])
def test_a_run_that_states_no_branch_is_one_of_the_default_branch(
    wired: Wired, branches: tuple[str, ...]
) -> None:
    wired.take("first.json", result(0, {"routing": 1.0}) | {"branch": "main"})
    for number, branch in enumerate(branches):
        wired.take(f"{number}.json", same_of(branch))
    assert wired.value("benchmark_runs_total", benchmark_name="parsing", branch="main") == 1
    assert wired.value(UNTRACKED) == 1


def same_of(branch: str) -> Json:
    """The same measurements in the same second, of a branch."""
    return (
        result(1, {"parsing": 1.0}) | {"branch": branch} if branch else result(1, {"parsing": 1.0})
    )


def test_equal_values_in_the_same_second_of_two_places_are_two_runs(wired: Wired) -> None:
    """A matrix of CI jobs begins at once. A document that states no machine may be of any."""
    places = [("ci", 4), ("nightly", 4), ("ci", 8)]
    documents = [result(1, {"parsing": 1.0}, environment=each, cpus=cpus) for each, cpus in places]
    for number, document in enumerate(documents):
        wired.take(f"{number}.json", document)
        wired.take(f"{number}-again.json", document | {"duration_seconds": 1.0})
    wired.take("any.json", without(documents[0], "machine"))
    assert wired.query("SELECT environment, machine FROM runs ORDER BY id") == [
        (environment, f"linux x86_64 {cpus} cpus") for environment, cpus in places
    ]
    assert wired.value("benchmark_exporter_run_conflicts_total") == 0
