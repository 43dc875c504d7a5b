"""The dashboard Stack health: whether the monitoring itself works, what it costs, and whether it keeps its objective."""

from grafana_foundation_sdk.builders import dashboard

from grafana.board import EXPORTER_URL, PROMETHEUS_URL, Board
from grafana.panels import (
    CRITICAL,
    GOOD,
    NEUTRAL,
    SLOW_SCRAPE,
    UP,
    WARNING,
    Panel,
    bars,
    column,
    curves,
    fixed_color,
    listing,
    mapping,
    now,
    number,
    query,
    rows,
    states,
    tally,
    threshold_lines,
    thresholds,
    to_page,
)

INGEST = {0: ("works", GOOD), 1: ("fails", CRITICAL)}
PROMETHEUS_DOWN, EXPORTER_DOWN = "Prometheus is down", "Exporter is down"
# 99.9 % of 30 days. Spent faster than this factor, AvailabilityBudgetBurnFast tells.
OBJECTIVE, FAST_BURN = 0.999, 14.4
BUDGET_BYTES = 1e9


def stack_health() -> dashboard.Dashboard:
    """Stack health, from what is broken to what it costs."""
    description = (
        "Whether the monitoring itself works, what it costs, and whether it keeps its objective."
    )
    board = Board("Stack health", description, since="now-1h", refresh="5s", variables=False)
    panels = (
        down(),
        availability(),
        taking_in(),
        rejected(),
        pending(),
        month_of_storage(),
        series_room(),
    )
    board.place(4, *panels, widths=(3, 4, 3, 3, 3, 4, 4))
    board.place(7, targets(), burn(), rejections(), widths=(10, 8, 6))
    board.row("Ways and times")
    board.place(8, scrape_duration(), rule_duration(), ingest())
    board.row("Live stream")
    board.place(8, stream_clients(), stream_messages(), stream_lag())
    board.row("Storage and processes")
    board.place(8, stored(), series(), samples())
    board.place(8, memory(), cpu(), versions())
    return board.dashboard


def down() -> Panel:
    return tally(
        "Targets down",
        "Scrape targets that Prometheus could not reach at its last try, of those it knows.",
        now("count(up == 0) or count(up) * 0", "down"),
        color=CRITICAL,
        no_value=PROMETHEUS_DOWN,
    )


def availability() -> Panel:
    panel = number(
        "Availability, 30 days",
        "The share of the last 30 days, or of those since the stack began, in which the part that was away longest answered. The objective "
        "is 99.9 %.",
        now("min(job:availability:ratio30d)", "availability"),
        unit="percentunit",
        no_value="Not measured in the first five minutes",
    )
    return panel.decimals(3).thresholds(thresholds(CRITICAL, (0.99, WARNING), (OBJECTIVE, GOOD)))


def taking_in() -> Panel:
    panel = number(
        "Taking in results",
        "It fails while the exporter's ledger cannot be written or the results folder not be read; then all dashboards show what was known "
        "before. The exporter's page says why.",
        now("max(benchmark_exporter_ingest_failing)", "ingest"),
        unit="none",
        no_value=EXPORTER_DOWN,
    )
    return (
        panel.mappings([mapping(INGEST)])
        .thresholds(thresholds(GOOD, (1, CRITICAL)))
        .links([to_page("The exporter's page", EXPORTER_URL)])
    )


def rejected() -> Panel:
    return tally(
        "Rejected files",
        "Files in the results folder that cannot be ingested. The exporter's page names each and what is wrong in it.",
        now(
            "sum(benchmark_exporter_rejected_files) or max(benchmark_exporter_build_info) * 0",
            "rejected",
        ),
        color=WARNING,
        no_value=EXPORTER_DOWN,
    ).links([to_page("The exporter's page", EXPORTER_URL)])


def pending() -> Panel:
    panel = number(
        "Files waiting",
        "Files that were found and are not complete yet. If some stay and nothing else comes in, IngestLagging tells.",
        now("sum(benchmark_exporter_files_pending)", "waiting"),
        unit="none",
        no_value=EXPORTER_DOWN,
    )
    return panel.decimals(0).thresholds(thresholds(GOOD, (100, WARNING)))


def month_of_storage() -> Panel:
    # The same estimate as the alert PrometheusStorageOverBudget: 0.85 bytes a sample, index included.
    per_month = "sum(sum_over_time(scrape_samples_post_metric_relabeling[1h])) * 720 * 0.85"
    panel = number(
        "A month of metrics",
        "What 30 days will take at the rate of the last hour (within the first hour, of less). The budget is 1 GB.",
        now(per_month, "a month"),
        unit="decbytes",
        no_value=PROMETHEUS_DOWN,
    )
    return panel.decimals(0).thresholds(
        thresholds(GOOD, (0.6 * BUDGET_BYTES, NEUTRAL), (BUDGET_BYTES, WARNING))
    )


