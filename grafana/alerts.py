"""The dashboard Alerts: what fires and since when, what fired before, and whether notifications arrive."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import dashboard as d

from grafana.board import ALERTMANAGER_URL, EXPORTER_URL, Board
from grafana.panels import (
    COLORED,
    CRITICAL,
    GOOD,
    NEUTRAL,
    SEVERITIES,
    SLOW_SCRAPE,
    WARNING,
    Panel,
    bars,
    column,
    curves,
    listing,
    now,
    number,
    query,
    rows,
    states,
    tally,
    thresholds,
    to_page,
)
from grafana.selectors import FIRING

PROMETHEUS_DOWN, ALERTMANAGER_DOWN = "Prometheus is down", "Alertmanager is down"
# Alertmanager counts for every integration it knows; shown are those that were ever used.
USED = "and on (integration) alertmanager_notifications_total > 0"


def alerts() -> dashboard.Dashboard:
    """Alerts, from those that fire now to how their notifications fare."""
    description = "What fires and since when, what fired before, and whether notifications arrive."
    board = Board("Alerts", description, since="now-6h", refresh="5s", variables=False)
    board.place(
        4,
        firing("critical", CRITICAL),
        firing("warning", WARNING),
        pending(),
        muted(),
        failing_channels(),
        watchdog(),
    )
    board.place(9, firing_alerts(), history(), widths=(11, 13))
    board.row("Notifications")
    board.place(8, sent(), failed(), latency())
    board.place(8, received(), firing_time(), in_alertmanager())
    return board.dashboard


def firing(severity: str, color: str) -> Panel:
    expr = f'count(ALERTS{{{FIRING}, severity="{severity}"}}) or vector(0)'
    description = f"Alerts of severity {severity} that fire now."
    return tally(
        f"Firing, {severity}",
        description,
        now(expr, severity),
        color=color,
        no_value=PROMETHEUS_DOWN,
    )


def pending() -> Panel:
    return tally(
        "Pending",
        "Alerts whose condition holds, but not yet for as long as their rule asks.",
        now('count(ALERTS{alertstate="pending"}) or vector(0)', "pending"),
        color=NEUTRAL,
        no_value=PROMETHEUS_DOWN,
    )


def muted() -> Panel:
    panel = number(
        "Silenced or inhibited",
        "Alerts that Alertmanager holds back, since somebody silenced them or a graver one says the same.",
        now('sum(alertmanager_alerts{state="suppressed"})', "held back"),
        unit="none",
        no_value=ALERTMANAGER_DOWN,
    )
    return (
        panel.decimals(0)
        .thresholds(thresholds(NEUTRAL))
        .links([to_page("Silences", f"{ALERTMANAGER_URL}/#/silences")])
    )


def failing_channels() -> Panel:
    return tally(
        "Failing channels",
        "Ways of notification (Slack, PagerDuty, Email, webhook) through which something could not be delivered within five minutes.",
        now(
            "count(sum by (integration) (increase(alertmanager_notifications_failed_total[5m])) > 0) or max(alertmanager_build_info) * 0",
            "failing",
        ),
        color=WARNING,
        no_value=ALERTMANAGER_DOWN,
    )


def watchdog() -> Panel:
    panel = number(
        "Watchdog",
        "The alert that always fires, so that its absence tells that alerts are not evaluated.",
        now('count(ALERTS{alertname="Watchdog", alertstate="firing"}) or vector(0)', "watchdog"),
        unit="none",
        no_value=PROMETHEUS_DOWN,
    )
    words = d.ValueMap(
        options={
            "1": d.ValueMappingResult(text="fires, as it should", color=GOOD),
            "0": d.ValueMappingResult(text="silent", color=CRITICAL),
        }
    )
    return panel.decimals(0).mappings([words]).thresholds(thresholds(CRITICAL, (1, GOOD)))


def firing_alerts() -> Panel:
    # Their value is the time since when, in seconds since 1970.
    since = f"ALERTS{{{FIRING}}} * ignoring (alertstate) ALERTS_FOR_STATE * 1000"
    runbook = {
        "title": "Runbook",
        "url": f"{EXPORTER_URL}/runbooks/${{__value.raw}}",
        "targetBlank": True,
    }
    panel = listing(
        "Firing alerts",
        "Alerts that fire now, without the Watchdog, which always does. An alert's name leads to its runbook.",
        rows(f"max by (alertname, severity, benchmark_name, environment) ({since})"),
        no_value="No alert is firing",
        columns=["severity", "alertname", "benchmark_name", "environment", "Value"],
        sort="Since",
    )
    return (
        panel.override_by_name("Value", column("Since", unit="dateTimeAsIso", custom__width=165))
        .override_by_name(
            "severity",
            column(
                "Severity", mappings=[SEVERITIES], custom__cellOptions=COLORED, custom__width=85
            ),
        )
        .override_by_name("alertname", column("Alert", links=[runbook]))
        .override_by_name("benchmark_name", column("Benchmark"))
        .override_by_name("environment", column("Environment", custom__width=110))
    )


def history() -> Panel:
    def level(aggregate: str) -> str:
        critical, warning = (
            f'{aggregate} (ALERTS{{{FIRING}, severity="{severity}"}})'
            for severity in ("critical", "warning")
        )
        return f"{critical} * 2 or {warning}"

    return states(
        "Alerts over time",
        "The highest severity that fired, then each alert while it fired.",
        query(f"{level('max')} or vector(0)", "all alerts"),
        query(
            level("max by (alertname, benchmark_name, environment)"),
            "{{alertname}} {{benchmark_name}} {{environment}}",
            ref="B",
        ),
        no_value=PROMETHEUS_DOWN,
        words={2: ("critical", CRITICAL), 1: ("warning", WARNING), 0: ("quiet", GOOD)},
    )


def sent() -> Panel:
    # Not a rate, which would be a small fraction of something that happens a few times a day.
    expr = f"sum by (integration) (increase(alertmanager_notifications_total[$__rate_interval])) {USED}"
    panel = curves(
        "Notifications sent",
        "How many notifications Alertmanager sent between two points, by channel; one may tell of several alerts.",
        query(expr, "{{integration}}", step=SLOW_SCRAPE),
        unit="none",
        no_value="No notification yet",
    )
    return (
        panel.decimals(0)
        .min(0)
        .axis_soft_max(1)
        .fill_opacity(20)
        .line_interpolation(c.LineInterpolation.STEP_AFTER)
    )


def failed() -> Panel:
    gave_up = f"sum by (integration) (increase(alertmanager_notifications_failed_total[$__rate_interval])) {USED}"
    attempts = f"sum by (integration) (increase(alertmanager_notification_requests_failed_total[$__rate_interval])) {USED}"
    panel = curves(
        "Notifications that failed",
        "Attempts that failed between two points, by channel, and notifications that were given up. The alert NotificationsFailing tells "
        "of both.",
        query(gave_up, "{{integration}}, given up", step=SLOW_SCRAPE),
        query(attempts, "{{integration}}, attempts", ref="B", step=SLOW_SCRAPE),
        unit="none",
        no_value="No notification yet",
    )
    return (
        panel.decimals(0).min(0).axis_soft_max(1).line_interpolation(c.LineInterpolation.STEP_AFTER)
    )


def latency() -> Panel:
    def mean(window: str) -> str:
        sums, counts = (
            f"sum by (integration) (increase(alertmanager_notification_latency_seconds_{part}[{window}]))"
            for part in ("sum", "count")
        )
        return f"{sums} / ({counts} > 0)"

    panel = curves(
        "Notification latency",
        "How long Alertmanager took to hand a notification over, the mean of the hour before each point, by channel. What lies before it "
        "(scrape, rule, group_wait) is not in it.",
        query(mean("1h"), "{{integration}}", step=SLOW_SCRAPE),
        unit="s",
        no_value="No notification within an hour",
    )
    return panel.decimals(0).min(0)


def received() -> Panel:
    panel = listing(
        "Arrived at the exporter",
        "Alerts that came all the way through Alertmanager to the exporter's webhook, since the ledger began.",
        rows(
            "sum by (alertname, severity, status) (benchmark_exporter_notifications_received_total) > 0"
        ),
        no_value="No notification yet",
        columns=["alertname", "severity", "status", "Value"],
        sort="Count",
    )
    return (
        panel.override_by_name("alertname", column("Alert"))
        .override_by_name("severity", column("Severity", custom__width=85))
        .override_by_name("status", column("Status", custom__width=85))
        .override_by_name("Value", column("Count", decimals=0, custom__width=70))
    )


def firing_time() -> Panel:
    # Samples are as far apart as their rule's evaluations, so time is counted in points of a fixed distance.
    expr = f"topk(10, sum by (alertname) (count_over_time(ALERTS{{{FIRING}}}[24h:1m])) * 60)"
    panel = bars(
        "Time firing, last 24 hours",
        "How long each alert fired within the last 24 hours, to the minute, the ten longest; several at once add up.",
        now(expr, "{{alertname}}"),
        unit="s",
        no_value="Nothing fired",
    )
    return panel.decimals(0).min(0).thresholds(thresholds(NEUTRAL))


def in_alertmanager() -> Panel:
    panel = curves(
        "Alerts in Alertmanager",
        "Alerts that Alertmanager knows, by what it does with them. Suppressed are those that are silenced or inhibited.",
        query("sum by (state) (alertmanager_alerts)", "{{state}}", step=SLOW_SCRAPE),
        unit="none",
        no_value=ALERTMANAGER_DOWN,
    )
    return (
        panel.decimals(0).min(0).axis_soft_max(1).line_interpolation(c.LineInterpolation.STEP_AFTER)
    )
