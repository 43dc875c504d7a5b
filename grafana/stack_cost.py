"""The panels of the Stack health dashboard on the live stream, storage and processes."""

from grafana.board import PROMETHEUS_URL
from grafana.cells import figure
from grafana.no_data import NO_SAMPLE, NO_SAMPLE_OF_EXPORTER
from grafana.panels import SLOW_SCRAPE, SLOW_SPARSE, Panel, curves, query
from grafana.selectors import AHEAD, newest
from grafana.style import (
    GOOD,
    WARNING,
    fixed_color,
    symmetric_log,
    threshold_lines,
    thresholds,
    to_page,
)
from grafana.tables import listing, rows

BUDGET_BYTES = 1e9  # of samples a month


def stream_clients() -> Panel:
    panel = curves(
        "Stream clients",
        "Clients of the stream, live pages and terminals alike, and the runs that write their "
        "progress to it.",
        query(f"sum({newest('benchmark_stream_clients')})", "clients", step=SLOW_SCRAPE),
        query(
            f"sum({newest('benchmark_live_runs')})",
            "running benchmarks",
            ref="B",
            step=SLOW_SCRAPE,
        ),
        unit="none",
        no_value=NO_SAMPLE_OF_EXPORTER,
    )
    return panel.min(0).axis_soft_max(1)


def stream_messages() -> Panel:
    panel = curves(
        "Stream messages",
        "Stream messages per minute, by type, and messages not sent to clients that are too "
        "slow. A message counts once, however many clients receive it; a message not sent "
        "counts once per client, and the client receives the number that it missed.",
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
        no_value=NO_SAMPLE_OF_EXPORTER,
    )
    return (
        panel.min(0).axis_soft_max(1).override_by_name("not sent, too slow", [fixed_color(WARNING)])
    )


def stream_lag() -> Panel:
    buckets = "sum by (le) (increase(benchmark_stream_lag_seconds_bucket[$__rate_interval]))"
    panel = curves(
        "Stream lag",
        "Time from the timestamp of a line in a live file until its message is sent. The "
        "clocks of two machines may differ by more than that. Logarithmic above 0.1 s.",
        # Without a message it is NaN, which has a line and a legend.
        query(f"histogram_quantile(0.5, {buckets}) >= 0", "p50", step=SLOW_SCRAPE),
        query(f"histogram_quantile(0.99, {buckets}) >= 0", "p99", ref="B", step=SLOW_SCRAPE),
        unit="s",
        no_value="No message in this range",
    )
    return panel.min(0).scale_distribution(symmetric_log(0.1))


def stored() -> Panel:
    panel = curves(
        "Storage",
        "What Prometheus holds on disk: blocks, and the write-ahead log of the last hours. It "
        "drops its oldest data at PROMETHEUS_RETENTION_SIZE, 1 GB by default.",
        query(
            f"max({newest('prometheus_tsdb_storage_blocks_bytes')})",
            "blocks",
            step=SLOW_SCRAPE,
        ),
        query(
            f"max({newest('prometheus_tsdb_wal_storage_size_bytes')})",
            "write-ahead log",
            ref="B",
            step=SLOW_SCRAPE,
        ),
        unit="decbytes",
        no_value=NO_SAMPLE,
    )
    return (
        panel.min(0)
        .fill_opacity(20)
        .thresholds(thresholds(GOOD, (BUDGET_BYTES, WARNING)))
        .thresholds_style(threshold_lines())
    )


def long_term_lag() -> Panel:
    panel = curves(
        "Long-term store behind",
        "How old the newest sample is that Prometheus has sent to each long-term store. Seconds "
        "are usual; beyond two hours, samples get lost. Logarithmic above a minute.",
        query(
            "max by (remote_name) "
            "(time() - prometheus_remote_storage_queue_highest_sent_timestamp_seconds)",
            "{{remote_name}}",
            step=SLOW_SCRAPE,
        ),
        unit="dthms",
        no_value="No sample of a long-term store",
    )
    return (
        panel.min(0)
        .scale_distribution(symmetric_log(60))
        .thresholds(thresholds(GOOD, (120, WARNING)))
    )