def series_room() -> Panel:
    panel = number(
        "Series limit used",
        "The larger part of the exporter's exposition, as a share of the most series it may have. Beyond, newer benchmarks are left out.",
        now("max(benchmark_exporter_series) / max(benchmark_exporter_series_limit)", "used"),
        unit="percentunit",
        no_value=EXPORTER_DOWN,
    )
    return panel.decimals(1).thresholds(thresholds(GOOD, (0.8, WARNING), (1, CRITICAL)))


def targets() -> Panel:
    return states(
        "Scrape targets",
        "Whether Prometheus could scrape each part of the stack, the worst between two points; the exporter is scraped in two parts.",
        query("min by (job) (min_over_time(up[$__rate_interval]))", "{{job}}", step=SLOW_SCRAPE),
        no_value=PROMETHEUS_DOWN,
        words=UP,
    )


def burn() -> Panel:
    panel = curves(
        "Error budget, rate of spending",
        "How fast each part spends the 43 minutes that it may be away in 30 days: at 1 they last for just that long. Averages of an hour; "
        "from the line on, AvailabilityBudgetBurnFast may fire.",
        query(f"job:scrape_errors:ratio1h / {1 - OBJECTIVE:.3f}", "{{job}}", step="1m"),
        unit="suffix:×",
        no_value="Not measured in the first five minutes",
    )
    return (
        panel.decimals(1)
        .min(0)
        .axis_soft_max(FAST_BURN + 1)
        .thresholds(thresholds(GOOD, (FAST_BURN, WARNING)))
        .thresholds_style(threshold_lines())
    )


def rejections() -> Panel:
    none = 'label_replace(max(benchmark_exporter_build_info) * 0, "reason", "none so far", "", "")'
    panel = bars(
        "Rejected, by reason",
        "Files that could not be ingested since the ledger began, by reason.",
        now(
            f"sum by (reason) (benchmark_exporter_files_rejected_total) or on () {none}",
            "{{reason}}",
        ),
        unit="none",
        no_value=EXPORTER_DOWN,
    )
    return panel.decimals(0).min(0).thresholds(thresholds(NEUTRAL))


def scrape_duration() -> Panel:
    panel = curves(
        "Scrape duration",
        "How long a scrape of each part took at worst. What changes with results is scraped each second: longer than that, and samples are "
        "lost.",
        query(
            "max by (job) (max_over_time(scrape_duration_seconds[$__rate_interval]))",
            "{{job}}",
            step=SLOW_SCRAPE,
        ),
        unit="s",
        no_value=PROMETHEUS_DOWN,
    )
    return (
        panel.decimals(0)
        .min(0)
        .thresholds(thresholds(GOOD, (1, CRITICAL)))
        .thresholds_style(threshold_lines())
    )


def rule_duration() -> Panel:
    group = 'label_replace(prometheus_rule_group_last_duration_seconds, "group", "$1", "rule_group", ".*;(.*)")'
    panel = curves(
        "Rule evaluation",
        "How long the last evaluation of each group of rules took. That of the regressions is evaluated every second.",
        query(f"max by (group) ({group})", "{{group}}", step=SLOW_SCRAPE),
        unit="s",
        no_value=PROMETHEUS_DOWN,
    )
    return panel.decimals(1).min(0)


def ingest() -> Panel:
    panel = curves(
        "Ingest",
        "Files that brought something new, each minute; files that wait to be complete; and how long a look through the whole folder "
        "takes.",
        query(
            "sum(rate(benchmark_exporter_files_ingested_total[$__rate_interval])) * 60 or max(benchmark_exporter_build_info) * 0",
            "new files a minute",
            step=SLOW_SCRAPE,
        ),
        query(
            "sum(max_over_time(benchmark_exporter_files_pending[$__rate_interval]))",
            "waiting",
            ref="B",
            step=SLOW_SCRAPE,
        ),
        query(
            "max(benchmark_exporter_scan_duration_seconds)",
            "scan of the folder",
            ref="C",
            step=SLOW_SCRAPE,
        ),
        unit="none",
        no_value=EXPORTER_DOWN,
    )
    seconds = column("scan of the folder", unit="s", decimals=1, custom__axisPlacement="right")
    return panel.decimals(0).min(0).axis_soft_max(1).override_by_name("scan of the folder", seconds)


def stream_clients() -> Panel:
    panel = curves(
        "Stream clients",
        "Who follows the stream, live pages and terminals alike, beside the runs that write their progress into it.",
        query("sum(benchmark_stream_clients)", "clients", step=SLOW_SCRAPE),
        query("sum(benchmark_live_runs)", "running benchmarks", ref="B", step=SLOW_SCRAPE),
        unit="none",
        no_value=EXPORTER_DOWN,
    )
    return panel.decimals(0).min(0).axis_soft_max(1)


