"""The dashboard Overview: is anything slower, since which commit, by how much, is it the code or the machine, and can that be trusted."""

from grafana_foundation_sdk.builders import dashboard, timeseries
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import dashboard as d

from grafana.alerts import firing_alerts
from grafana.board import EXPORTER_URL, Board
from grafana.panels import (
    COLORED,
    CRITICAL,
    DASHES,
    GOOD,
    NEUTRAL,
    PASSED,
    SEVERITIES,
    SLOW_SCRAPE,
    VERDICTS,
    WARNING,
    Panel,
    column,
    curves,
    fixed_color,
    lines,
    listing,
    logarithmic,
    mapping,
    now,
    number,
    query,
    rows,
    states,
    tally,
    threshold_lines,
    thresholds,
    to_benchmark,
)
from grafana.selectors import (
    BENCHMARK,
    FIRING,
    GATED,
    GATED_NOW,
    HEADROOM,
    RESULT,
    RESULT_NAME,
    RUN,
)
from grafana.stack_health import targets

# Under 10 a regression is critical, under 15 it fails the gate.
SPEEDUP_THRESHOLDS = thresholds(CRITICAL, (10, WARNING), (15, GOOD))
NO_RUN = "No run yet: copy a result into results/"
EXPORTER_DOWN = "Exporter is down"
# What there is none of has no series; with the exporter down there is no number at all rather than a 0.
EXPORTER_IS_UP = "max(benchmark_exporter_build_info) * 0"
NO_HISTORY = "No result has been judged yet"
MACHINE = {1: ("machine changed", WARNING), 0: ("no shift", GOOD)}
WORKING = {1: ("all parts up", GOOD), 0: ("a part is down", CRITICAL)}


def overview() -> dashboard.Dashboard:
    """Overview, its panels from what is wrong now to what was long ago."""
    board = Board(
        "Overview",
        "Benchmarks, alerts, CI and the monitoring itself, at a glance.",
        since="now-12h",
        refresh="5s",
        variables=True,
    )
    board.annotate()
    board.place(
        4, regressions(), unconfirmed(), code_or_machine(), alerts(), newest_run_age(), monitoring()
    )
    board.place(8, slower_now(), firing_alerts(), widths=(14, 10))
    board.row("Benchmarks")
    board.place(10, speedup(), execution_time())
    board.place(9, verdicts(), newest_runs())
    board.place(8, regression_rate(), regressions_by_commit(), memory())
    board.row("CI and the monitoring itself")
    board.place(7, pipelines(), failed_gates(), files(), targets(), widths=(6, 4, 6, 8))
    return board.dashboard


def regressions() -> Panel:
    return tally(
        "Confirmed regressions",
        "Results whose newest run is a confirmed regression beside their own history.",
        now(f"sum(benchmark_regression_confirmed{{{RESULT}}}) or {EXPORTER_IS_UP}", "critical"),
        color=CRITICAL,
        no_value=EXPORTER_DOWN,
    )


def unconfirmed() -> Panel:
    return tally(
        "Unconfirmed",
        "Results whose newest run is worse than the noise explains, and that no other run has confirmed yet.",
        now(f"sum(1 - benchmark_regression_confirmed{{{RESULT}}}) or {EXPORTER_IS_UP}", "warning"),
        color=WARNING,
        no_value=EXPORTER_DOWN,
    )


def code_or_machine() -> Panel:
    panel = number(
        "Code or machine",
        "Whether in some environment so many results moved at once that the machine has changed rather than the code. Told of runs with "
        "four judged results or more.",
        now(
            'max(benchmark_environment_shift_active{project=~"$project", environment=~"$environment"})',
            "shift",
        ),
        unit="none",
        no_value="No run with four results",
    )
    return panel.decimals(0).mappings([mapping(MACHINE)]).thresholds(thresholds(GOOD, (1, WARNING)))


def alerts() -> Panel:
    def firing(severity: str) -> str:
        return f'count(ALERTS{{{FIRING}, severity="{severity}"}}) or vector(0)'

    panel = number(
        "Alerts firing",
        "Alerts that fire now, the Watchdog aside.",
        now(firing("critical"), "critical"),
        now(firing("warning"), "warnings", ref="B"),
        unit="none",
        no_value="Prometheus is down",
    )
    return (
        panel.decimals(0)
        .thresholds(thresholds(GOOD, (1, CRITICAL)))
        .override_by_name(
            "warnings", [d.DynamicConfigValue("thresholds", thresholds(GOOD, (1, WARNING)).build())]
        )
        .text_mode(c.BigValueTextMode.VALUE_AND_NAME)
        .orientation(c.VizOrientation.VERTICAL)
    )


