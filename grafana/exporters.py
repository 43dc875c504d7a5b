"""What Prometheus scrapes: the parts, and the exporters of several teams and hosts."""

from grafana.cells import figure, worded
from grafana.no_data import NO_SAMPLE
from grafana.panels import SLOW_SCRAPE, Panel, query, states
from grafana.selectors import BY_SUBJECT, PAGE
from grafana.style import UP, mapping
from grafana.tables import listing, rows

JOBS = 'job=~"benchmark-exporter(-slow)?"'
UP_NOW = f"min by (instance) (up{{{JOBS}}})"
# One that has just gone down is shown with the version that it had.
VERSION = "max by (instance, version) (last_over_time(benchmark_exporter_build_info[5m]))"


def exporters() -> Panel:
    """List them, with those first that have been silent longest."""
    panel = listing(
        "Exporters",
        "The exporters that Prometheus scrapes: whether both jobs reach them, how many benchmarks "
        "they show (one for each scope), when the newest result was ingested, and where their "
        "pages are, which list the newest runs and the rejected files.",
        rows(
            f"{VERSION} * on (instance) group_left (url) {PAGE} * on (instance) group_left () "
            f"{UP_NOW} or on (instance) {VERSION} * on (instance) group_left () {UP_NOW} "
            f"or on (instance) {UP_NOW}"
        ),
        rows(
            f"count by (instance) ({BY_SUBJECT} (benchmark_last_run_timestamp_seconds)) "
            "and on (instance) benchmark_exporter_build_info",
            ref="B",
        ),
        # 0 before the first one, which would be 56 years.
        rows(
            "time() - (max by (instance) (benchmark_exporter_last_ingest_timestamp_seconds) > 0)",
            ref="C",
        ),
        no_value=NO_SAMPLE,
        columns=["instance", "Value #A", "version", "Value #B", "Value #C", "url"],
        sort="Newest result",
        key="instance",
    )
    return (
        panel.override_by_name(
            "Value #A",
            worded("State", mapping(UP)),
        )
        .override_by_name("Value #B", figure("Benchmarks", decimals=0))
        .override_by_name("Value #C", figure("Newest result", unit="dtdurations", decimals=0))
    )


def targets() -> Panel:
    return states(
        "Scrape targets",
        "Whether Prometheus could scrape each part of the stack, the worst between two points; "
        "the exporter is scraped in two parts.",
        query(
            "min by (job, instance) (min_over_time(up[$__rate_interval]))",
            "{{job}}${several_exporters}",
            step=SLOW_SCRAPE,
        ),
        words=UP,
    )
