"""The newest point is true, however long the time between two points: its window ends after now."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.grafana.dashboards import DASHBOARDS
from tests.grafana.evaluated import evaluate, panel_of, sample
from tests.grafana.queries import fill_in, panels

RATES = [
    pytest.param(target, id=f"{uid}-{panel['title']}-{target['refId']}")
    for uid, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
    for target in panel["targets"]
    if "rate(" in target["expr"]
]


@pytest.mark.parametrize("target", RATES)
def test_the_newest_point_has_the_rate_of_the_end_of_the_range(target: Mapping[str, str]) -> None:
    assert not target["instant"]
    assert target["interval"] == "30s"
    assert "[2m] @ ${__to:date:seconds}" in target["expr"]


def test_a_steady_rate_is_the_same_at_each_point_of_a_month(
    programs: Mapping[str, Sequence[str]], tmp_path: Path
) -> None:
    """Its points are 44 minutes apart, and the range ends six minutes after the last one."""
    target = panel_of("resources", "Network")["targets"][0]
    last, step = 2592 * 70, 2592  # what a thousand points of thirty days are apart
    now = last + 360
    asked = fill_in(target, 30 * 86400, end=now)
    counted = f"0+300x{now // 30}"  # ten a second

    def at(point: int) -> str:
        """The point of a graph that is drawn now: promtool has no samples after the time it is."""
        return f"last_over_time(({asked})[1s:1s] @ {point})"

    evaluate(
        programs,
        tmp_path,
        {'node_network_receive_bytes_total{device="e"}': counted},
        [(at(point), f"{now}s", [sample(10)]) for point in (last - step, last)],
    )


@pytest.mark.parametrize(
    ("uid", "title"), [("benchmark", "Verdicts over time"), ("overview", "Verdicts")]
)
def test_the_newest_band_of_a_verdict_is_there_before_its_next_sample(
    programs: Mapping[str, Sequence[str]], tmp_path: Path, uid: str, title: str
) -> None:
    """At two days, points are 173 s apart and windows 300 s long: two minutes before the point."""
    now = 1730 + 30
    of_result = 'benchmark_name="b", branch="main", environment="e", instance="i", project="p"'
    verdicts = {
        f'benchmark_verdict{{state="{state}", machine_class="m", {of_result}}}': value
        for state, value in (("critical", "1"), ("warning", "0"), ("suspect", "0"))
    }
    # Overview shows results that have a time.
    verdicts[f'benchmark_time_seconds{{statistic="p50", machine_class="m", {of_result}}}'] = "1"
    [target] = panel_of(uid, title)["targets"]
    asked = fill_in(target, 2 * 86400, end=now)
    evaluate(
        programs,
        tmp_path,
        {series: "_ " * 53 + value for series, value in verdicts.items()},  # at 1590 s
        [(f"max(last_over_time(({asked})[1s:1s] @ 1730))", f"{now}s", [sample(2)])],
    )
