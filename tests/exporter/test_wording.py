"""Quantities and changes as people read them."""

import json

import pytest

from benchmark_exporter.wording import (
    Said,
    change,
    counted,
    detectable,
    gate_said,
    level_change,
    printable,
    printable_json,
    printable_name,
    run_said,
    verdict_said,
    with_spaced_units,
    with_unit,
)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0123, "seconds", "12.3 ms"),
        (0.0000005, "seconds", "500 ns"),
        (90.0, "seconds", "90 s"),
        (10_811.0, "seconds", "10,810 s"),
        (-43_200.0, "seconds", "-43,200 s"),
        (1e12, "seconds", "1e+12 s"),
        (1e-12, "seconds", "0.001 ns"),
        (5e13, "bytes", "50,000 GB"),
        (12_345_678.0, "ratio", "12,350,000"),
        (1_234_567.0, "per_second", "1,234,570 per second"),
        (99_999.6, "seconds", "100,000 s"),
        (-0.002, "seconds", "-2 ms"),
        (0.0, "seconds", "0 ns"),
        (2_097_152.0, "bytes", "2.097 MB"),
        (512.0, "bytes", "512 B"),
        (0.75, "ratio", "0.75"),
        (4000.0, "per_second", "4000 per second"),
        (2.0, "findings", "2 findings"),
        (2.0, "", "2"),
    ],
)
def test_a_value_is_short_and_has_its_unit(value: float, unit: str, text: str) -> None:
    assert with_unit(value, unit) == text


@pytest.mark.parametrize(
    ("worsening_ratio", "text"),
    [(0.0004, "ok"), (-0.0004, "ok"), (0.0, "ok"), (None, "ok"), (0.0006, "ok, 0.1% worse")],
)
def test_a_verdict_has_no_change_that_is_shown_as_none(
    worsening_ratio: float | None, text: str
) -> None:
    assert verdict_said("ok", worsening_ratio).text == text


@pytest.mark.parametrize(
    ("worsening_ratio", "text"),
    [
        (0.125, "12.5% worse"),
        (-0.2, "20.0% better"),
        (1.5, "150.0% worse"),
        (0.0, "0.0% better"),
        (None, ""),
    ],
)
def test_a_change_is_worse_or_better(worsening_ratio: float | None, text: str) -> None:
    assert change(worsening_ratio) == text


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((0.082, 0.082, 0.05, 22, 10), "8.2%, 5% with 12 more samples"),
        ((0.082, 0.082, None, None, 10), "8.2%, more samples do not help"),
        ((0.082, 0.082, None, None, None), "8.2%"),
        ((0.082, 0.082, None, None, 1), "8.2%"),
        ((0.03, 0.012, None, None, 10), "3.0% by its limits, 1.2% by its noise"),
        ((0.03, None, None, None, None), "3.0%"),
        ((None, None, None, None, 10), ""),
    ],
)
def test_what_is_detectable(
    numbers: tuple[float | None, float | None, float | None, int | None, int | None], text: str
) -> None:
    assert detectable(*numbers) == text


@pytest.mark.parametrize(
    ("ratio", "worse", "text"),
    [
        (0.2, True, "+20.0%, worse"),
        (-0.125, True, "-12.5%, worse"),  # of a rate
        (-0.125, False, "-12.5%, better"),
        (None, True, "worse"),
    ],
)
def test_a_change_of_a_level_names_its_direction(
    ratio: float | None, worse: bool, text: str
) -> None:
    assert level_change(ratio, worse=worse) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("router/compiled é 漢字 🚀", "router/compiled é 漢字 🚀"),
        ("a\nb\rc\td", r"a\nb\rc\td"),
        ("\x00\x1b[31m\x7f", r"\x00\x1b[31m\x7f"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("\u202e\u2066\u061c\u200f", r"\u202e\u2066\u061c\u200f"),
        ("\u200b\ufeff\u2028\xad", r"\u200b\ufeff\u2028\xad"),
        ("\udcff\ud800", r"\xff\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_texts_of_documents_are_printed_as_one_line(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_no_two_names_look_the_same() -> None:
    names = ["\udcff", r"\xff", r"\\xff", "\\\udcff"]
    assert len({printable_name(name) for name in names}) == len(names)


def test_json_keeps_its_meaning() -> None:
    document = {"name": "a\x7f\x9b\u202e\U000e0041é", "list": [1, 2]}
    text = printable_json(json.dumps(document, indent=2, ensure_ascii=False))
    assert json.loads(text) == document
    assert all(line == printable(line) for line in text.split("\n"))


@pytest.mark.parametrize(
    ("failed", "gate", "verdict", "said"),
    [
        (True, gate_said(True, None), None, Said("ended with an error", "critical")),
        (False, gate_said(None, None), None, Said("no gate", "unknown")),
        (False, gate_said(True, None), None, Said("passed", "good")),
        (False, gate_said(False, None), None, Said("failed", "critical")),
        (
            False,
            gate_said(True, None),
            verdict_said("critical", 1.0),
            Said("critical, 100.0% worse", "critical"),
        ),
        (
            False,
            gate_said(False, "critical"),
            verdict_said("critical", 1.0),
            Said("failed, critical regression", "critical"),
        ),
        (
            False,
            gate_said(False, "warning"),
            verdict_said("suspect", 0.2),
            Said("failed, warning regression", "warning"),
        ),
        (
            False,
            gate_said(None, None),
            verdict_said("insufficient_data", None),
            Said("insufficient data", "unknown"),
        ),
        (
            False,
            gate_said(None, None),
            verdict_said("improved", -0.5, "expected", "ann"),
            Said("improved, 50.0% better, expected by ann", "good"),
        ),
    ],
)
def test_a_run_is_called_by_the_worse_of_its_gate_and_its_verdict(
    failed: bool, gate: Said, verdict: Said | None, said: Said
) -> None:
    assert run_said(failed, gate, verdict) == said


def test_times_of_prometheus_are_written_as_elsewhere() -> None:
    text = "sleep_5us of io/5ms: 428.5us → 1.2ms, 3ns, 30s, bus"
    assert with_spaced_units(text) == "sleep_5us of io/5ms: 428.5 µs → 1.2 ms, 3 ns, 30s, bus"


def test_a_count_agrees_with_its_noun() -> None:
    assert [counted(each, "run") for each in (0, 1, 2, 1000)] == [
        *("0 runs", "1 run", "2 runs", "1,000 runs")
    ]
    assert counted(1, "run was", "runs were") == "1 run was"
    assert counted(2, "run was", "runs were") == "2 runs were"
