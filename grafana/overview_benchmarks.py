"""The panels of the Overview dashboard on benchmarks: speedups, times, verdicts and regressions."""

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models import common as c

from grafana import few
from grafana.cells import figure, label, worded
from grafana.no_data import NO_RUN, NO_RUN_NOW, NO_SAMPLE_OF_EXPORTER
from grafana.panels import SLOW_SCRAPE, SLOW_SPARSE, SPARSE, Panel, curves, lines, query, states
from grafana.selectors import (
    BY_SUBJECT,
    GATED,
    GATED_NOW,
    HEADROOM,
    LEGEND,
    OF_PROJECT,
    ON_SUBJECT,
    RESULT,
    RUN,
    SUBJECT,
    newest,
    verdict_over_time,
    with_page,
    worst_verdict,
)
from grafana.style import (
    CRITICAL,
    DASHES,
    GOOD,
    PASSED,
    SEVERITIES,
    VERDICTS,
    WARNING,
    fixed_color,
    logarithmic,
    mapping,
    threshold_lines,
    thresholds,
    to_benchmark,
)
from grafana.tables import listing, rows

# Below 10 a regression is critical, below 15 it fails the gate.
SPEEDUP_THRESHOLDS = thresholds(CRITICAL, (10, WARNING), (15, GOOD))


def speedup() -> Panel:
    # The window covers every sample between two points, so that a bad run shows at any zoom.
    expr = (
        f"min by ({SUBJECT}, percentile) "
        f"(min_over_time(speedup_ratio{{{RUN}}}[$__rate_interval])) {GATED}"
    )
    panel = lines(
        "Speedup over the reference",
        "How many times faster than its reference a benchmark ran, p50 solid and p95 dashed; the "
        "worst run between two points. Only the five benchmarks that are furthest below their "
        "gate at the end of the range, or next to it. Logarithmic. The lines at 15 and 10 are for "
        "p50: below 15 the gate fails, below 10 it is critical.",
        query(few.nearest_gate(expr), f"{LEGEND} {{{{percentile}}}}", step=SLOW_SCRAPE),
        unit="suffix:×",
        no_value=NO_RUN,
    )
    return speedup_scale(panel).override_by_regexp("/ p95$/", [DASHES]).links(few.ALL_RESULTS)


def execution_time() -> Panel:
    times = f'benchmark_time_seconds{{{RESULT}, statistic=~"p50|p95"}}'
    expr = f"max by ({SUBJECT}, statistic) (max_over_time({times}[$__rate_interval]))"
    panel = lines(
        "Execution time, P50 and P95",
        "Exact percentiles of runs, p50 solid and p95 dashed; the slowest run between two points. "
        "Only the five results that are worst at the end of the range: regressions first, then "
        "by how much they are worse. Logarithmic, since a variant and its reference are far apart.",
        query(few.worst(expr), f"{LEGEND} {{{{statistic}}}}", step=SPARSE),
        unit="s",
        no_value=NO_RUN,
    )
    return (
        panel.decimals(2)
        .scale_distribution(logarithmic(10))
        .override_by_regexp("/ p95$/", [DASHES])
        .links(few.ALL_RESULTS)
    )


def verdicts() -> Panel:
    return states(
        "Verdicts",
        "The verdict on the newest run of the ten results that are worst at the end of the range, "
        "the worst between two points; the right edge is now. Improved results, and those with "
        "too few runs for a verdict, are shown as fine.",
        query(
            few.worst(worst_verdict(verdict_over_time), 10),
            LEGEND,
            step=SLOW_SPARSE,
        ),
        words=VERDICTS,
    ).links(few.ALL_RESULTS)


