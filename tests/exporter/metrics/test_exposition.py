"""The text of an exposition: label values, parts and families."""

import re

import pytest

from benchmark_exporter.metrics.exposition import join
from tests.support.documents import bench_guard, perf_suite
from tests.support.wired import DEFINITIONS, Wired, samples


def benchmark_names(wired: Wired) -> set[str]:
    return {dict(labels)["benchmark_name"] for labels in wired.samples()["speedup_ratio"]}


def test_long_label_values_are_clipped_and_stay_distinct(wired: Wired) -> None:
    same = "x" * 300
    wired.take("a.json", bench_guard({same + "1": 20.0, same + "2": 20.0}, passed=True))
    names = benchmark_names(wired)
    assert len(names) == 2
    assert {len(name.encode()) for name in names} == {wired.config.max_label_bytes}


def test_a_long_label_value_is_clipped_between_two_characters(wired: Wired) -> None:
    # 500 bytes, the most that Prometheus accepts.
    wired.take("a.json", bench_guard({"\N{SKULL}" * 125: 20.0}, passed=True))
    (name,) = benchmark_names(wired)
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
def test_any_text_can_be_a_label_value(wired: Wired, name: str) -> None:
    wired.take("a.json", bench_guard({name: 20.0}, passed=True))
    assert wired.value("benchmark_gate_passed", benchmark_name=name, criterion="overall") == 1


def test_the_same_state_gives_the_same_bytes(wired: Wired) -> None:
    wired.take("a.json", bench_guard({"b": 20.0, "a": 3.0}, passed=False))
    first = wired.render().parts
    wired.restart()
    assert wired.render().parts == first


def test_the_series_of_each_part_are_counted(wired: Wired) -> None:
    wired.take("a.json", perf_suite())
    counted = samples(wired.exposition())["benchmark_exporter_series"]
    parts = wired.render().parts
    for part in ("state", "distributions"):
        lines = [line for line in parts[part].decode().splitlines() if not line.startswith("#")]
        assert counted[frozenset({("part", part)})] == len(lines)


def test_a_metric_may_be_in_two_parts_but_each_series_is_in_one(wired: Wired) -> None:
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


def test_a_metric_of_two_parts_is_one_family_when_they_are_joined(wired: Wired) -> None:
    wired.take("a.json", perf_suite(speedup=5.0))
    parts = [*wired.render().parts.values()]
    lines = join(parts).decode().splitlines()
    assert len(set(lines)) == len(lines)
    assert set(lines) == set(b"".join(parts).decode().splitlines())
    kind = lines.index("# TYPE benchmark_gate_passed gauge")
    names = [line.partition("{")[0] for line in lines[kind + 1 : kind + 5]]
    assert names == ["benchmark_gate_passed"] * 4


def test_every_family_of_a_part_has_its_help_and_type_even_without_samples(wired: Wired) -> None:
    lines = wired.render().parts["state"].decode().splitlines()
    heads = [line for line in lines if line.startswith("# ")]
    assert heads == [
        head
        for name, definition in DEFINITIONS.items()
        if "state" in definition.parts
        for head in (f"# HELP {name} {definition.help}", f"# TYPE {name} {definition.type}")
    ]
