"""Configured aliases: what arrives under an old name, and its history, go on under the new one."""

import pytest

from benchmark_exporter.config import Config
from benchmark_exporter.names import Alias, Renaming, Renamings
from tests.support.documents import bench_guard, result
from tests.support.documents import google_benchmark as google
from tests.support.wired import Wired


def names(wired: Wired, metric: str = "benchmark_runs_total") -> set[str]:
    return {dict(labels)["benchmark_name"] for labels in wired.samples()[metric]}


def state(wired: Wired, name: str) -> str:
    (found,) = [
        dict(labels)["state"]
        for labels, value in wired.samples()["benchmark_verdict"].items()
        if dict(labels)["benchmark_name"] == name and value
    ]
    return found


def aliased(*aliases: Alias) -> Config:
    return Config(aliases=list(aliases))


PARSING = Alias("parser", "parsing")


def test_what_arrives_under_the_old_name_goes_on_under_the_new(wired: Wired) -> None:
    wired.restart(aliased(PARSING, Alias("cache/hit", "cache/hits", "router")))
    document = result(1, {"parser": 1.0, "routing": 2.0, "cache": 3.0})
    document["results"][2]["variant"] = "hit"
    document["failures"] = [{"benchmark": "parser/tokens", "error": "x"}]
    wired.take("1.json", document)
    assert names(wired) == {"parsing", "parsing/tokens", "routing", "cache"}
    assert names(wired, "benchmark_time_seconds") == {"parsing", "routing", "cache/hits"}
    wired.take("2.json", bench_guard({"parser": 5.0}, passed=False))
    assert names(wired, "speedup_ratio") == {"parsing"}


def test_a_document_that_comes_again_is_known_whatever_was_aliased_since(wired: Wired) -> None:
    wired.take("1.json", result(1, {"parser": 1.0}))
    for number, aliases in enumerate(([PARSING], [PARSING], [])):
        wired.restart(aliased(*aliases))
        wired.take(
            f"again-{number}.json", result(1, {"parser": 1.0}) | {"duration_seconds": number}
        )
    assert wired.value("benchmark_runs_total", benchmark_name="parsing") == 1
    assert wired.value("benchmark_runs_total", benchmark_name="parser") is None


def test_an_alias_carries_the_history_over_once(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(12):
        wired.take(f"{number}.json", result(number, {"parser": 1.0}))
    with caplog.at_level("INFO"):
        wired.restart(aliased(PARSING))
    assert "renamed 12 results and failures of 12 runs, by an alias of config.yaml" in caplog.text
    for number in (12, 13):
        wired.take(f"{number}.json", result(number, {"parser" if number == 12 else "parsing": 3.0}))
    assert names(wired) == {"parsing"}
    assert state(wired, "parsing") == "critical"
    caplog.clear()
    commits = wired.ledger.state().commits
    with caplog.at_level("INFO"):
        wired.restart(aliased(PARSING))
    assert wired.ledger.state().commits == commits
    assert not caplog.text


def test_an_alias_that_comes_back_carries_over_again(wired: Wired) -> None:
    wired.restart(aliased(PARSING))
    wired.restart(aliased())
    wired.take("1.json", result(1, {"parser": 1.0}))
    assert names(wired) == {"parser"}
    wired.restart(aliased(PARSING))
    assert names(wired) == {"parsing"}


def test_the_alias_of_a_project_counts_before_that_of_all(wired: Wired) -> None:
    for number, project in enumerate(("one", "two")):
        wired.take(f"{number}.json", result(number, {"parser": 1.0}) | {"project": project})
    wired.restart(aliased(PARSING, Alias("parser", "reader", "two")))
    for number, project in enumerate(("one", "two"), 2):
        wired.take(f"{number}.json", result(number, {"parser": 1.0}) | {"project": project})
    assert wired.value("benchmark_runs_total", project="one", benchmark_name="parsing") == 2
    assert wired.value("benchmark_runs_total", project="two", benchmark_name="reader") == 2
    assert names(wired) == {"parsing", "reader"}


def test_the_longest_old_name_counts(wired: Wired) -> None:
    document = result(1, {"parser": 1.0, "parser2": 1.0})
    document["results"] += [document["results"][0] | {"variant": each} for each in ("a", "b")]
    wired.take("1.json", document)
    wired.restart(aliased(PARSING, Alias("parser/a", "parsing/first")))
    expected = {"parsing", "parser2", "parsing/first", "parsing/b"}
    assert names(wired, "benchmark_time_seconds") == expected
    wired.take("2.json", document | {"timestamp": "2026-03-02T00:00:00Z"})
    assert names(wired, "benchmark_time_seconds") == expected


def test_a_run_that_has_both_names_keeps_them(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    both = result(1, {"parser": 1.0, "parsing": 2.0, "old": 3.0})
    wired.take("1.json", both)
    wired.restart(aliased(PARSING, Alias("old", "new")))
    assert "a history stays under its old name: run " in caplog.text
    wired.take("2.json", both | {"timestamp": "2026-03-02T00:00:00Z"})
    assert "an alias does not apply to a run that has both names" in caplog.text
    assert names(wired) == {"parser", "parsing", "new"}
    assert wired.value("benchmark_runs_total", benchmark_name="parser") == 2


def test_of_two_aliases_for_one_name_a_run_that_has_both_gets_one(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    wired.restart(aliased(Alias("first", "x"), Alias("second", "x"), Alias("old", "new")))
    wired.take("1.json", result(1, {"first": 1.0, "second": 2.0, "old": 3.0}))
    assert names(wired) == {"x", "first", "new"}  # the longer old name counts
    assert caplog.text.count("an alias does not apply") == 1
    wired.take("2.json", result(2, {"first": 1.0}))
    assert wired.value("benchmark_runs_total", benchmark_name="x") == 2


def test_an_alias_applies_to_an_executable_s_name(wired: Wired) -> None:
    wired.restart(aliased(Alias("string_bench/BM_Copy", "BM_CopyString")))
    for number, executable in enumerate(("vector_bench", "string_bench")):
        wired.take(f"{number}.json", google(number, executable, {"BM_Copy": 10.0}))
    assert names(wired) == {"BM_Copy", "BM_CopyString"}


def test_a_name_that_was_renamed_is_free_for_what_arrives_next(wired: Wired) -> None:
    wired.take("1.json", result(1, {"parser": 1.0}))
    wired.ledger.rename(Renamings([Renaming("parser", "parsing")]))
    wired.take("2.json", result(2, {"parser": 1.0}))
    assert names(wired) == {"parser", "parsing"}


def test_two_histories_for_one_name_with_a_run_that_has_both_carry_over_one(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    wired.take("1.json", result(1, {"first": 1.0, "second": 2.0}))
    wired.take("2.json", result(2, {"first": 1.0}))
    wired.restart(aliased(Alias("first", "x"), Alias("second", "x")))
    assert names(wired) == {"x", "first"}
    assert "has both first and x, so they are not the same" in caplog.text