def newest_run_age() -> Panel:
    panel = number(
        "Since the newest run",
        "Time since the newest run was made, by its own document. A benchmark that nobody runs cannot regress: over a day is worth a look.",
        now(f"time() - max(benchmark_last_run_timestamp_seconds{{{RUN}}})", "age"),
        unit="s",
        no_value="No run yet",
    )
    return panel.decimals(1).thresholds(thresholds(NEUTRAL, (86400, WARNING)))


def monitoring() -> Panel:
    panel = number(
        "Monitoring",
        "Whether Prometheus reaches every part of the stack. If not, what is shown may be old; Stack health says which.",
        now("min(up)", "up"),
        unit="none",
        no_value="Prometheus is down",
    )
    return (
        panel.decimals(0).mappings([mapping(WORKING)]).thresholds(thresholds(CRITICAL, (1, GOOD)))
    )


def slower_now() -> Panel:
    by = "on (benchmark_name, environment)"
    labels = "benchmark, benchmark_name, environment, commit_hash, previous_commit_hash"
    # For the link, the benchmark of a result: of its own name, else of that without the variant.
    regression = f"benchmark_regression_info{{{RESULT}}}"
    named, of_variant = (
        f'label_replace({regression}, "benchmark", "$1", "benchmark_name", "{part}")'
        for part in ("(.*)", "(.+)/[^/]+")
    )
    is_benchmark = "on (benchmark_name, environment) benchmark_run_info"
    of_benchmark = f"({named} and {is_benchmark} or {of_variant} unless {is_benchmark})"
    found = f"max by ({labels}) ({of_benchmark}"

    def of_result(metric: str) -> str:
        return f"{found} * {by} group_left () max by (benchmark_name, environment) ({metric}))"

    panel = listing(
        "Slower now",
        "Each result that is worse than its own history: by how much, how much of that could be chance, the last good commit, and since "
        "when the alert fires.",
        rows(of_result("benchmark_regression_worsening_ratio")),
        rows(of_result("benchmark_regression_noise_ratio"), ref="B"),
        rows(of_result("benchmark_regression_confirmed"), ref="C"),
        rows(of_result('ALERTS_FOR_STATE{alertname="PerformanceRegression"} * 1000'), ref="D"),
        no_value="Nothing is slower",
        columns=[
            "Value #C",
            "benchmark_name",
            "environment",
            "Value #A",
            "Value #B",
            "previous_commit_hash",
            "commit_hash",
            "Value #D",
            "benchmark",
        ],
        sort="Worse by",
    )
    severity = {1: ("critical", CRITICAL), 0: ("warning", WARNING)}
    return (
        panel.override_by_name(
            "Value #A", column("Worse by", unit="percentunit", decimals=0, custom__width=90)
        )
        .override_by_name(
            "Value #B", column("Chance", unit="percentunit", decimals=0, custom__width=80)
        )
        .override_by_name(
            "Value #C",
            column(
                "Verdict",
                mappings=[mapping(severity)],
                custom__cellOptions=COLORED,
                custom__width=85,
            ),
        )
        .override_by_name("Value #D", column("Since", unit="dateTimeAsIso", custom__width=165))
        .override_by_name(
            "benchmark_name", column("Result", links=[to_benchmark("__data.fields.benchmark")])
        )
        .override_by_name("environment", column("Environment", custom__width=110))
        .override_by_name("previous_commit_hash", column("Last good commit", custom__width=130))
        .override_by_name("commit_hash", column("Commit", custom__width=110))
        .override_by_name("benchmark", column("Benchmark", custom__width=170))
    )


def speedup() -> Panel:
    # The window reaches over every sample between two points, so that a bad run is seen at any zoom.
    expr = f"min by (benchmark_name, percentile) (min_over_time(speedup_ratio{{{BENCHMARK}}}[$__rate_interval])) {GATED}"
    panel = lines(
        "Speedup over the reference",
        "How many times faster than its reference each benchmark ran, p50 solid and p95 dashed; the worst run between two points. "
        "Logarithmic. Lines for p50 at 15, under which the gate fails, and 10, under which it is critical.",
        query(expr, "{{benchmark_name}} {{percentile}}", step=SLOW_SCRAPE),
        unit="suffix:×",
        no_value=NO_RUN,
    )
    return speedup_scale(panel).override_by_regexp("/ p95$/", [DASHES])


