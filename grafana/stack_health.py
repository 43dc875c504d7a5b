"""The Stack health dashboard: whether the monitoring works, and what it costs."""

from grafana_foundation_sdk.builders import dashboard

from grafana.backup_age import backup_age, backup_duration, backup_size
from grafana.board import EXPORTER_URL, Board
from grafana.cells import column
from grafana.exporters import exporters, targets
from grafana.no_data import NO_SAMPLE, NO_SAMPLE_OF_EXPORTER, NOT_MEASURED
from grafana.panels import SLOW_SCRAPE, Panel, bars, curves, now, number, query, tally
from grafana.selectors import AHEAD, newest
from grafana.stack_cost import (
    BUDGET_BYTES,
    cpu,
    long_term_lag,
    memory,
    remote_write,
    samples,
    series,
    stored,
    stream_clients,
    stream_lag,
    stream_messages,
    versions,
)
from grafana.style import (
    CRITICAL,
    GOOD,
    NEUTRAL,
    WARNING,
    mapping,
    symmetric_log,
    threshold_lines,
    thresholds,
    to_page,
)

INGEST = {0: ("works", GOOD), 1: ("fails", CRITICAL)}
# 99.9 % over 30 days. Above this burn rate, AvailabilityBudgetBurnFast fires.
OBJECTIVE, FAST_BURN = 0.999, 14.4


def stack_health() -> dashboard.Dashboard:
    """Build Stack health, from what is broken to what it costs."""
    description = "Does the monitoring work, how available was it, and what does it cost?"
    board = Board("Stack health", description, since="now-1h", variables=False)
    panels = (
        down(),
        availability(),
        ingesting(),
        rejected(),
        pending(),
        month_of_storage(),
        series_room(),
    )
    board.place(4, *panels, widths=(3, 4, 3, 3, 3, 4, 4))
    board.place(7, targets(), burn(), rejections(), widths=(10, 8, 6))
    board.row("Exporters")
    board.place(7, exporters())
    board.row("Scrapes, rules and ingest")
    board.place(8, scrape_duration(), rule_duration(), ingest())
    board.place(6, untracked_runs(), fallback_branches(), widths=(16, 8))
    board.row("Live stream")
    board.place(8, stream_clients(), stream_messages(), stream_lag())
    board.row("Storage and processes")
    board.place(8, stored(), series(), samples())
    board.place(8, long_term_lag(), remote_write())
    board.place(8, memory(), cpu(), versions())
    board.row("Backups")
    board.place(4, backup_age(), backup_size(), backup_duration())
    return board.dashboard


def down() -> Panel:
    return tally(
        "Targets down",
        "Targets that Prometheus could not scrape at its last attempt.",
        now("count(up == 0) or count(up) * 0", "down"),
        color=CRITICAL,
        no_value=NO_SAMPLE,
    )


def availability() -> Panel:
    panel = number(
        "Availability, 30 days",
        "Availability of the least available part over the last 30 days, or since the stack "
        "was first started. The objective is 99.9 %.",
        now("min(job:availability:ratio30d)", "availability"),
        unit="percentunit",
        no_value=NOT_MEASURED,
    )
    return panel.decimals(3).thresholds(thresholds(CRITICAL, (0.99, WARNING), (OBJECTIVE, GOOD)))


def ingesting() -> Panel:
    panel = number(
        "Ingesting results",
        "It fails while the exporter cannot write its ledger or read the results folder; all "
        "dashboards then show the state before that. The exporter's page shows the error.",
        now("max(benchmark_exporter_ingest_failing)", "ingest"),
        unit="none",
        no_value=NO_SAMPLE_OF_EXPORTER,
        words=mapping(INGEST),
    )
    return panel.thresholds(thresholds(GOOD, (1, CRITICAL))).links(
        [to_page("The exporter's page", EXPORTER_URL)]
    )


def rejected() -> Panel:
    return tally(
        "Rejected files",
        "Files in the results folder that cannot be ingested. The exporter's page lists each "
        "one and what is wrong with it.",
        now(
            "sum(benchmark_exporter_rejected_files) or max(benchmark_exporter_build_info) * 0",
            "rejected",
        ),
        color=WARNING,
        no_value=NO_SAMPLE_OF_EXPORTER,
    ).links([to_page("The exporter's page", EXPORTER_URL)])


def pending() -> Panel:
    panel = number(
        "Files waiting",
        "Files found but not yet complete. If some stay and nothing else is ingested, "
        "IngestLagging fires.",
        now("sum(benchmark_exporter_files_pending)", "waiting"),
        unit="none",
        no_value=NO_SAMPLE_OF_EXPORTER,
    )
    return panel.decimals(0).thresholds(thresholds(GOOD, (100, WARNING)))


def month_of_storage() -> Panel:
    # The same estimate as in the alert PrometheusStorageOverBudget: 0.85 bytes per sample, with
    # index.
    per_month = "sum(sum_over_time(scrape_samples_post_metric_relabeling[1h])) * 720 * 0.85"
    panel = number(
        "A month of metrics",
        "What 30 days will take at the rate of the last hour (or of less, within the first "
        "hour). The budget is 1 GB.",
        now(per_month, "a month"),
        unit="decbytes",
        no_value=NO_SAMPLE,
    )
    return panel.decimals(0).thresholds(
        thresholds(GOOD, (0.6 * BUDGET_BYTES, NEUTRAL), (BUDGET_BYTES, WARNING))
    )