def remote_write() -> Panel:
    panel = curves(
        "Samples not yet in the long-term store",
        "Samples that wait to be sent to each long-term store, and those that it did not take or "
        "that were left out, per minute. These are lost there: PrometheusRemoteStorageFailures "
        "fires.",
        query(
            f"max by (remote_name) ({newest('prometheus_remote_storage_samples_pending')})",
            "{{remote_name}}, waiting",
            step=SLOW_SCRAPE,
        ),
        query(
            "sum by (remote_name) "
            "(rate(prometheus_remote_storage_samples_failed_total[$__rate_interval])) * 60",
            "{{remote_name}}, failed",
            ref="B",
            step=SLOW_SCRAPE,
        ),
        unit="short",
        no_value="No sample of a long-term store",
    )
    return panel.min(0).axis_soft_max(1).override_by_regexp("/, failed$/", [fixed_color(WARNING)])


def series() -> Panel:
    panel = curves(
        "Series",
        "Series of the exporter by part (state every second, the rest every 30 s), and all "
        "series that Prometheus holds in memory.",
        query(
            f"max by (part) ({newest('benchmark_exporter_series')})",
            "exporter, {{part}}",
            step=SLOW_SPARSE,
        ),
        query(
            f"max({newest('prometheus_tsdb_head_series')})",
            "Prometheus",
            ref="B",
            step=SLOW_SCRAPE,
        ),
        unit="short",
        no_value=NO_SAMPLE,
    )
    return panel.min(0)


def samples() -> Panel:
    expr = "sum by (job) (rate(prometheus_tsdb_head_samples_appended_total[$__rate_interval]))"
    by_job = "sum by (job) (sum_over_time(scrape_samples_post_metric_relabeling[5m])) / 300"
    most = f"max_over_time(({by_job})[$__rate_interval:1m] {AHEAD})"
    panel = curves(
        "Samples per second",
        "Samples that Prometheus ingests, in total and by job, the most between two "
        "points. A sample costs about 0.85 bytes.",
        query(f"sum({expr})", "all, with rules and history", step=SLOW_SCRAPE),
        query(most, "{{job}}", ref="B", step=SLOW_SCRAPE),
        unit="short",
        no_value=NO_SAMPLE,
    )
    return panel.min(0)


def by_part(expr: str) -> str:
    """Return the expression by part of the stack; the exporter's two jobs are one part."""
    return f'max by (part) (label_replace({expr}, "part", "$1", "job", "(.+?)(-slow)?"))'


def memory() -> Panel:
    panel = curves(
        "Memory by process",
        "Resident memory of the parts of the stack.",
        query(by_part(newest("process_resident_memory_bytes")), "{{part}}", step=SLOW_SCRAPE),
        unit="decbytes",
        no_value=NO_SAMPLE,
    )
    return panel.min(0)


def cpu() -> Panel:
    panel = curves(
        "CPU by process",
        "CPU use of the parts of the stack; 100 % is one core.",
        query(
            by_part("rate(process_cpu_seconds_total[$__rate_interval])"),
            "{{part}}",
            step=SLOW_SCRAPE,
        ),
        unit="percentunit",
        no_value=NO_SAMPLE,
    )
    return panel.min(0)


def versions() -> Panel:
    named = (
        'label_replace(group by (version) (benchmark_exporter_build_info), "part", "exporter", '
        '"", "")'
        ' or label_replace(group by (version) (prometheus_build_info), "part", "Prometheus", "", '
        '"")'
        ' or label_replace(group by (version) (alertmanager_build_info), "part", "Alertmanager", '
        '"", "")'
        ' or label_replace(group by (version) (grafana_build_info), "part", "Grafana", "", "")'
    )
    panel = listing(
        "Versions",
        "The running version of each part.",
        rows(named),
        no_value=NO_SAMPLE,
        columns=["part", "version", "Value"],
        sort="Part",
    )
    return panel.override_by_name("Value", figure("Running", decimals=0)).links(
        [to_page("Prometheus", f"{PROMETHEUS_URL}/")]
    )