def execution_time() -> Panel:
    times = f'benchmark_time_seconds{{{RESULT}, statistic=~"p50|p95"}}'
    expr = f"max by (benchmark_name, environment, statistic) (max_over_time({times}[$__rate_interval]))"
    panel = lines(
        "Execution time, P50 and P95",
        "Exact percentiles of the newest run of each result, p50 solid and p95 dashed; the slowest run between two points. Logarithmic, "
        "since a variant and its reference lie far apart.",
        query(expr, "{{benchmark_name}} {{environment}} {{statistic}}"),
        unit="s",
        no_value=NO_RUN,
    )
    return (
        panel.decimals(2)
        .scale_distribution(logarithmic(10))
        .override_by_regexp("/ p95$/", [DASHES])
    )


def verdicts() -> Panel:
    def verdict(state: str) -> str:
        return f'max by (benchmark_name, environment) (max_over_time(benchmark_verdict{{state="{state}", {RESULT}}}[$__rate_interval]))'

    return states(
        "Verdicts beside the history",
        "What the newest run of each result was, the worst between two points; the right edge is now. Fine is also what improved and what "
        "has too few runs to tell.",
        query(
            f"2 * {verdict('critical')} > 0 or {verdict('warning')}",
            "{{benchmark_name}} {{environment}}",
            step=SLOW_SCRAPE,
        ),
        no_value=NO_HISTORY,
        words=VERDICTS,
    )


def newest_runs() -> Panel:
    runs = f"max by (benchmark_name, environment, run_id, commit_hash) (benchmark_run_info{{{RUN}}}"

    def of_benchmark(metric: str) -> str:
        return f"{runs} * on (benchmark_name) group_left () max by (benchmark_name) ({metric}))"

    timestamps = (
        "max by (benchmark_name, environment) (benchmark_last_run_timestamp_seconds) * 1000"
    )
    panel = listing(
        "Newest runs",
        "The newest run of each benchmark in each environment: when, of which commit, how its gate judged it. A benchmark without a "
        "reference has no speedup and no gate.",
        rows(f"{runs} * on (benchmark_name, environment) group_left () {timestamps})"),
        rows(of_benchmark('speedup_ratio{percentile="p50"}') + f" {GATED_NOW}", ref="B"),
        rows(of_benchmark(HEADROOM), ref="C"),
        rows(of_benchmark('benchmark_gate_passed{criterion="overall"}'), ref="D"),
        no_value=NO_RUN,
        columns=[
            "Value #A",
            "Value",
            "benchmark_name",
            "environment",
            "Value #D",
            "Value #B",
            "Value #C",
            "commit_hash",
            "run_id",
        ],
        sort="Time of run",
    )
    run = {
        "title": "The newest runs, on the exporter's page",
        "url": EXPORTER_URL,
        "targetBlank": True,
    }
    return (
        panel.override_by_regexp(
            "/^Value( #A)?$/", column("Time of run", unit="dateTimeAsIso", custom__width=165)
        )
        .override_by_name(
            "Value #B", column("Speedup", unit="suffix:×", decimals=1, custom__width=85)
        )
        .override_by_name(
            "Value #C", column("Headroom", unit="percentunit", decimals=0, custom__width=95)
        )
        .override_by_name(
            "Value #D",
            column(
                "Gate", mappings=[mapping(PASSED)], custom__cellOptions=COLORED, custom__width=75
            ),
        )
        .override_by_name(
            "benchmark_name", column("Benchmark", links=[to_benchmark("__value.raw")])
        )
        .override_by_name("commit_hash", column("Commit", custom__width=110))
        .override_by_name("run_id", column("Run", links=[run]))
        .override_by_name("environment", column("Environment", custom__width=110))
    )


