"""A channel that stops accepting messages, with the real Alertmanager and Prometheus."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.rules.alerts import CRITICAL
from tests.rules.delivery import Alertmanager, running_alertmanager
from tests.rules.endpoints import mail, pagerduty
from tests.rules.prometheus_server import Server, prometheus, wait_until

# Alertmanager is scraped every 15 s, the rule is evaluated every 5 s, and a critical alert waits
# for 1 s. The rest is what a busy machine may add.
FOUND_SECONDS = 15 + 5 + 1 + 15
TEXT = "Alertmanager cannot deliver notifications through slack"


def counts_failures(server: Server) -> bool:
    return server.value('sum(alertmanager_notifications_failed_total{integration="slack"})') == 0


def is_refused(alertmanager: Alertmanager) -> bool:
    return alertmanager.has_failed("slack")


def test_a_slack_that_refuses_is_reported_as_critical_through_every_other_channel(
    tmp_path: Path, programs: Mapping[str, Sequence[str]], free_port: Callable[[], int]
) -> None:
    with (
        running_alertmanager(tmp_path, programs, free_port, slack="refusal") as alertmanager,
        prometheus(
            programs["prometheus"],
            tmp_path / "prometheus-server",
            free_port(),
            alertmanager=alertmanager.url.removeprefix("http://"),
        ) as server,
    ):
        wait_until(lambda: counts_failures(server), "a scrape before the first failure")
        alertmanager.post([CRITICAL])
        wait_until(lambda: is_refused(alertmanager), "Slack has refused the message")
        channels = alertmanager.channels
        _, page = channels.pagerduty.inbox.wait(pagerduty("trigger", TEXT), FOUND_SECONDS)
        assert page["payload"]["summary"] == f"[CRITICAL] {TEXT}"
        channels.email.inbox.wait(mail(f"[CRITICAL] {TEXT}"), FOUND_SECONDS)
        _, sent = channels.exporter.inbox.wait(
            lambda message: message["groupLabels"]["alertname"] == "NotificationsFailing",
            FOUND_SECONDS,
        )
        [alert] = sent["alerts"]
        assert (alert["labels"]["severity"], alert["labels"]["integration"]) == (
            "critical",
            "slack",
        )
