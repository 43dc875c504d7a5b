"""What the entries of a data.js become: https://github.com/benchmark-action/github-action-benchmark.

The entries are in the shapes of those of public repositories.
"""

import gzip
import json
from typing import Any

import pytest

from benchmark_exporter.formats import Sidecar
from benchmark_exporter.importing.action_history import (
    is_action_history,
    parse_action_history,
    run_of,
)
from benchmark_exporter.model import Rejected, Result, Run
from tests.support.action_history import bench, commit, entry, history

AT = 1_650_371_123.811


def runs(data: bytes) -> list[Run]:
    parsed = parse_action_history(data)
    return [run_of(each, parsed, Sidecar()) for each in parsed.entries]


def results(tool: str, *benches: dict[str, Any]) -> dict[str, Result]:
    (run,) = runs(history(Benchmark=[entry(1, AT, benches, tool)]))
    return {result.name: result for result in run.results}


def test_an_entry_is_a_run_of_its_commit_and_time() -> None:
    parsed = parse_action_history(history(Benchmark=[entry(7, AT, [bench("fib", 100)])]))
    (run,) = [run_of(each, parsed, Sidecar()) for each in parsed.entries]
    assert parsed.project == "orbit"
    assert (run.timestamp_seconds, run.commit_hash, run.branch) == (AT, commit(7), "")
    assert run.results[0].statistics.mean == pytest.approx(1e-7)


@pytest.mark.parametrize(
    ("tool", "unit", "value", "expected"),
    [
        ("cargo", "ns/iter", 100, ("seconds", 1e-7, "lower")),
        ("googlecpp", "us/iter", 2.5, ("seconds", 2.5e-6, "lower")),
        ("go", "ns/op", 41653, ("seconds", 4.1653e-5, "lower")),
        ("go", "MB/s", 12, ("per_second", 12e6, "higher")),
        ("go", "B/op", 64, ("bytes", 64, "lower")),
        ("go", "allocs/op", 3, ("allocs/op", 3, "lower")),
        ("go", "drop_rate_%", 3, ("drop_rate_%", 3, None)),
        ("benchmarkjs", "ops/sec", 81.61, ("per_second", 81.61, "higher")),
        ("pytest", "iter/sec", 0.93, ("per_second", 0.93, "higher")),
        ("catch2", "ms", 2, ("seconds", 2e-3, "lower")),
        ("julia", "ns", 2, ("seconds", 2e-9, "lower")),
        ("jmh", "ms/op", 2, ("seconds", 2e-3, "lower")),
        ("jmh", "ops/s", 2, ("per_second", 2, "higher")),
        ("benchmarkdotnet", "ns", 2, ("seconds", 2e-9, "lower")),
        ("customSmallerIsBetter", "count", 5, ("count", 5, "lower")),
        ("customBiggerIsBetter", "%", 78.56, ("ratio", 0.7856, "higher")),
        ("customBiggerIsBetter", "MB", 5, ("bytes", 5e6, "higher")),
        ("customSmallerIsBetter", "%", 5, ("ratio", 0.05, "lower")),
        ("a tool of tomorrow", "ms", 5, ("seconds", 5e-3, "lower")),
        ("a tool of tomorrow", "count", 5, ("count", 5, None)),
    ],
)
def test_the_unit_and_the_direction_are_those_of_the_tool(
    tool: str, unit: str, value: float, expected: tuple[str, float, str | None]
) -> None:
    found = results(tool, bench("fib", value, unit))["fib"]
    assert (found.unit, found.better) == (expected[0], expected[2])
    assert found.statistics.mean == pytest.approx(expected[1])


def test_further_quantities_of_a_line_of_go_are_those_that_the_action_lists() -> None:
    name = "BenchmarkRead/cold"
    found = results(
        "go",
        bench(name, 371973, "ns/op\t   15343 B/op\t     221 allocs/op"),
        bench(f"{name} - ns/op", 371973, "ns/op"),
        bench(f"{name} - B/op", 15343, "B/op"),
    )
    assert {each: found[each].unit for each in found} == {
        name: "seconds",
        f"{name} - B/op": "bytes",
    }


@pytest.mark.parametrize(("tool", "deviation"), [("catch2", 11.7e-6), ("cargo", None)])
def test_a_range_is_read_where_it_is_the_standard_deviation(
    tool: str, deviation: float | None
) -> None:
    found = results(tool, bench("fib", 43, "us", range="± 11.7"))["fib"].statistics.stddev
    assert found == (None if deviation is None else pytest.approx(deviation))


