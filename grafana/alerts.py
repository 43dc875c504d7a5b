"""The Alerts dashboard: what is firing, what fired before, and whether notifications arrive."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as d

from grafana import few, notifications, triage
from grafana.board import ALERTMANAGER_URL, EXPORTER_URL, Board
from grafana.cells import figure, label, linked_result, worded
from grafana.no_data import NO_SAMPLE, NO_SAMPLE_OF_ALERTMANAGER, NO_WATCHDOG
from grafana.panels import SLOW_SCRAPE, Panel, now, number, query, states, tally
from grafana.selectors import FIRING, NO_ALERT, SUBJECT, newest, with_benchmark
from grafana.style import (
    CRITICAL,
    GOOD,
    NEUTRAL,
    SEVERITIES,
    WARNING,
    thresholds,
    to_page,
)
from grafana.tables import listing, rows

WHERE = ("benchmark_name", "environment", "project", "branch")


def alerts() -> dashboard.Dashboard:
    """Build Alerts, from those firing now to their notifications."""
    description = "What is firing, what became of earlier alerts, and did notifications arrive?"
    board = Board("Alerts", description, since="now-6h", variables=False)
    board.place(
        4,
        firing("critical", CRITICAL),
        firing("warning", WARNING),
        pending(),
        muted(),
        failing_channels(),
        watchdog(),
    )
    board.place(8, firing_alerts())
    board.place(10, history())
    board.row("Triage")
    board.place(8, triage.open_regressions())
    board.place(5, triage.real(), triage.a_week(), triage.until_triaged(), triage.until_closed())
    board.place(8, triage.noisy_benchmarks(), triage.noisy_hosts())
    board.row("Notifications")
    board.place(8, notifications.sent(), notifications.failed(), notifications.latency())
    board.place(
        8,
        notifications.received(),
        notifications.firing_time(),
        notifications.in_alertmanager(),
        widths=(12, 6, 6),
    )
    return board.dashboard


def firing(severity: str, color: str) -> Panel:
    expr = f'count(ALERTS{{{FIRING}, severity="{severity}"}}) or {NO_ALERT}'
    description = f"Alerts of severity {severity} that are firing."
    return tally(
        f"Firing, {severity}",
        description,
        now(expr, severity),
        color=color,
        no_value=NO_SAMPLE,
    )


def pending() -> Panel:
    return tally(
        "Pending",
        "Alerts whose condition holds, but not yet for as long as their rule requires.",
        now(f'count(ALERTS{{alertstate="pending"}}) or {NO_ALERT}', "pending"),
        color=NEUTRAL,
        no_value=NO_SAMPLE,
    )


def muted() -> Panel:
    panel = number(
        "Silenced or inhibited",
        "Alerts that Alertmanager holds back because they are silenced, or because a more "
        "severe alert covers them.",
        now('sum(alertmanager_alerts{state="suppressed"})', "held back"),
        unit="none",
        no_value=NO_SAMPLE_OF_ALERTMANAGER,
    )
    return (
        panel.decimals(0)
        .thresholds(thresholds(NEUTRAL))
        .links([to_page("Silences", f"{ALERTMANAGER_URL}/#/silences")])
    )


def failing_channels() -> Panel:
    return tally(
        "Failing channels",
        "Channels (Slack, PagerDuty, email, webhook) with a failed delivery within the last "
        "five minutes.",
        now(
            "count(sum by (integration) (increase(alertmanager_notifications_failed_total[5m])) > "
            "0) or max(alertmanager_build_info) * 0",
            "failing",
        ),
        color=WARNING,
        no_value=NO_SAMPLE_OF_ALERTMANAGER,
    )


def watchdog() -> Panel:
    expected = {"1": d.ValueMappingResult(text="firing, as expected", color=GOOD)}
    panel = number(
        "Watchdog",
        "This alert always fires, so its absence shows that alerts are not evaluated.",
        now('count(ALERTS{alertname="Watchdog", alertstate="firing"})', "watchdog"),
        unit="none",
        no_value=NO_WATCHDOG,
        words=d.ValueMap(options=expected),
        absent=CRITICAL,
    )
    return panel.decimals(0).thresholds(thresholds(CRITICAL, (1, GOOD)))


def firing_alerts() -> Panel:
    # The value is when the alert started, in seconds since 1970.
    since = f"ALERTS{{{FIRING}}} * ignoring (alertstate) ALERTS_FOR_STATE * 1000"
    runbook = {
        "title": "Runbook",
        "url": f"{EXPORTER_URL}/runbooks/${{__value.raw}}",
        "targetBlank": True,
    }
    panel = listing(
        "Firing alerts",
        "Alerts firing now, except the Watchdog. An alert's name links to its runbook, its result "
        "to the dashboard Benchmark.",
        rows(with_benchmark(f"max by (alertname, severity, {SUBJECT}) ({since})")),
        no_value="No alert is firing",
        columns=[
            "severity",
            "alertname",
            "Value",
            *WHERE,
            "machine_class",
            "benchmark",
        ],
        sort="Since",
    )
    return (
        panel.override_by_name("Value", figure("Since", unit="dateTimeAsIso"))
        .override_by_name(
            "severity",
            worded("Severity", SEVERITIES),
        )
        .override_by_name("alertname", label("alertname", links=[runbook]))
        .override_by_name("benchmark_name", linked_result())
    )


def history() -> Panel:
    alert_of = f'ALERTS{{{{{FIRING}, severity="{{}}"}}}}'

    def level(aggregate: str) -> str:
        critical, warning = (
            f"{aggregate} ({newest(alert_of.format(severity))})"
            for severity in ("critical", "warning")
        )
        return f"{critical} * 2 or {warning}"

    watchdog = newest('ALERTS{alertname="Watchdog", alertstate="firing"}')
    quiet = f"max({watchdog}) * 0"
    return states(
        "Alerts over time",
        "The highest severity that was firing, then the ten alerts, by project, that were firing "
        "longest in the range; the worst between two points. Where alerts were not evaluated "
        "there is no band.",
        query(f"{level('max')} or {quiet}", "all alerts", step=SLOW_SCRAPE),
        query(
            few.longest_firing(level("max by (alertname, project)"), 10),
            "{{alertname}} {{project}}",
            ref="B",
            step=SLOW_SCRAPE,
        ),
        words={2: ("critical", CRITICAL), 1: ("warning", WARNING), 0: ("quiet", GOOD)},
    )
