"""The Benchmark dashboard: one benchmark in depth."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as d

from grafana import findings
from grafana.benchmark_tables import all_runs, baselines, changes, counts, results
from grafana.board import Board
from grafana.detectable import detectable, detectable_over_runs
from grafana.no_data import NO_RUN
from grafana.overview_benchmarks import speedup_scale
from grafana.panels import (
    SLOW_COUNTED,
    SLOW_SCRAPE,
    SLOW_SPARSE,
    SPARSE,
    Panel,
    heat,
    lines,
    query,
    states,
)
from grafana.selectors import (
    BY_SUBJECT,
    LEGEND,
    ON_SUBJECT,
    RESULT,
    SUBJECT,
    newest,
    verdict_over_time,
    worst_verdict,
)
from grafana.style import CRITICAL, DASHES, VERDICTS, fixed_color, logarithmic, symmetric_log


def benchmark() -> dashboard.Dashboard:
    """Build Benchmark, whose panels repeat for each selected benchmark."""
    description = (
        "How did one benchmark get where it is: its times, what they are judged against, their "
        "noise, its other quantities and its changes?"
    )
    board = Board("Benchmark", description, since="now-24h", variables=True, in_depth=True)
    board.annotate()
    board.annotate_changes()
    board.row("$benchmark", repeat="benchmark")
    board.place(8, results())
    board.place(6, counts())
    board.place(11, judged(), percentiles())
    board.place(9, distribution(), verdict_history())
    board.place(8, noise(), detectable_over_runs())
    board.place(7, detectable())
    board.place(8, speedup(), quantities(), findings.drift())
    board.place(7, all_runs())
    board.place(7, baselines())
    board.place(8, changes())
    return board.dashboard


def judged() -> Panel:
    # References and limits are in the unit of their result, which the judged value states.
    judged_value = f'benchmark_judged_value{{unit="seconds", {RESULT}}}'
    is_time = f"and {ON_SUBJECT} {newest(judged_value)}"

    def of_verdict(metric: str, by: str = SUBJECT) -> str:
        return f"max by ({by}) (last_over_time({metric}[$__rate_interval]) {is_time})"

    panel = lines(
        "Time, baselines and limit",
        "The p50 of each run, the rolling median and the pinned baseline that it is judged "
        "against (dashed), and the limit beyond which it is a regression. Backfilled history "
        "has times only. Logarithmic.",
        query(
            f'{BY_SUBJECT} (last_over_time(benchmark_time_seconds{{statistic="p50", '
            f"{RESULT}}}[$__rate_interval]))",
            LEGEND,
            step=SPARSE,
        ),
        query(
            of_verdict(f"benchmark_reference_value{{{RESULT}}}", f"{SUBJECT}, reference"),
            f"{LEGEND} {{{{reference}}}}",
            ref="B",
            step=SLOW_SPARSE,
        ),
        query(
            of_verdict(f"benchmark_limit_value{{{RESULT}}}"),
            f"{LEGEND} limit",
            ref="C",
            step=SLOW_SPARSE,
        ),
        unit="s",
        no_value=NO_RUN,
    )
    limit = [DASHES, fixed_color(CRITICAL), d.DynamicConfigValue("custom.lineWidth", 1)]
    return (
        panel.decimals(2)
        .scale_distribution(logarithmic(10))
        .override_by_regexp("/ (rolling|pinned)$/", [DASHES])
        .override_by_regexp("/ limit$/", limit)
    )


def percentiles() -> Panel:
    times = f'benchmark_time_seconds{{{RESULT}, statistic=~"p50|p95|p99"}}'
    panel = lines(
        "Percentiles over runs",
        "Exact percentiles of each run, p95 and p99 dashed; a document without raw samples may "
        "have no p99. Logarithmic.",
        query(
            f"max by ({SUBJECT}, statistic) (last_over_time({times}[$__rate_interval]))",
            f"{LEGEND} {{{{statistic}}}}",
            step=SLOW_SPARSE,
        ),
        unit="s",
        no_value=NO_RUN,
    )
    return (
        panel.decimals(2)
        .scale_distribution(logarithmic(10))
        .override_by_regexp("/ p9[59]$/", [DASHES])
    )


def distribution() -> Panel:
    expr = (
        "round(sum by (le) "
        f"(increase(benchmark_execution_time_ms_bucket{{{RESULT}}}[$__rate_interval])))"
    )
    return heat(
        "Distribution of times",
        "How many observations fell into each time bucket, within 14 minutes of each point, or "
        "between two points where these are further apart: raw samples, or each run's median. "
        "Backfilled history has no distribution.",
        expr,
        unit="ms",
        step=SLOW_COUNTED,
    )


def verdict_history() -> Panel:
    return states(
        "Verdicts over time",
        "The verdict on the newest run of each result, the worst between two points; the "
        "right edge is now.",
        query(worst_verdict(verdict_over_time), LEGEND, step=SLOW_SPARSE),
        words=VERDICTS,
    )


def noise() -> Panel:
    panel = lines(
        "Noise",
        "Within a run: the standard deviation of its samples divided by their mean. From run "
        "to run (dashed): how much worse the next run could be by chance; backfilled history "
        "does not have it. Logarithmic above 10 %.",
        query(
            f"{BY_SUBJECT} "
            f"(last_over_time(benchmark_coefficient_of_variation_ratio{{{RESULT}}}[$__rate_interval]))",
            LEGEND,
            step=SLOW_SPARSE,
        ),
        query(
            f"{BY_SUBJECT} (last_over_time(benchmark_noise_ratio{{{RESULT}}}[$__rate_interval]))",
            f"{LEGEND} run to run",
            ref="B",
            step=SLOW_SPARSE,
        ),
        unit="percentunit",
        no_value="No run with a spread in this range",
    )
    return (
        panel.min(0)
        .scale_distribution(symmetric_log(0.1))
        .override_by_regexp("/ run to run$/", [DASHES])
    )


def speedup() -> Panel:
    newest = f"last_over_time(speedup_ratio{{{RESULT}}}[$__rate_interval])"
    expr = f"max by ({SUBJECT}, percentile, baseline_version) ({newest})"
    panel = lines(
        "Speedup",
        "How many times faster each run was than the reference, or than the pinned baseline "
        "of that version, p95 dashed. Logarithmic. Lines at 15, below which a gate fails, and "
        "10, below which it is critical; a speedup over a pinned baseline is around 1.",
        query(expr, f"{LEGEND} over {{{{baseline_version}}}} {{{{percentile}}}}", step=SLOW_SCRAPE),
        unit="suffix:×",
        no_value="No speedup of the selection in this range",
    )
    # Those over a pinned baseline differ by less than a tenth.
    return speedup_scale(panel).decimals(2).override_by_regexp("/ p95$/", [DASHES])


def quantities() -> Panel:
    def newest(metric: str) -> str:
        return (
            f"{BY_SUBJECT} (last_over_time({metric}{{{RESULT}, "
            f'statistic=~"p50|mean"}}[$__rate_interval]))'
        )

    panel = lines(
        "Sizes and rates",
        "Other quantities of each run: sizes on the left axis; operations, items or bytes per "
        "second on the right.",
        query(newest("benchmark_size_bytes"), LEGEND, step=SLOW_SPARSE),
        query(
            newest("benchmark_throughput_per_second"),
            f"{LEGEND}, per second",
            ref="B",
            step=SLOW_SPARSE,
        ),
        unit="decbytes",
        no_value="No size and no rate of the selection in this range",
    )
    return panel.override_by_regexp("/, per second$/", column_of_rates())


def column_of_rates() -> list[d.DynamicConfigValue]:
    return [
        d.DynamicConfigValue("unit", "ops"),
        d.DynamicConfigValue("custom.axisPlacement", "right"),
        DASHES,
    ]