def test_a_name_of_two_suites_is_told_apart_by_them() -> None:
    # As in ruby/typeprof: seconds of an analysis, and the share of code with types.
    data = history(
        Time=[entry(1, AT, [bench("redmine", 70.9, "s"), bench("load", 1, "s")])],
        Coverage=[entry(1, AT, [bench("redmine", 35.6, "%")], "customBiggerIsBetter")],
    )
    assert [[result.name for result in run.results] for run in runs(data)] == [
        ["Time/redmine", "load"],
        ["Coverage/redmine"],
    ]


def test_a_name_that_an_entry_has_twice_is_numbered() -> None:
    found = results("cargo", bench("fib", 1), bench("fib", 2))
    assert list(found) == ["fib", "fib #2"]


@pytest.mark.parametrize("value", [None, "abc", "NaN", True, [1], {"a": 1}, 1e16, ""])
def test_a_value_that_is_none_costs_itself(value: object) -> None:
    (run,) = runs(history(B=[entry(1, AT, [bench("x", value), bench("fib", "12.5")])]))
    assert [result.name for result in run.results] == ["fib"]
    assert run.notes == ("without a name and a value, and left out: benches[0]",)


@pytest.mark.parametrize(
    ("wrong", "path", "reason"),
    [
        ({"date": None, "commit": {}}, "$.entries.B[0].date", "neither a date"),
        ({"date": "soon", "commit": None}, "$.entries.B[0].date", "neither a date"),
        ({"date": -1, "commit": {}}, "$.entries.B[0].date", "neither a date"),
        ({"benches": None}, "$.entries.B[0]", "no array of benches"),
    ],
)
def test_an_entry_that_cannot_be_read_costs_itself(
    wrong: dict[str, Any], path: str, reason: str
) -> None:
    good = entry(1, AT, [bench("fib", 1)])
    parsed = parse_action_history(history(B=[good | wrong, good]))
    assert len(parsed.entries) == 1
    (rejected,) = parsed.rejected
    assert (rejected.json_path, reason in rejected.detail) == (path, True)


def test_an_entry_without_results_is_rejected_by_itself() -> None:
    parsed = parse_action_history(history(B=[entry(1, AT, [bench("fib", None)])]))
    with pytest.raises(Rejected, match=r"\$\.entries\.B\[0\]\.benches: no result; without a name"):
        run_of(parsed.entries[0], parsed, Sidecar())


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        (1574927127603, 1574927127.603),
        (1574927127, 1574927127.0),
        ("1574927127603", 1574927127.603),
        ("2019-11-28T07:45:27Z", 1574927127.0),
        (None, 1577804400.0),
        ("dummy", 1577804400.0),
    ],
)
def test_the_date_may_be_in_any_form_or_that_of_the_commit(date: object, seconds: float) -> None:
    (run,) = runs(history(B=[entry(1, AT, [bench("fib", 1)]) | {"date": date}]))
    assert run.timestamp_seconds == seconds


DATA = history(Benchmark=[entry(1, AT, [bench("größe", 1)])])


@pytest.mark.parametrize(
    "data",
    [
        DATA,
        DATA + b";\n",
        DATA.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + DATA,
        DATA.decode().encode("utf-16"),
        DATA.replace(b"window.BENCHMARK_DATA = ", b""),
        DATA.replace(b"window.BENCHMARK_DATA = ", b"const DATA="),
        gzip.compress(DATA),
        DATA.replace(b'"distinct": true', b'"distinct": NaN'),
    ],
)
def test_a_history_is_read_however_it_is_written(data: bytes) -> None:
    assert [each.commit_hash for each in runs(data)] == [commit(1)]


def test_what_looks_like_a_history_is_known_by_its_beginning() -> None:
    assert is_action_history(DATA)
    assert is_action_history(DATA.partition(b"= ")[2])
    assert not is_action_history(b"var searchIndex = {}")
    assert not is_action_history(json.dumps({"benchmarks": []}).encode())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (DATA[:-100], "truncated"),
        (b"window.BENCHMARK_DATA = {}", "unknown_format"),
        (b"window.BENCHMARK_DATA = [1]", "malformed_json"),
        (b'window.BENCHMARK_DATA = {"entries": 1}', "unknown_format"),
    ],
)
def test_a_history_that_is_none_is_rejected(data: bytes, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        parse_action_history(data)
    assert caught.value.reason == reason
