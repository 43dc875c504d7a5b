"""The panels of the Alerts dashboard on notifications: what Alertmanager sent, and how fast."""

from grafana_foundation_sdk.models import common as c

from grafana.cells import figure
from grafana.no_data import NO_SAMPLE_OF_ALERTMANAGER
from grafana.panels import SLOW_SCRAPE, Panel, bars, curves, now, query
from grafana.selectors import FIRING, newest
from grafana.style import NEUTRAL, symmetric_log, thresholds
from grafana.tables import listing, rows

# Alertmanager has counters for every integration it knows; only those in use are shown.
USED = f"and on (integration) {newest('alertmanager_notifications_total')} > 0"

# What the window of `increase` is.
WITHIN = "within two minutes of each point, or between two points where these are further apart"


def sent() -> Panel:
    # Not a rate: for something that happens a few times a day it would be a tiny fraction.
    expr = (
        "round(sum by (integration) "
        f"(increase(alertmanager_notifications_total[$__rate_interval]))) {USED}"
    )
    panel = curves(
        "Notifications sent",
        f"Notifications that Alertmanager sent {WITHIN}, by channel; one notification may cover "
        "several alerts.",
        query(expr, "{{integration}}", step=SLOW_SCRAPE),
        unit="none",
        no_value="No notification",
    )
    return (
        panel.min(0)
        .axis_soft_max(1)
        .fill_opacity(20)
        .line_interpolation(c.LineInterpolation.STEP_AFTER)
    )


def failed() -> Panel:
    gave_up = (
        "round(sum by (integration) "
        f"(increase(alertmanager_notifications_failed_total[$__rate_interval]))) {USED}"
    )
    attempts = (
        "round(sum by (integration) "
        f"(increase(alertmanager_notification_requests_failed_total[$__rate_interval]))) {USED}"
    )
    panel = curves(
        "Failed notifications",
        f"Failed attempts {WITHIN}, and notifications given up, by channel. The alert "
        "NotificationsFailing covers both.",
        query(gave_up, "{{integration}}, given up", step=SLOW_SCRAPE),
        query(attempts, "{{integration}}, attempts", ref="B", step=SLOW_SCRAPE),
        unit="none",
        no_value="No notification",
    )
    return panel.min(0).axis_soft_max(1).line_interpolation(c.LineInterpolation.STEP_AFTER)


def latency() -> Panel:
    def mean() -> str:
        sums, counts = (
            "sum by (integration) "
            f"(increase(alertmanager_notification_latency_seconds_{part}[$__rate_interval]))"
            for part in ("sum", "count")
        )
        return f"{sums} / ({counts} > 0)"

    panel = curves(
        "Notification latency",
        "How long Alertmanager took to deliver a notification, as the mean of an hour, or between "
        "two points where these are further apart, by channel. Time spent earlier (scrape, rule, "
        "group_wait) is not included. Logarithmic above 0.1 s.",
        query(mean(), "{{integration}}", step="15m"),
        unit="s",
        no_value="No notification within an hour",
    )
    return panel.min(0).scale_distribution(symmetric_log(0.1))


def received() -> Panel:
    panel = listing(
        "Arrived at the exporter",
        "Alerts that arrived at the exporter's webhook through Alertmanager since the ledger "
        "was created.",
        rows(
            "sum by (alertname, severity, status) "
            "(benchmark_exporter_notifications_received_total) > 0"
        ),
        no_value="No notification",
        columns=["alertname", "severity", "status", "Value"],
        sort="Count",
    )
    return panel.override_by_name("Value", figure("Count", decimals=0))


def firing_time() -> Panel:
    # The distance of samples depends on the rule's interval, so time is counted at fixed steps.
    expr = f"topk(10, sum by (alertname) (count_over_time(ALERTS{{{FIRING}}}[24h:1m])) * 60)"
    panel = bars(
        "Time firing, last 24 hours",
        "How long each alert was firing in the last 24 hours, to the minute, the ten longest; "
        "simultaneous alerts add up.",
        now(expr, "{{alertname}}"),
        unit="dtdurations",
        no_value="No alert in 24 hours",
    )
    return panel.decimals(1).min(0).thresholds(thresholds(NEUTRAL))


def in_alertmanager() -> Panel:
    panel = curves(
        "Alerts in Alertmanager",
        "Alerts that Alertmanager holds, by state. Suppressed alerts are silenced or inhibited.",
        query(f"sum by (state) ({newest('alertmanager_alerts')})", "{{state}}", step=SLOW_SCRAPE),
        unit="none",
        no_value=NO_SAMPLE_OF_ALERTMANAGER,
    )
    return panel.min(0).axis_soft_max(1).line_interpolation(c.LineInterpolation.STEP_AFTER)
