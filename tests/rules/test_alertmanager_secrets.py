"""Replaced secrets of channels: the real Alertmanager sends with the new ones after a reload."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import requests

from tests.rules.alerts import CRITICAL, performance_alert
from tests.rules.delivery import Alertmanager, running_alertmanager
from tests.rules.endpoints import http_endpoint
from tests.rules.rendering import EMAIL, SECRETS

ARRIVED_SECONDS = 30.0
OTHER = performance_alert("CriticalPerformanceRegression", "critical", "parse")
NEW_KEY, NEW_PASSWORD = "the-key-that-replaces-it", "the-password-that-replaces-it"


def used(alertmanager: Alertmanager, summary: str) -> tuple[str, tuple[str, str] | None]:
    """The routing key and the login with which this alert was sent."""
    channels = alertmanager.channels
    _, event = channels.pagerduty.inbox.wait(
        lambda sent: summary in str(sent["payload"]), ARRIVED_SECONDS
    )
    _, mail = channels.email.inbox.wait(
        lambda sent: summary in sent.message.as_string(), ARRIVED_SECONDS
    )
    return event["routing_key"], mail.login


def test_a_replaced_secret_counts_after_a_reload(
    tmp_path: Path, programs: Mapping[str, Sequence[str]], free_port: Callable[[], int]
) -> None:
    secrets = tmp_path / "secrets"
    with (
        running_alertmanager(tmp_path, programs, free_port) as alertmanager,
        http_endpoint() as new_slack,
    ):
        old_slack = alertmanager.channels.slack
        alertmanager.post([CRITICAL])
        old_slack.inbox.wait(lambda _: True, ARRIVED_SECONDS)
        assert used(alertmanager, "compile") == (
            SECRETS["pagerduty_routing_key"],
            (EMAIL["SMTP_USERNAME"], SECRETS["smtp_password"]),
        )
        (secrets / "slack_webhook_url").write_text(f"{new_slack.url}/services/new\n")
        (secrets / "pagerduty_routing_key").write_text(f"{NEW_KEY}\n")
        (secrets / "smtp_password").write_text(NEW_PASSWORD)
        requests.post(f"{alertmanager.url}/-/reload", timeout=30).raise_for_status()
        received = len(old_slack.inbox.all())
        alertmanager.post([OTHER])
        new_slack.inbox.wait(lambda _: True, ARRIVED_SECONDS)
        assert used(alertmanager, "parse") == (NEW_KEY, (EMAIL["SMTP_USERNAME"], NEW_PASSWORD))
        assert len(old_slack.inbox.all()) == received
