"""The History dashboard: a month, or with a long-term store more, and what changed most."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import common as c

from grafana.board import Board
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
        "Thirty days, or more with a long-term store: what became slower or faster, by week.",
        since="now-30d",
        refresh="5m",
        variables=True,
    )
    board.place(9, movers("worst"), movers("best"), movers_since_pinned())
    board.place(11, weekly(), times())
    board.place(10, speedup(), noise())
    board.place(8, gates(), runs_a_day(), judged_regressions(), widths=(10, 7, 7))
    return board.dashboard


def movers(which: str) -> Panel:
    function, title = {
        "worst": ("topk", "Slower than three weeks ago"),
        "best": ("bottomk", "Faster than three weeks ago"),
    }[which]
    change = f"{THIS_WEEK} / (quantile_over_time(0.5, {HOURLY}[7d:1h] offset 21d) > 0) - 1"
    held = f"{change} > 0" if which == "worst" else f"{change} < 0"
    panel = bars(
        title,
        f"The {which} ten changes: the median time of the last seven days compared with that "
        "of the week three weeks earlier.",
        now(f"{function}(10, {held})", LEGEND),
        unit="percentunit",
        no_value="No such result, or less than four weeks of history",
    )
    return panel.decimals(1).thresholds(
        thresholds(GOOD, (0, NEUTRAL), (0.1, WARNING), (0.3, CRITICAL))
    )


def movers_since_pinned() -> Panel:
    rolling, pinned = (
        f'benchmark_reference_value{{reference="{kind}", {RESULT}}}'
        for kind in ("rolling", "pinned")
    )
    panel = bars(
        "Drift from the pinned baseline",
        "How far the rolling median of each result is from its pinned baseline, which does "
        "not follow slow drift. Beyond 25 % an alert asks for a new baseline.",
        now(
            f"{BY_SUBJECT} ({rolling} / ignoring (reference) {pinned} - 1)",
            LEGEND,
        ),
        unit="percentunit",
        no_value="Nothing is pinned",
    )
    return panel.decimals(1).thresholds(thresholds(GOOD, (0.1, NEUTRAL), (0.25, WARNING)))


def weekly() -> Panel:
    panel = lines(
        "Weekly median time",
        "The median p50 of the seven days before each point: the trend without the noise of "
        "single runs. Logarithmic.",
        query(f"quantile_over_time(0.5, {HOURLY}[7d:1h] {AHEAD})", LEGEND, step=SIX_HOURS),
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
        "The p50 of the newest run at each full hour. Logarithmic.",
        query(
            f"{BY_SUBJECT} (last_over_time({TIMES}[$__interval]))",
            LEGEND,
            step=HOUR,
        ),
        unit="s",
        no_value="No full hour of history yet",
    )
    return panel.decimals(2).scale_distribution(logarithmic(10))


def speedup() -> Panel:
    newest = f'last_over_time(speedup_ratio{{percentile="p50", {RUN}}}[$__interval])'
    gated = GATED.replace("$__rate_interval", "$__interval")
    panel = lines(
        "Speedup, p50",
        "The newest run at each full hour. Logarithmic. Lines at 15, below which the gate "
        "fails, and 10, below which it is critical.",
        query(f"min by ({SUBJECT}) ({newest}) {gated}", LEGEND, step=HOUR),
        unit="suffix:×",
        no_value="No full hour of history yet",
    )
    return speedup_scale(panel)


def noise() -> Panel:
    newest = f"last_over_time(benchmark_coefficient_of_variation_ratio{{{RESULT}}}[$__interval])"
    panel = lines(
        "Noise within runs",
        "Standard deviation of a run's samples divided by their mean, for the newest run at "
        "each full hour. Noisy weeks hide small regressions. Logarithmic above 10 %.",
        query(
            f"{BY_SUBJECT} ({newest})",
            LEGEND,
            step=HOUR,
        ),
        unit="percentunit",
        no_value="No run states its spread",
    )
    return panel.min(0).scale_distribution(symmetric_log(0.1))


def gates() -> Panel:
    return states(
        "Gates",
        "The worst gate outcome of each benchmark on each day.",
        query(
            f'min by ({SUBJECT}) (min_over_time(benchmark_gate_passed{{criterion="overall", '
            f"{RUN}}}[$__interval]))",
            LEGEND,
            step=DAY,
        ),
        no_value="No run with a gate yet",
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
        return f"sum by ({SUBJECT}) (benchmark_regressions_{kind}_total{{{RESULT}}}) > 0"

    panel = bars(
        "Regressions since the ledger was created",
        "Runs of each result that were a confirmed regression against their history, and runs "
        "that were worse but within the noise.",
        now(since_the_beginning("confirmed"), LEGEND),
        now(since_the_beginning("suppressed"), f"{LEGEND}, noise", ref="B"),
        unit="none",
        no_value="None",
    )
    return (
        panel.decimals(0)
        .min(0)
        .thresholds(thresholds(WARNING))
        .override_by_regexp("/, noise$/", [fixed_color(NEUTRAL)])
    )