def series_room() -> Panel:
    panel = number(
        "Series limit used",
        "The larger part of the exporter's exposition, as a share of the series limit. Above "
        "the limit, newer benchmarks are left out.",
        now("max(benchmark_exporter_series) / max(benchmark_exporter_series_limit)", "used"),
        unit="percentunit",
        no_value=NO_SAMPLE_OF_EXPORTER,
    )
    return panel.decimals(1).thresholds(thresholds(GOOD, (0.8, WARNING), (1, CRITICAL)))


def burn() -> Panel:
    panel = curves(
        "Error budget burn rate",
        "How fast each part uses up its error budget of 43 minutes in 30 days; at 1 the "
        "budget lasts exactly 30 days. One-hour averages; above the line, "
        "AvailabilityBudgetBurnFast may fire. Logarithmic above 1.",
        query(f"{newest('job:scrape_errors:ratio1h')} / {1 - OBJECTIVE:.3f}", "{{job}}", step="1m"),
        unit="suffix:×",
        no_value=NOT_MEASURED,
    )
    return (
        panel.min(0)
        .scale_distribution(symmetric_log(1))
        .thresholds(thresholds(GOOD, (FAST_BURN, WARNING)))
        .thresholds_style(threshold_lines())
    )


def rejections() -> Panel:
    none = 'label_replace(max(benchmark_exporter_build_info) * 0, "reason", "none so far", "", "")'
    panel = bars(
        "Rejected, by reason",
        "Files that could not be ingested since the ledger was created, by reason.",
        now(
            f"sum by (reason) (benchmark_exporter_files_rejected_total) or on () {none}",
            "{{reason}}",
        ),
        unit="none",
        no_value=NO_SAMPLE_OF_EXPORTER,
    )
    return panel.decimals(0).min(0).thresholds(thresholds(NEUTRAL))


def scrape_duration() -> Panel:
    panel = curves(
        "Scrape duration",
        "The longest scrape of each part. The state of results is scraped every second, so "
        "samples are lost when a scrape takes longer than that. Logarithmic above 0.1 s.",
        query(
            "max by (job) (max_over_time(scrape_duration_seconds[$__rate_interval]))",
            "{{job}}",
            step=SLOW_SCRAPE,
        ),
        unit="s",
        no_value=NO_SAMPLE,
    )
    return (
        panel.min(0)
        .scale_distribution(symmetric_log(0.1))
        .thresholds(thresholds(GOOD, (1, CRITICAL)))
        .thresholds_style(threshold_lines())
    )


def rule_duration() -> Panel:
    def by_group(expr: str) -> str:
        named = f'label_replace({expr}, "group", "$1", "rule_group", ".*;(.*)")'
        return f"max by (group) ({named})"

    duration = "prometheus_rule_group_last_duration_seconds"
    mean = by_group(f"avg_over_time({duration}[1h] {AHEAD} @ end())")
    longest = f"{by_group(newest(duration))} and on (group) topk(5, {mean})"
    panel = curves(
        "Rule evaluation",
        "How long the last evaluation of a rule group took, of the five that took longest on "
        "average in the hour before the end of the range. `performance`, with the regressions, is "
        "evaluated twice a second. Logarithmic above 10 ms.",
        query(longest, "{{group}}", step=SLOW_SCRAPE),
        unit="s",
        no_value=NO_SAMPLE,
    )
    return panel.min(0).scale_distribution(symmetric_log(0.01))


def ingest() -> Panel:
    panel = curves(
        "Ingest",
        "New files per minute, files waiting to be complete, and the duration of a scan of "
        "the whole folder.",
        query(
            "sum(rate(benchmark_exporter_files_ingested_total[$__rate_interval])) * 60 or "
            f"max({newest('benchmark_exporter_build_info')}) * 0",
            "new files per minute",
            step=SLOW_SCRAPE,
        ),
        query(
            "sum(max_over_time(benchmark_exporter_files_pending[$__rate_interval]))",
            "waiting",
            ref="B",
            step=SLOW_SCRAPE,
        ),
        query(
            f"max({newest('benchmark_exporter_scan_duration_seconds')})",
            "scan of the folder",
            ref="C",
            step=SLOW_SCRAPE,
        ),
        unit="none",
        no_value=NO_SAMPLE_OF_EXPORTER,
    )
    seconds = column("scan of the folder", unit="s", custom__axisPlacement="right")
    return panel.min(0).axis_soft_max(1).override_by_name("scan of the folder", seconds)


def untracked_runs() -> Panel:
    none = 'label_replace(max(benchmark_exporter_build_info) * 0, "project", "none so far", "", "")'
    panel = bars(
        "Runs of untracked branches",
        "Runs of branches that are not tracked, by project, since the ledger was created. They are "
        "judged against their base and shown in the history and on the live page, but have no "
        "series here and no alerts.",
        now(
            "sum by (project) (benchmark_exporter_untracked_branch_runs_total) > 0 "
            f"or on () {none}",
            "{{project}}",
        ),
        unit="none",
        no_value=NO_SAMPLE_OF_EXPORTER,
    )
    return panel.decimals(0).min(0).thresholds(thresholds(NEUTRAL))


def fallback_branches() -> Panel:
    return tally(
        "Projects without a tracked branch",
        "Projects that have no run of a tracked branch, so that their branch with most runs is "
        "tracked instead. The alert NoTrackedBranch names each project and branch.",
        now(
            "count(count by (project) (benchmark_exporter_fallback_branch_info)) "
            "or max(benchmark_exporter_build_info) * 0",
            "without a tracked branch",
        ),
        color=WARNING,
        no_value=NO_SAMPLE_OF_EXPORTER,
    )