def newest_runs() -> Panel:
    runs = f"max by ({SUBJECT}, run_id, commit_hash) (benchmark_run_info{{{RUN}}}"

    def of_benchmark(metric: str) -> str:
        return f"{runs} * {ON_SUBJECT} group_left () {BY_SUBJECT} ({metric}))"

    panel = listing(
        "Newest runs",
        "The newest run of each benchmark, by project, environment, branch and machine class: "
        "when it ran, its commit, and "
        "the outcome of its gate. A benchmark without a reference has no speedup and no gate.",
        rows(with_page(of_benchmark("benchmark_last_run_timestamp_seconds * 1000"))),
        rows(of_benchmark('speedup_ratio{percentile="p50"}') + f" {GATED_NOW}", ref="B"),
        rows(of_benchmark(HEADROOM), ref="C"),
        rows(of_benchmark('benchmark_gate_passed{criterion="overall"}'), ref="D"),
        no_value=NO_RUN_NOW,
        columns=[
            "Value #A",
            "benchmark_name",
            "environment",
            "Value #D",
            "Value #B",
            "Value #C",
            "project",
            "branch",
            "commit_hash",
            "run_id",
            "machine_class",
            "url",
        ],
        sort="Time of run",
    )
    return (
        panel.override_by_name("Value #A", figure("Time of run", unit="dateTimeAsIso"))
        .override_by_name("Value #B", figure("Speedup", unit="suffix:×", decimals=1))
        .override_by_name("Value #C", figure("Headroom", unit="percentunit", decimals=0))
        .override_by_name(
            "Value #D",
            worded("Gate", mapping(PASSED), without="no gate"),
        )
        .override_by_name(
            "benchmark_name", label("benchmark_name", links=[to_benchmark("__value.raw")])
        )
    )


def regression_rate() -> Panel:
    counter = f"performance_regressions_total{{{RUN}}}"
    total = f"sum by (severity) ({newest(counter)})"
    day_before = f"sum by (severity) (last_over_time({counter}[$__rate_interval] offset 1d))"
    # Not increase(): over a day it reads 86,400 samples per series for each point. The ledger keeps
    # the totals, so they never restart; a series without a value a day ago began at 0.
    expr = f"{total} - ({day_before} or {total} * 0)"
    panel = curves(
        "Regressions per day",
        "Runs that their gate counted as a regression in the 24 hours before each point. "
        "Critical means a speedup below 10, warning that the gate failed otherwise.",
        query(expr, "{{severity}}", step=SLOW_SPARSE),
        unit="none",
        no_value=NO_RUN,
    )
    return (
        panel.min(0)
        .axis_soft_max(1)
        .fill_opacity(20)
        .line_interpolation(c.LineInterpolation.STEP_AFTER)
        .override_by_name("critical", [fixed_color(CRITICAL)])
        .override_by_name("warning", [fixed_color(WARNING), DASHES])
    )


def regressions_by_commit() -> Panel:
    expr = (
        f"sum by ({SUBJECT}, severity, commit_hash) "
        f"(performance_regression_detected_total{{{RESULT}}}) > 0"
    )
    panel = listing(
        "Regressions by commit",
        "Runs that were a regression, by their gate or against their history, for the five "
        "commits of each benchmark and severity that changed last.",
        rows(with_page(f"({expr})")),
        no_value="No regression of the selection",
        columns=[
            "severity",
            "commit_hash",
            "Value",
            "benchmark_name",
            "project",
            "environment",
            "branch",
            "machine_class",
            "url",
        ],
        sort="Runs",
    )
    return panel.override_by_name(
        "severity",
        worded("Severity", SEVERITIES),
    ).override_by_name("Value", figure("Runs", decimals=0))


def memory() -> Panel:
    panel = curves(
        "Memory",
        "Resident memory by process and phase. Above 1000 MB an alert fires.",
        query(
            f"max by (process, phase, project) ({newest('memory_usage_mb')})",
            f"{{{{process}}}} {{{{phase}}}}{OF_PROJECT}",
            step=SLOW_SCRAPE,
        ),
        unit="decmbytes",
        no_value=NO_SAMPLE_OF_EXPORTER,
    )
    return (
        panel.min(0)
        .thresholds(thresholds(GOOD, (1000, WARNING)))
        .thresholds_style(threshold_lines())
    )


def speedup_scale(panel: timeseries.Panel) -> timeseries.Panel:
    """Make the axis logarithmic, for speedups of 7 and 700."""
    return (
        panel.decimals(1)
        .scale_distribution(logarithmic(2))
        .thresholds(SPEEDUP_THRESHOLDS)
        .thresholds_style(threshold_lines())
    )