def regression_rate() -> Panel:
    total = f"sum by (severity) (performance_regressions_total{{{BENCHMARK}}}"
    # Not increase(): over a day it reads 86,400 samples a series for each point. The ledger keeps the totals, so they never start again;
    # what has no yesterday began at 0.
    expr = f"{total}) - ({total} offset 1d) or {total}) * 0)"
    panel = curves(
        "Regressions per day",
        "Runs that their gate judged a regression in the 24 hours before each point. Critical: speedup under 10; warning: the gate failed "
        "otherwise.",
        query(expr, "{{severity}}", step=SLOW_SCRAPE),
        unit="none",
        no_value=NO_RUN,
    )
    return (
        panel.decimals(0)
        .min(0)
        .axis_soft_max(1)
        .fill_opacity(20)
        .line_interpolation(c.LineInterpolation.STEP_AFTER)
        .override_by_name("critical", [fixed_color(CRITICAL)])
        .override_by_name("warning", [fixed_color(WARNING), DASHES])
    )


def regressions_by_commit() -> Panel:
    expr = f"sum by (benchmark_name, severity, commit_hash) (performance_regression_detected_total{{{RESULT_NAME}}}) > 0"
    panel = listing(
        "Regressions by commit",
        "Runs judged a regression, by their gate or beside their history, of the five commits of each benchmark and severity that changed "
        "last.",
        rows(expr),
        no_value="No regression",
        columns=["commit_hash", "benchmark_name", "severity", "Value"],
        sort="Runs",
    )
    return (
        panel.override_by_name("commit_hash", column("Commit", custom__width=110))
        .override_by_name("benchmark_name", column("Benchmark"))
        .override_by_name(
            "severity",
            column(
                "Severity", mappings=[SEVERITIES], custom__cellOptions=COLORED, custom__width=85
            ),
        )
        .override_by_name("Value", column("Runs", decimals=0, custom__width=60))
    )


def memory() -> Panel:
    panel = curves(
        "Memory",
        "Resident memory by process and phase. Over 1000 MB an alert fires.",
        query(
            "max by (process, phase) (memory_usage_mb)", "{{process}} {{phase}}", step=SLOW_SCRAPE
        ),
        unit="decmbytes",
        no_value=EXPORTER_DOWN,
    )
    return (
        panel.decimals(0)
        .min(0)
        .thresholds(thresholds(GOOD, (1000, WARNING)))
        .thresholds_style(threshold_lines())
    )


def pipelines() -> Panel:
    panel = number(
        "Pipelines",
        "Outcome of the newest run of each CI pipeline, by branch and trigger.",
        now(
            "min by (pipeline, branch, trigger) (ci_pipeline_status)",
            "{{pipeline}} {{branch}} {{trigger}}",
        ),
        unit="none",
        no_value="No CI run yet",
    )
    return (
        panel.mappings([mapping(PASSED)])
        .thresholds(thresholds(CRITICAL, (1, GOOD)))
        .text_mode(c.BigValueTextMode.VALUE_AND_NAME)
    )


def failed_gates() -> Panel:
    gates = f'max by (benchmark_name) (benchmark_gate_passed{{criterion="overall", {BENCHMARK}}})'
    return tally(
        "Failed gates",
        "Benchmarks whose newest run failed its gate.",
        now(f"count({gates} == 0) or count({gates}) * 0", "failed"),
        color=CRITICAL,
        no_value="No run with a gate yet",
    )


def files() -> Panel:
    panel = number(
        "Result files",
        "Files that brought something new and files known already, since the ledger began; files not yet complete, and rejected files that "
        "are in the folder now. The exporter's page names each rejected file and why.",
        now(f"sum(benchmark_exporter_files_ingested_total) or {EXPORTER_IS_UP}", "ingested"),
        now("sum(benchmark_exporter_files_duplicate_total)", "known already", ref="B"),
        now("sum(benchmark_exporter_files_pending)", "incomplete", ref="C"),
        now(f"sum(benchmark_exporter_rejected_files) or {EXPORTER_IS_UP}", "rejected", ref="D"),
        unit="none",
        no_value=EXPORTER_DOWN,
    )
    return (
        panel.decimals(0)
        .thresholds(thresholds(NEUTRAL))
        .override_by_name(
            "rejected", [d.DynamicConfigValue("thresholds", thresholds(GOOD, (1, WARNING)).build())]
        )
        .text_mode(c.BigValueTextMode.VALUE_AND_NAME)
    )


def speedup_scale(panel: timeseries.Panel) -> timeseries.Panel:
    """Logarithmic, as speedups of 7 and 700 stand side by side, and always with both thresholds in view."""
    return (
        panel.decimals(1)
        .scale_distribution(logarithmic(2))
        .axis_soft_min(1)
        .axis_soft_max(64)
        .thresholds(SPEEDUP_THRESHOLDS)
        .thresholds_style(threshold_lines())
    )
