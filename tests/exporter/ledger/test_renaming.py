"""Renaming benchmarks and results: what goes on is as if the new name had been there always."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark_exporter.ledger import Pin, Renamed, RenameError
from benchmark_exporter.ledger.renaming import _SCOPED
from benchmark_exporter.ledger.tables import SERIES, TABLES
from benchmark_exporter.ledger.total_renaming import _TOTALS
from benchmark_exporter.names import Renaming, Renamings
from tests.support.documents import Json, bench_guard, result
from tests.support.ledger_files import read_rows
from tests.support.wired import Samples, Wired

PARSING = Renamings([Renaming("parser", "parsing")])
# They say how often something was written, and when.
OF_THE_EXPORTER = ("benchmark_exporter_ledger_commits", "benchmark_exporter_last_ingest")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Wired]:
    """A second exporter, whose runs have the new name from the start."""
    (tmp_path / "other").mkdir()
    yield (exporter := Wired(tmp_path / "other"))
    exporter.ledger.close()


def suite(number: int, name: str = "parser", *, slow: float = 1.0, **more: Any) -> Json:
    """A run of a benchmark with two variants, one of another, and a failure of a third."""
    milliseconds = {f"{name}/compiled": 1.0 * slow, f"{name}/fallback": 20.0, "routing": 3.0}
    document = result(number, milliseconds)
    for each in document["results"]:
        each["benchmark"], _, each["variant"] = each["benchmark"].partition("/")
        each["samples"] = [each["samples"][0] * (1 + number % 3 / 1000)]
    document["failures"] = [{"benchmark": f"{name}/tokens", "error": "out of memory"}]
    return document | {"run_id": f"run-{number}", **more}


def shown(wired: Wired) -> Samples:
    return {
        name: series
        for name, series in wired.samples().items()
        if not name.startswith(OF_THE_EXPORTER)
    }


def test_all_goes_on_as_if_the_name_had_been_the_new_one_always(wired: Wired, other: Wired) -> None:
    for each, name in ((wired, "parser"), (other, "parsing")):
        for number in range(12):
            each.take(f"{number}.json", suite(number, name))
        for number in (12, 13):
            each.take(f"{number}.json", suite(number, name, slow=3.0))
        each.take("gate.json", bench_guard({name: 5.0}, passed=False))
    renamed = wired.ledger.rename(PARSING)
    assert renamed == Renamed(runs=15, results=14 * 3 + 2, series=4, joined=0)
    assert shown(wired) == shown(other)
    for each in (wired, other):  # whatever the next run is judged by has gone on too
        each.take("14.json", suite(14, "parsing", slow=3.0))
        each.restart()
    assert shown(wired) == shown(other)
    assert (
        wired.value("benchmark_verdict", benchmark_name="parsing/compiled", state="critical") == 1
    )


def test_a_pinned_baseline_goes_on(wired: Wired, other: Wired) -> None:
    for each, name in ((wired, "parser"), (other, "parsing")):
        for number in range(10):
            each.take(f"{number}.json", suite(number, name))
        with each.ledger.transaction() as transaction:
            baselines = transaction.baselines
            (run,) = baselines.find("run-3")
            for one in baselines.results(run.row):
                baselines.pin(run, one, 0.0005, Pin("v1", "ada", 1.0, ""))
    wired.ledger.rename(PARSING)
    for each in (wired, other):
        each.take("10.json", suite(10, "parsing"))
    assert shown(wired) == shown(other)
    speedup = wired.value(
        "speedup_ratio", benchmark_name="parsing/compiled", percentile="p50", baseline_version="v1"
    )
    assert speedup == pytest.approx(1.000 / 1.001)  # runs 3 and 10


def test_two_histories_become_one_by_time(wired: Wired, other: Wired) -> None:
    """The benchmark was renamed in the code ten runs ago, and is blind since."""
    for number in range(16):
        slow = 1.0 if number < 14 else 3.0
        wired.take(
            f"{number}.json", suite(number, "parser" if number < 11 else "parsing", slow=slow)
        )
        other.take(f"{number}.json", suite(number, "parsing", slow=slow))
    assert (
        wired.value(
            "benchmark_verdict", benchmark_name="parsing/compiled", state="insufficient_data"
        )
        == 1
    )
    before = shown(wired)
    renamed = wired.ledger.rename(PARSING)
    assert (renamed.runs, renamed.series, renamed.joined) == (11, 2, 2)
    after = shown(wired)
    for name, series in before.items():
        if name.endswith(("_total", "_count", "_bucket", "_sum")):
            for labels, value in series.items():
                if ("benchmark_name", "parsing/compiled") in labels:
                    assert after[name][labels] >= value
    for each in (wired, other):
        each.take("16.json", suite(16, "parsing", slow=3.0))
    # Verdicts stay as they were given, so less was confirmed, and only what was judged has passed.
    differing = {name for name in shown(other) if shown(other)[name] != shown(wired)[name]}
    assert differing == {
        *("benchmark_regressions_confirmed_total", "performance_regression_detected_total"),
        *("benchmark_verdict_info", "benchmark_regression_info", "benchmark_exporter_series"),
        "benchmark_execution_time_ms_sum",
        "benchmark_regression_triage_timestamp_seconds",
    }
    sums = "benchmark_execution_time_ms_sum"
    assert shown(wired)[sums] == pytest.approx(shown(other)[sums])  # another order of adding
    compiled = {"benchmark_name": "parsing/compiled"}
    assert wired.value("benchmark_verdict", state="critical", **compiled) == 1
    assert wired.value("benchmark_verdict_info", previous_commit_hash="commit-10", **compiled) == 1
    assert other.value("benchmark_verdict_info", previous_commit_hash="commit-13", **compiled) == 1
    assert wired.value("benchmark_runs_total", benchmark_name="parsing") == 17


def test_of_two_newest_runs_the_newer_is_shown(wired: Wired) -> None:
    wired.take("new.json", suite(1, "parsing"))
    wired.take("old.json", suite(2, "parser", slow=2.0))
    wired.ledger.rename(PARSING)
    assert (
        wired.value("benchmark_time_seconds", benchmark_name="parsing/compiled", statistic="mean")
        == 0.002004
    )
    assert wired.value("benchmark_run_info", benchmark_name="parsing", run_id="run-2") == 1


def test_a_run_is_known_by_what_its_document_states(wired: Wired) -> None:
    document = suite(1)
    wired.take("a.json", document)
    wired.ledger.rename(PARSING)
    wired.take("b.json", document | {"duration_seconds": 1.0})  # other bytes, the same run
    assert wired.value("benchmark_runs_total", benchmark_name="parsing") == 1
    assert wired.value("benchmark_runs_total", benchmark_name="parser") is None


def test_a_project_narrows_what_is_renamed(wired: Wired) -> None:
    for project in ("one", "two"):
        wired.take(f"{project}.json", suite(1, project=project, run_id=project))
    assert wired.ledger.rename(PARSING, ["two"]).runs == 1
    assert wired.value("benchmark_runs_total", benchmark_name="parser", project="one") == 1
    assert wired.value("benchmark_runs_total", benchmark_name="parsing", project="two") == 1
    assert wired.ledger.rename(PARSING, ["three"]) == Renamed(0, 0, 0, 0)


def test_runs_of_other_branches_are_renamed_too(wired: Wired) -> None:
    wired.take("1.json", suite(1))
    wired.take("2.json", suite(2, branch="feature/a"))
    wired.ledger.rename(PARSING)
    rows = read_rows(wired.ledger_path, "SELECT DISTINCT name FROM results ORDER BY name")
    names = tuple(name for (name,) in rows)
    assert names == ("parsing/compiled", "parsing/fallback", "routing")


@pytest.mark.parametrize(
    ("old", "new", "benchmark"),
    [
        ("parser/compiled", "parser/built", "parser"),
        ("parser/compiled", "tokens/compiled", "tokens"),
        ("parser/compiled", "quick", "quick"),
    ],
)
def test_a_single_result_is_renamed(wired: Wired, old: str, new: str, benchmark: str) -> None:
    for number in range(9):
        wired.take(f"{number}.json", suite(number))
    wired.ledger.rename(Renamings([Renaming(old, new)]))
    samples = wired.samples()
    names = {dict(labels).get("benchmark_name") for labels in samples["benchmark_time_seconds"]}
    assert names == {new, "parser/fallback", "routing"}
    of_runs = {dict(labels)["benchmark_name"] for labels in samples["benchmark_run_info"]}
    assert of_runs == {"parser", "routing", "parser/tokens", benchmark}
    verdicts = wired.ledger.state().verdicts
    assert {(each.benchmark, each.name) for each in verdicts} >= {(benchmark, new)}


def test_a_benchmark_without_results_leaves(wired: Wired) -> None:
    for number in range(2):
        wired.take(f"{number}.json", suite(number))
    wired.ledger.rename(Renamings([Renaming("parser/compiled", "tokens/compiled")]))
    wired.ledger.rename(Renamings([Renaming("parser/fallback", "tokens/fallback")]))
    names = {
        dict(labels).get("benchmark_name") for each in wired.samples().values() for labels in each
    }
    assert names == {
        None,
        "tokens",
        "tokens/compiled",
        "tokens/fallback",
        "routing",
        "parser/tokens",
    }


def test_names_below_go_with_the_name_and_others_that_begin_alike_stay(wired: Wired) -> None:
    wired.take("1.json", result(1, {"BM": 1.0, "BM/64": 2.0, "BM0": 3.0, "BM-": 4.0}))
    wired.ledger.rename(Renamings([Renaming("BM", "Copy")]))
    names = {dict(labels)["benchmark_name"] for labels in wired.samples()["benchmark_runs_total"]}
    assert names == {"Copy", "Copy/64", "BM0", "BM-"}


@pytest.mark.parametrize("strange", ['a "b" \\ c', "é\u2028\n\t", "a\u0007'[%]"])
def test_any_name_can_be_renamed(wired: Wired, strange: str) -> None:
    wired.take("1.json", result(1, {strange: 1.0}))
    before = wired.exposition()
    wired.ledger.rename(Renamings([Renaming(strange, "plain")]))
    assert wired.value("benchmark_runs_total", benchmark_name="plain") == 1
    wired.ledger.rename(Renamings([Renaming("plain", strange)]))
    after = wired.exposition()
    assert [line for line in after.splitlines() if OF_THE_EXPORTER[0] not in line] == [
        line for line in before.splitlines() if OF_THE_EXPORTER[0] not in line
    ]
    wired.take("2.json", result(2, {strange: 1.0}))
    ((count,),) = read_rows(wired.ledger_path, "SELECT count(*) FROM counters WHERE name = 'runs'")
    assert count == 1


def test_a_run_that_has_both_refuses_and_nothing_changes(wired: Wired) -> None:
    wired.take("1.json", result(1, {"parser": 1.0, "parsing": 2.0}) | {"run_id": "both"})
    before = wired.samples()
    with pytest.raises(RenameError, match="run both has both parser and parsing"):
        wired.ledger.rename(PARSING)
    assert wired.samples() == before


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("parser", "parser", "'parser' is the old name"),
        ("parser", "parser/x", "begins with the old name"),
        ("", "x", "must not be empty"),
        ("x", "", "must not be empty"),
    ],
)
def test_names_that_cannot_be_used(wired: Wired, old: str, new: str, why: str) -> None:
    with pytest.raises(RenameError, match=why):
        wired.ledger.rename(Renamings([Renaming(old, new)]))


def test_a_dry_run_changes_nothing(wired: Wired) -> None:
    wired.take("1.json", suite(1))
    before = wired.samples()
    expected = Renamed(runs=1, results=3, series=2, joined=0)
    assert wired.ledger.rename(PARSING, dry_run=True) == expected
    assert wired.samples() == before
    assert wired.ledger.rename(PARSING) == expected


def test_subjects_keep_their_order(wired: Wired) -> None:
    for number, name in enumerate(("parser", "other", "parsing")):
        wired.take(f"{number}.json", result(number, {name: 1.0}))
    wired.ledger.rename(PARSING)
    assert [each.name for each in wired.ledger.state().selection.subjects] == ["parsing", "other"]


def test_a_counter_that_returned_keeps_what_it_was(wired: Wired) -> None:
    wired.take("1.json", result(1, {"parser": 1.0}))
    wired.now += wired.config.series_max_age_seconds + 1
    wired.take("2.json", result(2, {"parser": 1.0}))
    assert wired.ledger.state().returned_counters
    wired.ledger.rename(PARSING)
    returned = wired.ledger.state().returned_counters
    assert {labels[4] for _, labels in returned} == {"parsing"}
    wired.take("3.json", result(3, {"parsed": 1.0}))
    wired.ledger.rename(Renamings([Renaming("parsing", "parsed")]))  # which is shown
    assert not wired.ledger.state().returned_counters


NAMED_BY_PEOPLE = {
    # Labels of alerts as they were received.
    *("notifications", "notification_series"),
    # By what documents state, whatever it is renamed to.
    *("executables", "former_names"),
}
SEARCHED_AGAIN = {"change_points", "change_searches_due"}
OF_RUNS = {"results", "failures", "gate_outcomes", "verdicts", "checkpoints"}


def test_every_table_with_names_of_benchmarks_is_renamed() -> None:
    """A table that is added has to be renamed too, or to be exempt for a reason."""
    having = {
        table.name
        for table in TABLES
        if {"name", "benchmark", "labels"} & {*table.key, *table.all_names}
    }
    moved = [table.name for table, *_ in _SCOPED] + [table.name for table, *_ in _TOTALS]
    renamed = {SERIES.name, *moved}
    assert having == renamed | OF_RUNS | NAMED_BY_PEOPLE | SEARCHED_AGAIN | {"triage_history"}
