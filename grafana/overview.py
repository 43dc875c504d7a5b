"""The dashboard Overview: is anything wrong, which benchmark, since when, and does the stack itself work."""

from grafana_foundation_sdk.builders import dashboard, timeseries
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import dashboard as d

from grafana.panels import (
    CRITICAL,
    GOOD,
    NEUTRAL,
    PROMETHEUS,
    SLOW_SCRAPE,
    WARNING,
    WIDTH,
    Panel,
    bars,
    column,
    lines,
    listing,
    logarithmic,
    mapping,
    now,
    number,
    query,
    rows,
    states,
    threshold_lines,
    thresholds,
)

EXPORTER_URL, PROMETHEUS_URL, ALERTMANAGER_URL = "http://localhost:8000", "http://localhost:9090", "http://localhost:9093"

# Times belong to a variant of a benchmark ("strataregula/compiled"), all else to the benchmark ("strataregula").
BENCHMARK = 'benchmark_name=~"$benchmark"'
VARIANT = 'benchmark_name=~"($benchmark)/[^/]+", environment=~"$environment"'
RUN = f'{BENCHMARK}, environment=~"$environment"'
FIRING = 'alertstate="firing", alertname!="Watchdog"'

# Under 10 a regression is critical, under 15 it fails the gate.
SPEEDUP_THRESHOLDS = thresholds(CRITICAL, (10, WARNING), (15, GOOD))
PASSED = {1: ("passed", GOOD), 0: ("failed", CRITICAL)}
UP = {1: ("up", GOOD), 0: ("down", CRITICAL)}
NO_RUN = "No run yet: copy a result into results/"

DASHES = d.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [10, 6]})
COLORED = {"type": "color-background", "mode": "basic"}


