"""The History dashboard: a month, or with a long-term store more, and what changed most."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import common as c

from grafana import few
from grafana.benchmark_tables import changes
from grafana.board import Board
from grafana.findings import drifting, least_visible
from grafana.no_data import NO_RUN
from grafana.overview_benchmarks import speedup_scale
from grafana.panels import Panel, bars, curves, lines, now, query, states
from grafana.selectors import AHEAD, BY_SUBJECT, GATED, LEGEND, RESULT, RUN, SUBJECT
from grafana.style import (
    CRITICAL,
    GOOD,
    NEUTRAL,
    WARNING,
    fixed_color,
    logarithmic,
    symmetric_log,
    thresholds,
)

# Every sample of the range is read, because backfilled history has one sample per run, which would
# fall between two points. Hence the long steps, and a refresh only every five minutes.
HOUR, SIX_HOURS, DAY = "1h", "6h", "1d"
TIMES = f'benchmark_time_seconds{{statistic="p50", {RESULT}}}'
# One value per hour, so that a run is not weighted by how long it stayed the newest.
HOURLY = f"{BY_SUBJECT} (last_over_time({TIMES}[1h]))"
THIS_WEEK = f"quantile_over_time(0.5, {HOURLY}[7d:1h])"


def history() -> dashboard.Dashboard:
    """Build History, from what changed most to everything."""
    board = Board(
        "History",
        "What became slower or faster within thirty days, or more with a long-term store?",
        since="now-30d",
        variables=True,
    )
    board.place(9, movers("worst"), movers("best"), movers_since_pinned())
    board.place(11, weekly(), times())
    board.place(10, speedup(), noise())
    board.place(8, gates(), runs_a_day(), judged_regressions(), widths=(10, 7, 7))
    board.row("What was found")
    board.place(8, drifting(), least_visible(), widths=(16, 8))
    board.place(8, changes())
    return board.dashboard


def movers(which: str) -> Panel:
    change = f"{THIS_WEEK} / (quantile_over_time(0.5, {HOURLY}[7d:1h] offset 21d) > 0) - 1"
    title, moved = {
        "worst": ("Slower than three weeks ago", change),
        "best": ("Faster than three weeks ago", f"-({change})"),
    }[which]
    panel = bars(
        title,
        f"The {which} ten changes: by what share the median time of the last seven days is "
        f"{'longer' if which == 'worst' else 'shorter'} than that of the week three weeks earlier. "
        "Bars end at 100 %, numbers do not.",
        now(f"topk(10, {moved} > 0)", LEGEND),
        unit="percentunit",
        no_value="No such change of the selection",
    )
    steps = ((0.1, WARNING), (0.3, CRITICAL)) if which == "worst" else ((0.1, GOOD),)
    return panel.decimals(1).min(0).max(1).thresholds(thresholds(NEUTRAL, *steps))


def movers_since_pinned() -> Panel:
    rolling, pinned = (
        f'benchmark_reference_value{{reference="{kind}", {RESULT}}}'
        for kind in ("rolling", "pinned")
    )
    panel = bars(
        "Drift from the pinned baseline",
        "How far the rolling median of each result is from its pinned baseline, which does "
        "not follow slow drift, the twenty furthest. Beyond 25 % an alert asks for a new baseline. "
        "Bars end at -100 % and 100 %, numbers do not.",
        now(
            f"topk(20, {BY_SUBJECT} ({rolling} / ignoring (reference) {pinned} - 1))",
            LEGEND,
        ),
        unit="percentunit",
        no_value="No pinned baseline of the selection",
    )
    return (
        panel.decimals(1)
        .min(-1)
        .max(1)
        .thresholds(thresholds(GOOD, (0.1, NEUTRAL), (0.25, WARNING)))
    )


def weekly() -> Panel:
    panel = lines(
        "Weekly median time",
        "The median p50 of the seven days before each point: the trend without the noise of "
        "single runs, of the ten results that changed most in 30 days. Logarithmic.",
        query(
            few.changed_most(f"quantile_over_time(0.5, {HOURLY}[7d:1h] {AHEAD})", 10),
            LEGEND,
            step=SIX_HOURS,
        ),
        unit="s",
        no_value=NO_RUN,
    )
    return (
        panel.decimals(2)
        .scale_distribution(logarithmic(10))
        .line_interpolation(c.LineInterpolation.LINEAR)
    )


def times() -> Panel:
    panel = lines(
        "Median time of each hour's newest run",
        "The p50 of the newest run at each full hour, of the five results whose highest and lowest "
        "times of 30 days are furthest apart. Logarithmic.",
        query(
            few.changed_most(f"{BY_SUBJECT} (last_over_time({TIMES}[$__interval]))"),
            LEGEND,
            step=HOUR,
        ),
        unit="s",
        no_value="No run of the selection at a full hour",
    )
    return panel.decimals(2).scale_distribution(logarithmic(10))


def speedup() -> Panel:
    speedups = f'speedup_ratio{{percentile="p50", {RUN}}}'
    gated = GATED.replace("$__rate_interval", "$__interval")
    newest = f"min by ({SUBJECT}) (last_over_time({speedups}[$__interval])) {gated}"
    panel = lines(
        "Speedup, p50",
        "The newest run at each full hour, of the five benchmarks whose speedup was lowest on "
        "average in 30 days. Logarithmic. Lines at 15, below which the gate fails, and 10, "
        "below which it is critical.",
        query(few.lowest_in_range(newest, speedups, 5, such=GATED), LEGEND, step=HOUR),
        unit="suffix:×",
        no_value="No run of the selection at a full hour",
    )
    return speedup_scale(panel)


def noise() -> Panel:
    newest = f"last_over_time(benchmark_coefficient_of_variation_ratio{{{RESULT}}}[$__interval])"
    panel = lines(
        "Noise within runs",
        "Standard deviation of a run's samples divided by their mean, for the newest run at "
        "each full hour, of the five results that changed most in 30 days. Noisy weeks hide "
        "small regressions. Logarithmic above 10 %.",
        query(
            few.changed_most(f"{BY_SUBJECT} ({newest})"),
            LEGEND,
            step=HOUR,
        ),
        unit="percentunit",
        no_value="No run with a spread in this range",
    )
    return panel.min(0).scale_distribution(symmetric_log(0.1))


def gates() -> Panel:
    gates_passed = f'benchmark_gate_passed{{criterion="overall", {RUN}}}'
    return states(
        "Gates",
        "The worst gate outcome of each day, of the ten benchmarks whose gates failed most in "
        "30 days.",
        query(
            few.lowest_in_range(
                f"min by ({SUBJECT}) (min_over_time({gates_passed}[$__interval]))", gates_passed, 10
            ),
            LEGEND,
            step=DAY,
        ),
        words={1: ("passed", GOOD), 0: ("failed", CRITICAL)},
    )


def runs_a_day() -> Panel:
    newest_run = f"benchmark_last_run_timestamp_seconds{{{RUN}}}"
    panel = curves(
        "Runs per day",
        "How many times the newest run of each environment changed in the 24 hours before "
        "each point, summed over the benchmarks.",
        query(
            f"sum by (environment) (changes({newest_run}[1d] {AHEAD}))",
            "{{environment}}",
            step=SIX_HOURS,
        ),
        unit="none",
        no_value=NO_RUN,
    )
    return panel.min(0).fill_opacity(20)


def judged_regressions() -> Panel:
    def since_the_beginning(kind: str) -> str:
        total = f"benchmark_regressions_{kind}_total{{{RESULT}}}"
        return f"topk(10, sum by ({SUBJECT}) ({total}) > 0)"

    panel = bars(
        "Regressions since the ledger was created",
        "Runs of each result that were a confirmed regression against their history, and runs "
        "that were worse but within the noise; the ten results with most of each.",
        now(since_the_beginning("confirmed"), LEGEND),
        now(since_the_beginning("suppressed"), f"{LEGEND}, noise", ref="B"),
        unit="none",
        no_value="No such run of the selection",
    )
    return (
        panel.decimals(0)
        .min(0)
        .thresholds(thresholds(WARNING))
        .override_by_regexp("/, noise$/", [fixed_color(NEUTRAL)])
    )