def stream_messages() -> Panel:
    panel = curves(
        "Stream messages",
        "Messages of the stream, each minute and by type, and those that clients were not sent since they were too slow. A message counts "
        "once, whoever it is sent to; one that is not sent counts for each client, which is told how many it has missed.",
        query(
            "sum by (type) (rate(benchmark_stream_messages_total[$__rate_interval])) * 60",
            "{{type}}",
            step=SLOW_SCRAPE,
        ),
        query(
            "sum(rate(benchmark_stream_dropped_total[$__rate_interval])) * 60",
            "not sent, too slow",
            ref="B",
            step=SLOW_SCRAPE,
        ),
        unit="none",
        no_value=EXPORTER_DOWN,
    )
    return (
        panel.decimals(0)
        .min(0)
        .axis_soft_max(1)
        .override_by_name("not sent, too slow", [fixed_color(WARNING)])
    )


def stream_lag() -> Panel:
    buckets = "sum by (le) (rate(benchmark_stream_lag_seconds_bucket[$__rate_interval]))"
    panel = curves(
        "Stream lag",
        "From the time that a line of a live file bears to its message being sent. Clocks of two machines may differ by more than that.",
        query(f"histogram_quantile(0.5, {buckets})", "p50", step=SLOW_SCRAPE),
        query(f"histogram_quantile(0.99, {buckets})", "p99", ref="B", step=SLOW_SCRAPE),
        unit="s",
        no_value="No benchmark writes its progress",
    )
    return panel.decimals(0).min(0)


def stored() -> Panel:
    panel = curves(
        "Storage",
        "What Prometheus holds on disk: blocks, and the log of the last hours. It drops its oldest data at PROMETHEUS_RETENTION_SIZE, 1 GB "
        "by default.",
        query("max(prometheus_tsdb_storage_blocks_bytes)", "blocks", step=SLOW_SCRAPE),
        query(
            "max(prometheus_tsdb_wal_storage_size_bytes)",
            "write-ahead log",
            ref="B",
            step=SLOW_SCRAPE,
        ),
        unit="decbytes",
        no_value=PROMETHEUS_DOWN,
    )
    return (
        panel.decimals(0)
        .min(0)
        .fill_opacity(20)
        .thresholds(thresholds(GOOD, (BUDGET_BYTES, WARNING)))
        .thresholds_style(threshold_lines())
    )


def series() -> Panel:
    panel = curves(
        "Series",
        "Series of the exporter by part, state each second and the rest every 30 s, and all that Prometheus holds in memory.",
        query("max by (part) (benchmark_exporter_series)", "exporter, {{part}}", step=SLOW_SCRAPE),
        query("max(prometheus_tsdb_head_series)", "Prometheus", ref="B", step=SLOW_SCRAPE),
        unit="short",
        no_value=PROMETHEUS_DOWN,
    )
    return panel.decimals(0).min(0)


def samples() -> Panel:
    expr = "sum by (job) (rate(prometheus_tsdb_head_samples_appended_total[$__rate_interval]))"
    by_job = "sum by (job) (sum_over_time(scrape_samples_post_metric_relabeling[5m])) / 300"
    panel = curves(
        "Samples a second",
        "What Prometheus takes in, in all and by job. A sample costs about 0.85 bytes.",
        query(f"sum({expr})", "all, with rules and history", step=SLOW_SCRAPE),
        query(by_job, "{{job}}", ref="B", step=SLOW_SCRAPE),
        unit="short",
        no_value=PROMETHEUS_DOWN,
    )
    return panel.decimals(0).min(0)


def by_part(expr: str) -> str:
    """An expression by part of the stack; the exporter's two jobs are one."""
    return f'max by (part) (label_replace({expr}, "part", "$1", "job", "(.+?)(-slow)?"))'


def memory() -> Panel:
    panel = curves(
        "Memory by process",
        "Resident memory of the parts of the stack.",
        query(by_part("process_resident_memory_bytes"), "{{part}}", step=SLOW_SCRAPE),
        unit="decbytes",
        no_value=PROMETHEUS_DOWN,
    )
    return panel.decimals(0).min(0)


def cpu() -> Panel:
    panel = curves(
        "CPU by process",
        "CPU use of the parts of the stack, 100 % is one core.",
        query(
            by_part("rate(process_cpu_seconds_total[$__rate_interval])"),
            "{{part}}",
            step=SLOW_SCRAPE,
        ),
        unit="percentunit",
        no_value=PROMETHEUS_DOWN,
    )
    return panel.decimals(1).min(0)


def versions() -> Panel:
    named = (
        'label_replace(group by (version) (benchmark_exporter_build_info), "part", "exporter", "", "")'
        ' or label_replace(group by (version) (prometheus_build_info), "part", "Prometheus", "", "")'
        ' or label_replace(group by (version) (alertmanager_build_info), "part", "Alertmanager", "", "")'
        ' or label_replace(group by (version) (grafana_build_info), "part", "Grafana", "", "")'
    )
    panel = listing(
        "Versions",
        "Which version of each part runs.",
        rows(named),
        no_value=PROMETHEUS_DOWN,
        columns=["part", "version", "Value"],
        sort="Part",
    )
    return (
        panel.override_by_name("part", column("Part"))
        .override_by_name("version", column("Version"))
        .override_by_name("Value", column("Running", decimals=0, custom__width=80))
        .links([to_page("Targets, in Prometheus", f"{PROMETHEUS_URL}/targets")])
    )