def overview() -> dashboard.Dashboard:
    """Overview, its panels from what is wrong now to what was long ago."""
    built = (
        dashboard.Dashboard("Overview")
        .uid("overview")
        .description("Benchmarks, alerts, CI and the monitoring itself, at a glance.")
        .tags(["strataregula"])
        .time("now-6h", "now")
        .refresh("5s")
        .timepicker(dashboard.TimePicker().refresh_intervals(["1s", "5s", "15s", "1m", "5m", "15m"]))
        .tooltip(d.DashboardCursorSync.CROSSHAIR)
        .annotations([])
        .with_variable(_variable("benchmark", "Benchmark", "benchmark_name"))
        .with_variable(_variable("environment", "Environment", "environment"))
        .link(_link("Exporter", EXPORTER_URL, "What was ingested, and which files were rejected and why"))
        .link(_link("Alerts", f"{PROMETHEUS_URL}/alerts", "The rules and their state, in Prometheus"))
        .link(_link("Silences", f"{ALERTMANAGER_URL}/#/silences", "Alertmanager"))
    )
    identifiers = iter(range(1, 1000))

    def place(height: int, *panels: Panel) -> None:
        """Panels side by side, each as wide as the others."""
        for panel in panels:
            built.with_panel(panel.id(next(identifiers)).height(height).span(WIDTH // len(panels)))

    def row(title: str) -> None:
        built.with_row(dashboard.Row(title).id(next(identifiers)))

    def folded(title: str, height: int, *panels: Panel) -> None:
        """A row that asks Prometheus nothing until it is unfolded."""
        head = dashboard.Row(title).id(next(identifiers)).collapsed(True)
        for panel in panels:
            head.with_panel(panel.id(next(identifiers)).height(height).span(WIDTH // len(panels)))
        built.with_row(head)

    place(4, critical_alerts(), warnings(), failed_gates(), lowest_speedup(), newest_run_age(), failing_pipelines())
    row("Benchmarks")
    place(10, speedup(), execution_time())
    place(8, gate_verdicts(), newest_runs())
    place(8, regression_rate(), regressions_by_commit(), distribution())
    row("Alerts")
    place(8, firing_alerts(), alert_history())
    row("CI")
    place(7, pipelines(), pipeline_failures(), suite_duration())
    row("Monitoring itself")
    place(7, targets(), files(), notifications())
    place(8, memory(), cpu(), scrape_duration())
    folded("History: 30 days, whatever range is chosen above", 9, speedup_history(), execution_time_history())
    return built


def _variable(name: str, label: str, source: str) -> dashboard.QueryVariable:
    expr = f"label_values(benchmark_last_run_timestamp_seconds, {source})"
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(PROMETHEUS)
        .query({"qryType": 1, "query": expr, "refId": "PrometheusVariableQueryEditor-VariableQuery"})
        .definition(expr)
        .refresh(d.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(d.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")  # a benchmark that is new since the page was loaded is among them
        .current(d.VariableOption(text=["All"], value=["$__all"], selected=True))
    )


def _link(title: str, url: str, tooltip: str) -> dashboard.DashboardLink:
    return dashboard.DashboardLink(title).type(d.DashboardLinkType.LINK).icon("external link").url(url).tooltip(tooltip).target_blank(True)


def critical_alerts() -> Panel:
    expr = f'count(ALERTS{{{FIRING}, severity="critical"}}) or vector(0)'
    panel = number("Critical alerts", "Critical alerts that fire now.", now(expr, "critical"), unit="none", no_value="Prometheus is down")
    return panel.decimals(0).thresholds(thresholds(GOOD, (1, CRITICAL)))


def warnings() -> Panel:
    expr = f'count(ALERTS{{{FIRING}, severity="warning"}}) or vector(0)'
    panel = number("Warnings", "Warnings that fire now.", now(expr, "warnings"), unit="none", no_value="Prometheus is down")
    return panel.decimals(0).thresholds(thresholds(GOOD, (1, WARNING)))


def failed_gates() -> Panel:
    gates = f'benchmark_gate_passed{{criterion="overall", {BENCHMARK}}}'
    panel = number(
        "Failed gates",
        "Benchmarks whose newest run failed its gate.",
        now(f"count({gates} == 0) or count({gates}) * 0", "failed"),
        unit="none",
        no_value="No run yet",
    )
    return panel.decimals(0).thresholds(thresholds(GOOD, (1, CRITICAL)))


# Of benchmarks that have a reference of their own; the others' speedups are over a pinned baseline, around 1.
GATE_THRESHOLD = 'benchmark_gate_speedup_threshold_ratio{percentile="p50"}'
GATED = f"and on (benchmark_name) {GATE_THRESHOLD}"
# benchmark_gate_headroom_ratio is scraped every 30 s.
HEADROOM = f'(speedup_ratio{{percentile="p50"}} / on (benchmark_name) {GATE_THRESHOLD} - 1)'


def lowest_speedup() -> Panel:
    panel = number(
        "Lowest speedup",
        "The benchmark whose newest run gained least over its reference, at the median. Under 15 the gate fails, under 10 it is critical.",
        now(f'bottomk(1, max by (benchmark_name) (speedup_ratio{{percentile="p50", {BENCHMARK}}}) {GATED})', "{{benchmark_name}}"),
        unit="suffix:×",
        no_value="No run yet",
    )
    return panel.decimals(1).thresholds(SPEEDUP_THRESHOLDS).text_mode(c.BigValueTextMode.VALUE_AND_NAME)


def newest_run_age() -> Panel:
    panel = number(
        "Since the newest run",
        "Time since the newest run was made, by its own document. A benchmark that nobody runs cannot regress: over a day is worth a look.",
        now(f"time() - max(benchmark_last_run_timestamp_seconds{{{RUN}}})", "age"),
        unit="s",
        no_value="No run yet",
    )
    return panel.decimals(1).thresholds(thresholds(NEUTRAL, (86400, WARNING)))


def failing_pipelines() -> Panel:
    panel = number(
        "Failing pipelines",
        "CI pipelines whose newest run failed, counted by branch and trigger.",
        now("count(ci_pipeline_status == 0) or count(ci_pipeline_status) * 0", "failing"),
        unit="none",
        no_value="No CI run yet",
    )
    return panel.decimals(0).thresholds(thresholds(GOOD, (1, CRITICAL)))


def speedup() -> Panel:
    # The window reaches over every sample between two points, so that a bad run is seen at any zoom.
    expr = f"min by (benchmark_name, percentile) (min_over_time(speedup_ratio{{{BENCHMARK}}}[$__rate_interval])) {GATED}"
    panel = lines(
        "Speedup over the reference",
        "How many times faster than its reference each benchmark ran, p50 solid and p95 dashed; the worst run between two points. "
        "Logarithmic. Lines for p50 at 15, under which the gate fails, and 10, under which it is critical.",
        query(expr, "{{benchmark_name}} {{percentile}}"),
        unit="suffix:×",
        no_value=NO_RUN,
    )
    return _speedup_scale(panel).override_by_regexp("/ p95$/", [DASHES])


def execution_time() -> Panel:
    times = f'benchmark_time_seconds{{{VARIANT}, statistic=~"p50|p95"}}'
    expr = f"max by (benchmark_name, environment, statistic) (max_over_time({times}[$__rate_interval]))"
    panel = lines(
        "Execution time, P50 and P95",
        "Exact percentiles of the newest run of each variant, p50 solid and p95 dashed; the slowest run between two points. Logarithmic, "
        "since a variant and its reference lie far apart.",
        query(expr, "{{benchmark_name}} {{environment}} {{statistic}}"),
        unit="s",
        no_value=NO_RUN,
    )
    return panel.decimals(2).scale_distribution(logarithmic(10)).override_by_regexp("/ p95$/", [DASHES])


def gate_verdicts() -> Panel:
    return states(
        "Gate verdicts",
        "The verdict on each benchmark's newest run; the right edge is now. Where the tool gave none, all criteria of the gate.",
        query(f'min by (benchmark_name) (benchmark_gate_passed{{criterion="overall", {BENCHMARK}}})', "{{benchmark_name}}"),
        no_value=NO_RUN,
        words=PASSED,
    )


def newest_runs() -> Panel:
    runs = f"max by (benchmark_name, environment, run_id, commit_hash) (benchmark_run_info{{{RUN}}}"

    def of_benchmark(metric: str) -> str:
        return f"{runs} * on (benchmark_name) group_left () {metric})"

    timestamps = "benchmark_last_run_timestamp_seconds * 1000"
    panel = listing(
        "Newest runs",
        "The newest run of each benchmark in each environment: when, of which commit, how it was judged.",
        rows(f"{runs} * on (benchmark_name, environment) group_left () {timestamps})"),
        rows(of_benchmark('speedup_ratio{percentile="p50"}'), ref="B"),
        rows(of_benchmark(HEADROOM), ref="C"),
        rows(of_benchmark('benchmark_gate_passed{criterion="overall"}'), ref="D"),
        no_value=NO_RUN,
        columns=["Value #A", "Value", "benchmark_name", "Value #D", "Value #B", "Value #C", "commit_hash", "run_id", "environment"],
        sort="Time of run",
    )
    return (
        panel.override_by_regexp("/^Value( #A)?$/", column("Time of run", unit="dateTimeAsIso", custom__width=170))
        .override_by_name("Value #B", column("Speedup p50", unit="suffix:×", decimals=1))
        .override_by_name("Value #C", column("Headroom", unit="percentunit", decimals=1))
        .override_by_name("Value #D", column("Gate", mappings=[mapping(PASSED)], custom__cellOptions=COLORED, custom__width=80))
        .override_by_name("benchmark_name", column("Benchmark"))
        .override_by_name("commit_hash", column("Commit"))
        .override_by_name("run_id", column("Run"))
        .override_by_name("environment", column("Environment"))
    )


def regression_rate() -> Panel:
    total = f"sum by (severity) (performance_regressions_total{{{BENCHMARK}}}"
    # Not increase(): over a day it reads 86,400 samples a series for each point. The ledger keeps the totals, so they never start again;
    # what has no yesterday began at 0.
    expr = f"{total}) - ({total} offset 1d) or {total}) * 0)"
    panel = lines(
        "Regressions per day",
        "Runs judged a regression in the 24 hours before each point. Critical: speedup under 10; warning: the gate failed otherwise.",
        query(expr, "{{severity}}"),
        unit="none",
        no_value=NO_RUN,
    )
    return (
        panel.decimals(0)
        .min(0)
        .axis_soft_max(1)
        .fill_opacity(20)
        .override_by_name("critical", [d.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": CRITICAL})])
        .override_by_name("warning", [d.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": WARNING}), DASHES])
    )


def regressions_by_commit() -> Panel:
    expr = f"sum by (benchmark_name, severity, commit_hash) (performance_regression_detected_total{{{BENCHMARK}}}) > 0"
    panel = listing(
        "Regressions by commit",
        "Runs judged a regression, ever, of the five commits of each benchmark and severity that changed last.",
        rows(expr),
        no_value="No regression",
        columns=["commit_hash", "benchmark_name", "severity", "Value"],
        sort="Runs",
    )
    return (
        panel.override_by_name("commit_hash", column("Commit"))
        .override_by_name("benchmark_name", column("Benchmark"))
        .override_by_name("severity", column("Severity", mappings=[_severities()], custom__cellOptions=COLORED, custom__width=90))
        .override_by_name("Value", column("Runs", decimals=0, custom__width=70))
    )


def distribution() -> Panel:
    times = f"sum by (benchmark_name, iteration, le) (benchmark_execution_time_ms_bucket{{{VARIANT}}})"
    counts = f"sum by (benchmark_name, iteration) (benchmark_execution_time_ms_count{{{VARIANT}}})"
    panel = listing(
        "Execution time, all runs",
        "Percentiles over all runs ever, interpolated in the buckets of the histogram, to see whether a newest run is unusual. "
        "Of: the raw samples, or each run's median where a document has no more.",
        rows(f"histogram_quantile(0.5, {times})"),
        rows(f"histogram_quantile(0.95, {times})", ref="B"),
        rows(counts, ref="C"),
        no_value=NO_RUN,
        columns=["benchmark_name", "iteration", "Value #C", "Value #A", "Value #B"],
        sort="P50",
    )
    return (
        panel.override_by_name("benchmark_name", column("Benchmark"))
        .override_by_name("iteration", column("Of", custom__width=80))
        .override_by_name("Value #A", column("P50", unit="ms", decimals=2, custom__width=90))
        .override_by_name("Value #B", column("P95", unit="ms", decimals=2, custom__width=90))
        .override_by_name("Value #C", column("Count", decimals=0, custom__width=70))
    )


def _severities() -> d.ValueMap:
    colors = {"critical": CRITICAL, "warning": WARNING}
    return d.ValueMap(options={name: d.ValueMappingResult(text=name, color=color) for name, color in colors.items()})


def firing_alerts() -> Panel:
    # Their value is the time since when, in seconds since 1970.
    since = f"ALERTS{{{FIRING}}} * ignoring (alertstate) ALERTS_FOR_STATE * 1000"
    runbook = {"title": "Runbook", "url": f"{EXPORTER_URL}/runbooks/${{__value.raw}}", "targetBlank": True}
    panel = listing(
        "Firing alerts",
        "Alerts that fire now, without the Watchdog, which always does. An alert's name leads to its runbook.",
        rows(f"max by (alertname, severity, benchmark_name, job, team) ({since})"),
        no_value="No alert is firing",
        columns=["Value", "severity", "alertname", "benchmark_name", "job", "team"],
        sort="Since",
    )
    return (
        panel.override_by_name("Value", column("Since", unit="dateTimeAsIso", custom__width=170))
        .override_by_name("severity", column("Severity", mappings=[_severities()], custom__cellOptions=COLORED, custom__width=90))
        .override_by_name("alertname", column("Alert", links=[runbook]))
        .override_by_name("benchmark_name", column("Benchmark"))
        .override_by_name("job", column("Job"))
        .override_by_name("team", column("Team"))
    )


def alert_history() -> Panel:
    def level(aggregate: str) -> str:
        critical, warning = (f'{aggregate} (ALERTS{{{FIRING}, severity="{severity}"}})' for severity in ("critical", "warning"))
        return f"{critical} * 2 or {warning}"

    return states(
        "Alerts over time",
        "The highest severity that fired, then each alert while it fired.",
        query(f"{level('max')} or vector(0)", "all alerts"),
        query(level("max by (alertname, benchmark_name)"), "{{alertname}} {{benchmark_name}}", ref="B"),
        no_value="Prometheus is down",
        words={2: ("critical", CRITICAL), 1: ("warning", WARNING), 0: ("quiet", GOOD)},
    )


def pipelines() -> Panel:
    panel = number(
        "Pipelines",
        "Outcome of the newest run of each CI pipeline, by branch and trigger.",
        now("min by (pipeline, branch, trigger) (ci_pipeline_status)", "{{pipeline}} {{branch}} {{trigger}}"),
        unit="none",
        no_value="No CI run yet",
    )
    return panel.mappings([mapping(PASSED)]).thresholds(thresholds(CRITICAL, (1, GOOD))).text_mode(c.BigValueTextMode.VALUE_AND_NAME)


def pipeline_failures() -> Panel:
    panel = bars(
        "Failed CI runs",
        "Share of failed runs among the newest 20 of each pipeline, from its fifth run on. Over 20 % an alert fires.",
        now("max by (pipeline) (ci_pipeline_failure_ratio)", "{{pipeline}}"),
        unit="percentunit",
        no_value="Fewer than 5 CI runs",
    )
    return panel.decimals(0).min(0).max(1).thresholds(thresholds(GOOD, (0.2, WARNING)))


def suite_duration() -> Panel:
    panel = bars(
        "Suite duration",
        "Wall time of whole suite runs, exact quantiles over the newest 100 that state one.",
        now("max by (quantile) (benchmark_suite_duration_seconds)", "quantile {{quantile}}"),
        unit="s",
        no_value="No run stated its duration",
    )
    return panel.decimals(1).min(0).thresholds(thresholds(NEUTRAL))


def targets() -> Panel:
    return states(
        "Scrape targets",
        "Whether Prometheus could scrape each part of the stack.",
        query("min by (job) (up)", "{{job}}", step=SLOW_SCRAPE),
        no_value="Prometheus is down",
        words=UP,
    )


def files() -> Panel:
    # No file of a kind is no series; with the exporter down there is no number at all rather than a 0.
    reached = 'sum(up{job="benchmark-exporter"} == 1) * 0'
    panel = number(
        "Result files",
        "Files that brought something new and files known already, since the ledger began; files not yet complete, and rejected files "
        "that are in the folder now. The exporter's page names each rejected file and why.",
        now(f"sum(benchmark_exporter_files_ingested_total) or {reached}", "ingested"),
        unit="none",
        no_value="Exporter is down",
    )
    return (
        panel.with_target(now("sum(benchmark_exporter_files_duplicate_total)", "known already", ref="B"))
        .with_target(now("sum(benchmark_exporter_files_pending)", "incomplete", ref="C"))
        .with_target(now(f"sum(benchmark_exporter_rejected_files) or {reached}", "rejected", ref="D"))
        .decimals(0)
        .thresholds(thresholds(NEUTRAL))
        .override_by_name("rejected", [d.DynamicConfigValue("thresholds", thresholds(GOOD, (1, WARNING)).build())])
        .text_mode(c.BigValueTextMode.VALUE_AND_NAME)
    )


def notifications() -> Panel:
    panel = listing(
        "Notifications received",
        "Alerts that came all the way through Alertmanager to the exporter's webhook, since the ledger began.",
        rows("sum by (alertname, severity, status) (benchmark_exporter_notifications_received_total) > 0"),
        no_value="No notification yet",
        columns=["alertname", "severity", "status", "Value"],
        sort="Count",
    )
    return (
        panel.override_by_name("alertname", column("Alert"))
        .override_by_name("severity", column("Severity", custom__width=90))
        .override_by_name("status", column("Status", custom__width=90))
        .override_by_name("Value", column("Count", decimals=0, custom__width=70))
    )


def memory() -> Panel:
    panel = lines(
        "Memory",
        "Resident memory by process and phase. Over 1000 MB an alert fires.",
        query("max by (process, phase) (memory_usage_mb)", "{{process}} {{phase}}", step=SLOW_SCRAPE),
        unit="decmbytes",
        no_value="Exporter is down",
    )
    return (
        panel.decimals(0)
        .min(0)
        .line_interpolation(c.LineInterpolation.LINEAR)
        .thresholds(thresholds(GOOD, (1000, WARNING)))
        .thresholds_style(threshold_lines())
    )


def cpu() -> Panel:
    panel = lines(
        "CPU",
        "The exporter's use in percent of one core, and the host's, the average of its cores.",
        query('max by (process) (cpu_utilization_percent{process!="system"})', "{{process}}", step=SLOW_SCRAPE),
        query('avg(cpu_utilization_percent{process="system"})', "host", ref="B", step=SLOW_SCRAPE),
        unit="percent",
        no_value="Exporter is down",
    )
    return panel.decimals(1).min(0).axis_soft_max(5).line_interpolation(c.LineInterpolation.LINEAR)


def scrape_duration() -> Panel:
    panel = lines(
        "Scrapes of the exporter",
        "How long a scrape took at worst. The state is scraped each second: longer than that, and samples are lost.",
        query(
            'max by (job) (max_over_time(scrape_duration_seconds{job=~"benchmark-exporter.*"}[$__rate_interval]))',
            "{{job}}",
            step=SLOW_SCRAPE,
        ),
        unit="s",
        no_value="Exporter was never scraped",
    )
    return (
        panel.decimals(1)
        .min(0)
        .line_interpolation(c.LineInterpolation.LINEAR)
        .thresholds(thresholds(GOOD, (1, CRITICAL)))
        .thresholds_style(threshold_lines())
    )


# Every sample is read, since history that was imported has one sample a run and would fall between two points. Two days of 20
# benchmarks took Prometheus 0.15 s, so the row is folded.
HISTORY_STEP, TWO_DAYS_MS = "1h", 2 * 86_400_000


def speedup_history() -> Panel:
    newest = f'last_over_time(speedup_ratio{{percentile="p50", {BENCHMARK}}}[$__interval])'
    gated = GATED.replace(GATE_THRESHOLD, f"last_over_time({GATE_THRESHOLD}[$__interval])")
    panel = lines(
        "Speedup, p50",
        "The newest run at each full hour. Lines at 15, under which the gate fails, and 10, under which it is critical.",
        query(f"max by (benchmark_name) ({newest}) {gated}", "{{benchmark_name}}", step=HISTORY_STEP),
        unit="suffix:×",
        no_value="No full hour of history yet",
    )
    return _speedup_scale(panel).time_from("30d").span_nulls(TWO_DAYS_MS)


def execution_time_history() -> Panel:
    newest = f'last_over_time(benchmark_time_seconds{{{VARIANT}, statistic="p50"}}[$__interval])'
    panel = lines(
        "Execution time, p50",
        "The newest run at each full hour. Logarithmic.",
        query(f"max by (benchmark_name, environment) ({newest})", "{{benchmark_name}} {{environment}}", step=HISTORY_STEP),
        unit="s",
        no_value="No full hour of history yet",
    )
    return panel.time_from("30d").span_nulls(TWO_DAYS_MS).decimals(2).scale_distribution(logarithmic(10))


def _speedup_scale(panel: timeseries.Panel) -> timeseries.Panel:
    """Logarithmic, as speedups of 7 and 700 stand side by side, and always with both thresholds in view."""
    return (
        panel.decimals(1)
        .scale_distribution(logarithmic(2))
        .axis_soft_min(1)
        .axis_soft_max(64)
        .thresholds(SPEEDUP_THRESHOLDS)
        .thresholds_style(threshold_lines())
    )
