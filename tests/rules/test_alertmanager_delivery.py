"""Which channels the real Alertmanager delivers to, when, and what it mutes.

It runs with the rendered configuration and its own intervals: once with channels that all work, and
twice with channels that fail, except for the exporter's webhook.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from benchmark_exporter.server import absence_report
from tests.rules.alerts import (
    BECOMES_CRITICAL,
    BESIDE_COMMON,
    COMMON,
    CRITICAL,
    FIRED,
    HAS_BECOME_CRITICAL,
    INHIBITED_BY_BOTH,
    INHIBITED_BY_CRITICAL,
    INHIBITED_BY_WARNING,
    NOT_INHIBITED,
    OF_COMMON,
    OF_ONE_COMMIT,
    OF_OTHER_SCOPES,
    SCOPE,
    WARNING,
    Alert,
    performance_alert,
)
from tests.rules.delivery import (
    CRITICAL_WAIT_SECONDS,
    DEADLINE_SECONDS,
    INTERVAL_SECONDS,
    SLACK_SECONDS,
    WAIT_SECONDS,
    Alertmanager,
    Sent,
    running_alertmanager,
    wait_until,
    webhook,
)
from tests.rules.endpoints import mail, slack

CHANNELS = ("slack", "pagerduty", "email")


@dataclass(frozen=True)
class Stage:
    """Alertmanagers to which alerts were sent together, so that their waits pass together.

    All channels of the healthy one work. For the failing one, Slack and email never respond and
    PagerDuty responds with errors. The channels of the refusing one accept nothing, as with a wrong
    secret. `began` is when alerts were sent to the last two, by the monotonic clock.
    """

    healthy: Sent
    failing: Alertmanager
    refusing: Alertmanager
    began: float


@pytest.fixture(scope="module")
def stage(
    healthy: Sent,
    tmp_path_factory: pytest.TempPathFactory,
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
) -> Iterator[Stage]:
    with (
        running_alertmanager(
            tmp_path_factory.mktemp("failing"),
            programs,
            free_port,
            slack="silence",
            pagerduty="error",
            email="silence",
        ) as failing,
        running_alertmanager(
            tmp_path_factory.mktemp("refusing"),
            programs,
            free_port,
            slack="refusal",
            pagerduty="refusal",
            email="refusal",
        ) as refusing,
    ):
        began = time.monotonic()
        failing.post([CRITICAL, WARNING])
        refusing.post([CRITICAL, WARNING])
        yield Stage(healthy, failing, refusing, began)


def test_a_critical_alert_reaches_the_exporter_within_seconds(
    stage: Stage, fired: Alertmanager
) -> None:
    arrived, message = fired.channels.exporter.inbox.wait(webhook("firing", CRITICAL), 0)
    assert (
        arrived - stage.healthy.began < CRITICAL_WAIT_SECONDS + SLACK_SECONDS
    )  # less than the 10 s that other alerts wait
    assert message["version"] == "4"
    assert message["groupLabels"] == {
        "alertname": "CriticalPerformanceRegression",
        "project": "router",
        "benchmark_name": "compile",
    }
    assert message["alerts"][0]["annotations"] == CRITICAL.annotations


def test_a_warning_that_became_critical_is_replaced_on_the_page_and_not_resolved_for_people(
    fired: Alertmanager,
) -> None:
    channels = fired.channels
    inbox = channels.exporter.inbox
    inbox.wait(webhook("firing", BECOMES_CRITICAL), CRITICAL_WAIT_SECONDS + SLACK_SECONDS)
    fired.post([HAS_BECOME_CRITICAL])
    fired.resolve([BECOMES_CRITICAL])
    _, message = inbox.wait(
        webhook("firing", HAS_BECOME_CRITICAL), INTERVAL_SECONDS + SLACK_SECONDS
    )
    assert webhook("resolved", BECOMES_CRITICAL)(message)
    title = f"[CRITICAL] {HAS_BECOME_CRITICAL.annotations['summary']}"
    _, sent = channels.slack.inbox.wait(slack(title), DEADLINE_SECONDS)
    _, received = channels.email.inbox.wait(mail(title), DEADLINE_SECONDS)
    bodies = [received.message.get_body((kind,)) for kind in ("plain", "html")]
    texts = [sent["attachments"][0]["text"], *(body.get_content() for body in bodies if body)]
    assert len(texts) == 3
    for text in texts:
        assert text.count(HAS_BECOME_CRITICAL.annotations["summary"]) == 1
        assert "firing" in text
        assert "resolved" not in text


def test_a_confirmed_regression_mutes_no_warning_of_another_scope(fired: Alertmanager) -> None:
    for alert in (*OF_ONE_COMMIT, *OF_OTHER_SCOPES):
        assert fired.inhibitors(alert) == []
        fired.channels.exporter.inbox.wait(webhook("firing", alert), DEADLINE_SECONDS)


def test_an_environment_shift_mutes_no_regression(fired: Alertmanager) -> None:
    # Which results moved with it is known to the rules, and to nobody else.
    fired.channels.slack.inbox.wait(slack("[WARNING] All moved"), WAIT_SECONDS + SLACK_SECONDS)
    assert fired.inhibitors(OF_ONE_COMMIT[0]) == []


def test_a_common_regression_is_one_message_and_mutes_those_of_its_commit_alone(
    fired: Alertmanager,
) -> None:
    title = f"[CRITICAL] {COMMON.annotations['summary']}"
    fired.channels.slack.inbox.wait(slack(title), DEADLINE_SECONDS)
    assert fired.inhibitors(OF_COMMON) == ["CommonRegression"]
    assert fired.inhibitors(BESIDE_COMMON) == []


def test_only_the_most_severe_alert_of_a_slow_benchmark_is_active(fired: Alertmanager) -> None:
    assert fired.inhibitors(CRITICAL) == []
    assert fired.inhibitors(WARNING) == []
    assert fired.inhibitors(INHIBITED_BY_CRITICAL) == ["CriticalPerformanceRegression"]
    assert fired.inhibitors(INHIBITED_BY_WARNING) == ["PerformanceBelowThreshold"]
    for alert in NOT_INHIBITED:
        assert fired.inhibitors(alert) == []
    # Alertmanager names one inhibitor, from whichever rule it checks first.
    assert fired.inhibitors(INHIBITED_BY_BOTH)


def test_a_failing_webhook_is_muted_while_the_exporter_is_down(fired: Alertmanager) -> None:
    down = Alert({"alertname": "BenchmarkExporterDown", "severity": "critical"}, {}, "")
    webhook_failing, slack_failing = (
        Alert(
            {"alertname": "NotificationsFailing", "severity": severity, "integration": name},
            {},
            "",
        )
        for name, severity in (("webhook", "warning"), ("slack", "critical"))
    )
    fired.post([down, webhook_failing, slack_failing])
    wait_until(
        lambda: fired.inhibitors(webhook_failing) == ["BenchmarkExporterDown"], DEADLINE_SECONDS
    )
    assert fired.inhibitors(slack_failing) == []
    # An alert without annotations appears by its name.
    fired.channels.slack.inbox.wait(slack("[CRITICAL] BenchmarkExporterDown"), DEADLINE_SECONDS)


def test_a_prometheus_that_only_misses_the_exporter_is_not_reported_as_down(
    fired: Alertmanager,
) -> None:
    down = Alert({"alertname": "BenchmarkExporterDown", "severity": "critical"}, {}, "")
    missed = Alert(absence_report.LABELS, {}, "")
    fired.post([down, missed])
    wait_until(lambda: fired.inhibitors(missed) == ["BenchmarkExporterDown"], DEADLINE_SECONDS)


def test_waiting_files_are_muted_while_ingest_fails(fired: Alertmanager) -> None:
    failing = Alert({"alertname": "IngestFailing", "severity": "critical", "instance": "a"}, {}, "")
    lagging, other = (
        Alert({"alertname": "IngestLagging", "severity": "warning", "instance": name}, {}, "")
        for name in ("a", "b")
    )
    fired.post([failing, lagging, other])
    wait_until(lambda: fired.inhibitors(lagging) == ["IngestFailing"], DEADLINE_SECONDS)
    assert fired.inhibitors(other) == []
    fired.channels.slack.inbox.wait(slack("[CRITICAL] IngestFailing"), DEADLINE_SECONDS)


def test_a_drift_is_muted_while_a_regression_of_the_same_result_is_reported(
    fired: Alertmanager,
) -> None:
    regression = performance_alert("PerformanceRegression", "warning", "drifts")
    muted = performance_alert("BenchmarkDrifting", "warning", "drifts")
    # Of one branch: they are one message.
    others = [
        performance_alert("BenchmarkDrifting", "warning", name, SCOPE | {"branch": "release/1"})
        for name in ("drifts", "drifts too")
    ]
    fired.post([regression, muted, *others])
    wait_until(lambda: fired.inhibitors(muted) == ["PerformanceRegression"], DEADLINE_SECONDS)
    inbox = fired.channels.exporter.inbox
    _, message = inbox.wait(webhook("firing", others[0]), WAIT_SECONDS + SLACK_SECONDS)
    assert webhook("firing", others[1])(message)
    assert fired.inhibitors(others[0]) == []


def test_failing_channels_do_not_delay_the_exporter(stage: Stage) -> None:
    channels = stage.failing.channels
    for alert, wait_seconds in ((CRITICAL, CRITICAL_WAIT_SECONDS), (WARNING, WAIT_SECONDS)):
        arrived, _ = channels.exporter.inbox.wait(
            webhook("firing", alert), WAIT_SECONDS + SLACK_SECONDS
        )
        assert arrived - stage.began < wait_seconds + SLACK_SECONDS
    # The other channels were tried, and PagerDuty's error led to a retry.
    channels.slack.inbox.wait(lambda _: True, DEADLINE_SECONDS)
    channels.email.connections.wait(lambda _: True, DEADLINE_SECONDS)
    assert len(channels.pagerduty.inbox.all()) > 1
    stage.failing.resolve([CRITICAL])
    channels.exporter.inbox.wait(webhook("resolved", CRITICAL), INTERVAL_SECONDS + SLACK_SECONDS)


def test_a_channel_that_refuses_is_counted_and_delays_nothing(stage: Stage) -> None:
    channels = stage.refusing.channels
    for alert, wait_seconds in ((CRITICAL, CRITICAL_WAIT_SECONDS), (WARNING, WAIT_SECONDS)):
        arrived, _ = channels.exporter.inbox.wait(
            webhook("firing", alert), WAIT_SECONDS + SLACK_SECONDS
        )
        assert arrived - stage.began < wait_seconds + SLACK_SECONDS
    # The metrics that NotificationsFailing watches.
    for integration in CHANNELS:
        wait_until(
            partial(stage.refusing.has_failed, integration), 2 * INTERVAL_SECONDS + SLACK_SECONDS
        )
    assert not stage.refusing.has_failed("webhook")
    healthy = stage.healthy.alertmanager
    assert not [name for name in (*CHANNELS, "webhook") if healthy.has_failed(name)]


def test_a_channel_that_hangs_or_breaks_is_counted(stage: Stage) -> None:
    # A mail server that hangs is not counted: Alertmanager (0.25 to 0.33) waits for it as long as
    # the connection lasts.
    for integration in ("slack", "pagerduty"):
        wait_until(
            partial(stage.failing.has_failed, integration), 3 * INTERVAL_SECONDS + SLACK_SECONDS
        )
    assert not stage.failing.has_failed("webhook")


def test_an_inhibited_alert_is_sent_only_once_the_more_severe_alert_ended(
    resolved: tuple[Alertmanager, float],
) -> None:
    alertmanager, ended = resolved
    inbox = alertmanager.channels.exporter.inbox
    sent, _ = inbox.wait(webhook("firing", INHIBITED_BY_CRITICAL), INTERVAL_SECONDS + SLACK_SECONDS)
    assert sent > ended
    # Inhibited by the alert that was just sent.
    assert alertmanager.inhibitors(INHIBITED_BY_BOTH) == ["PerformanceBelowThreshold"]
    assert not [message for message in inbox.all() if webhook("firing", INHIBITED_BY_BOTH)(message)]


def test_each_channel_gets_its_severities_only(resolved: tuple[Alertmanager, float]) -> None:
    channels = resolved[0].channels
    critical = {
        alert.labels["alertname"] for alert in FIRED if alert.labels["severity"] == "critical"
    }
    critical |= {"BenchmarkExporterDown", "IngestFailing", "NotificationsFailing"}
    assert {message["payload"]["class"] for message in channels.pagerduty.inbox.all()} == critical
    titles = [message["attachments"][0]["title"] for message in channels.slack.inbox.all()]
    subjects = [received.message["Subject"] for received in channels.email.inbox.all()]
    assert titles
    assert subjects
    assert not [text for text in [*titles, *subjects] if "Alerts are delivered" in text]
