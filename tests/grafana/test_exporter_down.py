"""What panels show while the exporter is down: the last samples of its series have different ages.

A series of which a sample is sent once a period is found for five minutes after its last one, so
that of an exporter that has been down for some minutes some are missing and others are not.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.grafana.evaluated import evaluate, panel_of, sample
from tests.grafana.queries import fill_in

Programs = Mapping[str, Sequence[str]]
SUBJECT = {
    "benchmark_name": "b",
    "branch": "main",
    "environment": "e",
    "instance": "i",
    "machine_class": "m",
    "project": "p",
}
LABELS = ", ".join(f'{name}="{value}"' for name, value in SUBJECT.items())
# Samples each minute: one series ends a minute in, the others at three minutes.
EARLY, LATE = "1 1", "0 0 0 0"
CRITICAL_ENDS_FIRST = {
    f'benchmark_verdict{{state="{state}", {LABELS}}}': values
    for state, values in (("critical", EARLY), ("warning", LATE), ("suspect", LATE))
}
HALF, ALL = "330s", "390s"  # while the critical one is found, and when it no longer is


@pytest.mark.parametrize(
    ("uid", "title"), [("benchmark", "Results of the newest run"), ("compare", "Verdict")]
)
def test_a_critical_result_does_not_become_fine(
    programs: Programs, tmp_path: Path, uid: str, title: str
) -> None:
    verdict = f"max(max without (result, place, row, column) ({_first(uid, title)}))"
    evaluate(
        programs,
        tmp_path,
        CRITICAL_ENDS_FIRST,
        [(verdict, HALF, [sample(2)]), (verdict, ALL, [])],
        interval="1m",
    )


@pytest.mark.parametrize(
    ("uid", "title"), [("benchmark", "Verdicts over time"), ("overview", "Verdicts")]
)
def test_the_band_of_a_critical_result_ends_and_does_not_become_fine(
    programs: Programs, tmp_path: Path, uid: str, title: str
) -> None:
    verdict = _first(uid, title, end=400)
    times = f'benchmark_time_seconds{{statistic="p50", {LABELS}}}'
    evaluate(
        programs,
        tmp_path,
        {**CRITICAL_ENDS_FIRST, times: "1x9"},
        [(f"max({verdict})", "270s", [sample(2)]), (f"max({verdict})", ALL, [])],
        interval="1m",
    )


def test_a_failed_gate_does_not_become_none(programs: Programs, tmp_path: Path) -> None:
    expr = _first("overview", "Failed gates")
    gate = f'benchmark_gate_passed{{criterion="overall", {LABELS}}}'
    passed = gate.replace('benchmark_name="b"', 'benchmark_name="c"')
    up = 'benchmark_exporter_build_info{instance="i"}'
    evaluate(
        programs,
        tmp_path,
        {gate: "0 0", passed: "1 1 1 1", up: "1 1 1 1 stale"},
        [(expr, "3m", [sample(1)]), (expr, ALL, [])],
        interval="1m",
    )


def test_a_sum_does_not_become_smaller(programs: Programs, tmp_path: Path) -> None:
    alerts = fill_in(panel_of("alerts", "Alerts in 7 days")["targets"][0], 900)
    benchmarks = fill_in(panel_of("stack-health", "Exporters")["targets"][1], 900)
    of_other = LABELS.replace('benchmark_name="b"', 'benchmark_name="c"')
    series = {'benchmark_exporter_build_info{instance="i"}': "1 1 1 1 stale"}
    for name in ("benchmark_alerts_total", "benchmark_last_run_timestamp_seconds"):
        series |= {f"{name}{{{LABELS}}}": "1 1", f"{name}{{{of_other}}}": "1 1 1 1"}
    evaluate(
        programs,
        tmp_path,
        series,
        [
            (f"max({each})", at, samples)
            for each in (alerts, benchmarks)
            for at, samples in (("3m", [sample(2)]), (ALL, []))
        ],
        interval="1m",
    )


def test_an_alert_still_leads_to_its_benchmark(programs: Programs, tmp_path: Path) -> None:
    [target] = panel_of("overview", "Firing alerts")["targets"]
    expr = f"count by (benchmark) ({fill_in(target, 900)})"
    firing = f'alertname="PerformanceGateFailed", severity="warning", {LABELS}'
    evaluate(
        programs,
        tmp_path,
        {
            f'ALERTS{{alertstate="firing", {firing}}}': "1",
            f"ALERTS_FOR_STATE{{{firing}}}": "0",
        },
        [(expr, "1m", [sample(1, benchmark="b")])],
        interval="1m",
    )


def _first(uid: str, title: str, *, end: int | None = None) -> str:
    return fill_in(panel_of(uid, title)["targets"][0], 900, end=end)
