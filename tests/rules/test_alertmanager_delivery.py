"""What arrives at each channel, by the real Alertmanager with the rendered configuration and its own intervals.

Two of them run beside each other: one whose channels all work, and one where all but the exporter's webhook fail.
"""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.rules.endpoints import Answer, HttpEndpoint, Mail, MailServer, http_endpoint, mail_server
from tests.rules.rendering import EMAIL, SECRETS, render

EXTERNAL_URL = "http://alertmanager.example.org:9093"
# Of the configuration: group_wait of critical alerts and of others, group_interval; and what a busy machine may add.
CRITICAL_WAIT_SECONDS, WAIT_SECONDS, INTERVAL_SECONDS, SLACK_SECONDS = 1, 10, 10, 5


@dataclass(frozen=True)
class Alert:
    """An alert as Prometheus sends it."""

    labels: dict[str, str]
    annotations: dict[str, str]
    generator_url: str


def performance_alert(name: str, severity: str, benchmark: str) -> Alert:
    return Alert(
        {"alertname": name, "severity": severity, "benchmark_name": benchmark, "team": "performance-engineering"},
        {
            "summary": f"{name} of {benchmark}, 8.20 < 10 & falling",
            # With a colon it is a YAML mapping, which is what PagerDuty's details must not become.
            "description": "p50 speedup 8.20 (threshold: 10)",
            "runbook_url": f"http://localhost:8000/runbooks/{name}",
        },
        f"http://localhost:9090/graph?g0.expr={name}&g0.tab=1",
    )


CRITICAL = performance_alert("CriticalPerformanceRegression", "critical", "compile")
WARNING = performance_alert("PerformanceBelowThreshold", "warning", "expand")
INHIBITED_BY_CRITICAL = performance_alert("PerformanceBelowThreshold", "warning", "compile")
INHIBITED_BY_BOTH = performance_alert("PerformanceGateFailed", "warning", "compile")
INHIBITED_BY_WARNING = performance_alert("PerformanceGateFailed", "warning", "expand")
WATCHDOG = Alert({"alertname": "Watchdog", "severity": "none", "team": "devops"}, {"summary": "Alerts are delivered"}, "")
# Two in one group: neither has a benchmark.
REJECTED_EMPTY, REJECTED_HUGE = (
    Alert(
        {"alertname": "ResultFileRejected", "severity": "warning", "reason": reason, "team": "performance-engineering"},
        {"summary": f"1 file rejected ({reason})", "description": f"Reason {reason}.", "runbook_url": "http://localhost:8000/runbooks/R"},
        "",
    )
    for reason in ("empty", "huge")
)
FIRED = [CRITICAL, WARNING, INHIBITED_BY_CRITICAL, INHIBITED_BY_BOTH, INHIBITED_BY_WARNING, WATCHDOG, REJECTED_EMPTY, REJECTED_HUGE]


@dataclass(frozen=True)
class Channels:
    """Where one Alertmanager delivers to."""

    exporter: HttpEndpoint
    slack: HttpEndpoint
    pagerduty: HttpEndpoint
    email: MailServer


@dataclass(frozen=True)
class Alertmanager:
    """A running one, and its channels."""

    url: str
    channels: Channels

    def post(self, alerts: Sequence[Alert], **times: str) -> None:
        """Sends alerts as Prometheus does."""
        body = [
            {"labels": alert.labels, "annotations": alert.annotations, "generatorURL": alert.generator_url, **times} for alert in alerts
        ]
        requests.post(f"{self.url}/api/v2/alerts", json=body, timeout=5).raise_for_status()

    def resolve(self, alerts: Sequence[Alert]) -> None:
        self.post(alerts, endsAt=datetime.now(UTC).isoformat())

    def inhibitors(self, alert: Alert) -> list[str]:
        """The alertnames of what inhibits the alert."""
        found = requests.get(f"{self.url}/api/v2/alerts", timeout=5).json()
        names = {other["fingerprint"]: other["labels"]["alertname"] for other in found}
        [inhibited_by] = [other["status"]["inhibitedBy"] for other in found if other["labels"] == alert.labels]
        return sorted(names[fingerprint] for fingerprint in inhibited_by)


@contextmanager
def running_alertmanager(
    folder: Path, programs: Mapping[str, Sequence[str]], free_port: Callable[[], int], answer: Answer, pagerduty_answer: Answer
) -> Iterator[Alertmanager]:
    with ExitStack() as stack:
        channels = Channels(
            exporter=stack.enter_context(http_endpoint()),
            slack=stack.enter_context(http_endpoint(answer)),
            pagerduty=stack.enter_context(http_endpoint(pagerduty_answer)),
            email=stack.enter_context(mail_server(answer)),
        )
        rendering = render(
            folder,
            secrets={
                "slack_webhook_url": f"{channels.slack.url}/services/made-up\n",
                "pagerduty_routing_key": f"{SECRETS['pagerduty_routing_key']}\n",
                "smtp_password": SECRETS["smtp_password"],
            },
            settings={**EMAIL, "SMTP_SMARTHOST": channels.email.address, "SMTP_REQUIRE_TLS": "false"},
            exporter_url=channels.exporter.url,
        )
        assert rendering.process.returncode == 0, rendering.process.stderr
        config = yaml.safe_load(rendering.output.read_text(encoding="utf-8"))
        rendering.output.write_text(yaml.safe_dump({"global": {"pagerduty_url": f"{channels.pagerduty.url}/v2/enqueue"}, **config}))
        url, log = f"http://127.0.0.1:{free_port()}", folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    *programs["alertmanager"],
                    f"--config.file={rendering.output}",
                    f"--storage.path={folder / 'data'}",
                    f"--web.listen-address={url.removeprefix('http://')}",
                    f"--web.external-url={EXTERNAL_URL}",
                    "--cluster.listen-address=",
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(lambda: is_ready(url, process, log), 10)
            yield Alertmanager(url, channels)
        finally:
            process.terminate()
            process.wait(10)


def is_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, f"Alertmanager ended: {log.read_text(encoding='utf-8')}"
    try:
        return requests.get(f"{url}/-/ready", timeout=1).ok
    except requests.ConnectionError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.05)


@dataclass(frozen=True)
class Stage:
    """Two Alertmanagers to which alerts were sent at the same time (monotonic clock), so that their waits pass together.

    All channels of the healthy one work. Of the failing one, Slack and Email never answer and PagerDuty answers with errors.
    """

    healthy: Alertmanager
    failing: Alertmanager
    began: float


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, programs: Mapping[str, Sequence[str]], free_port: Callable[[], int]) -> Iterator[Stage]:
    with (
        running_alertmanager(tmp_path_factory.mktemp("healthy"), programs, free_port, "ok", "ok") as healthy,
        running_alertmanager(tmp_path_factory.mktemp("failing"), programs, free_port, "silence", "error") as failing,
    ):
        began = time.monotonic()
        failing.post([CRITICAL, WARNING])
        healthy.post(FIRED)
        yield Stage(healthy, failing, began)


@pytest.fixture(scope="module")
def fired(stage: Stage) -> Alertmanager:
    """The healthy one once its first alerts are at the exporter."""
    for alert in (CRITICAL, WARNING, WATCHDOG, REJECTED_EMPTY):
        stage.healthy.channels.exporter.inbox.wait(webhook("firing", alert), WAIT_SECONDS + SLACK_SECONDS)
    return stage.healthy


@pytest.fixture(scope="module")
def resolved(fired: Alertmanager) -> tuple[Alertmanager, float]:
    """The healthy one once what fired first has been resolved, and when that was posted. What was inhibited still fires."""
    at = time.monotonic()
    fired.resolve([CRITICAL, WARNING])
    for alert in (CRITICAL, WARNING):
        fired.channels.exporter.inbox.wait(webhook("resolved", alert), INTERVAL_SECONDS + SLACK_SECONDS)
    return fired, at


def webhook(status: str, alert: Alert) -> Callable[[Mapping[str, Any]], bool]:
    return lambda message: any(sent["status"] == status and sent["labels"] == alert.labels for sent in message["alerts"])


def slack(title: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda message: bool(message["attachments"][0]["title"] == title)


def pagerduty(action: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda message: bool(message["event_action"] == action)


def mail(subject: str) -> Callable[[Mail], bool]:
    return lambda mail: mail.message["Subject"] == subject


def test_a_critical_alert_reaches_the_exporter_within_seconds(stage: Stage, fired: Alertmanager) -> None:
    arrived, message = fired.channels.exporter.inbox.wait(webhook("firing", CRITICAL), 0)
    assert arrived - stage.began < CRITICAL_WAIT_SECONDS + SLACK_SECONDS  # under the 10 s that all others wait
    assert message["version"] == "4"
    assert message["groupLabels"] == {"alertname": "CriticalPerformanceRegression", "benchmark_name": "compile"}
    assert message["alerts"][0]["annotations"] == CRITICAL.annotations


def test_a_critical_alert_at_slack(fired: Alertmanager) -> None:
    title = "[FIRING] CriticalPerformanceRegression of compile, 8.20 &lt; 10 &amp; falling"
    _, message = fired.channels.slack.inbox.wait(slack(title), SLACK_SECONDS)
    [attachment] = message["attachments"]
    assert attachment["text"] == (
        "p50 speedup 8.20 (threshold: 10)\n"
        "<http://localhost:8000/runbooks/CriticalPerformanceRegression|Runbook>\n"
        "<http://localhost:9090/graph?g0.expr=CriticalPerformanceRegression&amp;g0.tab=1|Query>"
    )
    assert attachment["fallback"] == title
    assert attachment["color"] == "danger"
    assert attachment["title_link"].startswith(EXTERNAL_URL)


def test_several_alerts_of_one_group_at_slack(fired: Alertmanager) -> None:
    title = "[FIRING] 1 file rejected (empty); 1 file rejected (huge)"
    _, message = fired.channels.slack.inbox.wait(slack(title), SLACK_SECONDS)
    assert message["attachments"][0]["color"] == "warning"
    assert message["attachments"][0]["text"] == (
        "*firing* 1 file rejected (empty)\nReason empty.\n<http://localhost:8000/runbooks/R|Runbook>\n\n"
        "*firing* 1 file rejected (huge)\nReason huge.\n<http://localhost:8000/runbooks/R|Runbook>"
    )


def test_a_critical_alert_at_pagerduty(fired: Alertmanager) -> None:
    _, message = fired.channels.pagerduty.inbox.wait(pagerduty("trigger"), SLACK_SECONDS)
    payload = message["payload"]
    assert message["routing_key"] == SECRETS["pagerduty_routing_key"]
    assert message["links"] == [{"href": "http://localhost:8000/runbooks/CriticalPerformanceRegression", "text": "Runbook"}]
    assert payload["summary"] == "[FIRING] CriticalPerformanceRegression of compile, 8.20 < 10 & falling"
    assert payload["severity"] == "critical"
    assert (payload["class"], payload["component"]) == ("CriticalPerformanceRegression", "compile")
    assert payload["group"] == "performance-engineering"
    assert payload["custom_details"]["firing"] == (
        "*firing* CriticalPerformanceRegression of compile, 8.20 < 10 & falling\n"
        "p50 speedup 8.20 (threshold: 10)\n"
        "Runbook http://localhost:8000/runbooks/CriticalPerformanceRegression\n"
        "Query http://localhost:9090/graph?g0.expr=CriticalPerformanceRegression&g0.tab=1"
    )


def test_a_critical_alert_by_email(fired: Alertmanager) -> None:
    subject = "[FIRING] CriticalPerformanceRegression of compile, 8.20 < 10 & falling"
    _, received = fired.channels.email.inbox.wait(mail(subject), SLACK_SECONDS)
    assert received.login == (EMAIL["SMTP_USERNAME"], SECRETS["smtp_password"])
    assert (received.sender, received.recipients) == (EMAIL["SMTP_FROM"], [EMAIL["ALERT_EMAIL_TO"]])
    plain, html = received.message.get_body(("plain",)), received.message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().splitlines() == [
        "*firing* CriticalPerformanceRegression of compile, 8.20 < 10 & falling",
        "p50 speedup 8.20 (threshold: 10)",
        "Runbook http://localhost:8000/runbooks/CriticalPerformanceRegression",
        "Query http://localhost:9090/graph?g0.expr=CriticalPerformanceRegression&g0.tab=1",
    ]
    assert "p50 speedup 8.20 (threshold: 10)" in html.get_content()


def test_a_warning_reaches_slack_and_email(fired: Alertmanager) -> None:
    fired.channels.slack.inbox.wait(slack("[FIRING] PerformanceBelowThreshold of expand, 8.20 &lt; 10 &amp; falling"), SLACK_SECONDS)
    fired.channels.email.inbox.wait(mail("[FIRING] PerformanceBelowThreshold of expand, 8.20 < 10 & falling"), SLACK_SECONDS)


def test_of_a_slow_benchmark_only_the_gravest_alert_is_active(fired: Alertmanager) -> None:
    assert fired.inhibitors(CRITICAL) == []
    assert fired.inhibitors(WARNING) == []
    assert fired.inhibitors(INHIBITED_BY_CRITICAL) == ["CriticalPerformanceRegression"]
    assert fired.inhibitors(INHIBITED_BY_WARNING) == ["PerformanceBelowThreshold"]
    # Alertmanager names one inhibitor, whichever rule it looks at first.
    assert fired.inhibitors(INHIBITED_BY_BOTH)


def test_a_failing_webhook_is_no_news_while_the_exporter_is_down(fired: Alertmanager) -> None:
    down = Alert({"alertname": "BenchmarkExporterDown", "severity": "critical"}, {}, "")
    webhook_failing, slack_failing = (
        Alert({"alertname": "NotificationsFailing", "severity": "warning", "integration": name}, {}, "") for name in ("webhook", "slack")
    )
    fired.post([down, webhook_failing, slack_failing])
    wait_until(lambda: fired.inhibitors(webhook_failing) == ["BenchmarkExporterDown"], SLACK_SECONDS)
    assert fired.inhibitors(slack_failing) == []


def test_failing_channels_do_not_hold_up_the_exporter(stage: Stage) -> None:
    channels = stage.failing.channels
    for alert, wait_seconds in ((CRITICAL, CRITICAL_WAIT_SECONDS), (WARNING, WAIT_SECONDS)):
        arrived, _ = channels.exporter.inbox.wait(webhook("firing", alert), WAIT_SECONDS + SLACK_SECONDS)
        assert arrived - stage.began < wait_seconds + SLACK_SECONDS
    # The others were tried, and PagerDuty's error was answered with another attempt.
    channels.slack.inbox.wait(lambda _: True, SLACK_SECONDS)
    channels.email.connections.wait(lambda _: True, SLACK_SECONDS)
    assert len(channels.pagerduty.inbox.all()) > 1
    stage.failing.resolve([CRITICAL])
    channels.exporter.inbox.wait(webhook("resolved", CRITICAL), INTERVAL_SECONDS + SLACK_SECONDS)


def test_the_end_of_an_alert_reaches_every_channel(resolved: tuple[Alertmanager, float]) -> None:
    channels = resolved[0].channels
    title = "[RESOLVED] CriticalPerformanceRegression of compile, 8.20 &lt; 10 &amp; falling"
    _, message = channels.slack.inbox.wait(slack(title), SLACK_SECONDS)
    assert message["attachments"][0]["color"] == "good"
    _, trigger = channels.pagerduty.inbox.wait(pagerduty("trigger"), 0)
    _, resolve = channels.pagerduty.inbox.wait(pagerduty("resolve"), SLACK_SECONDS)
    assert resolve["dedup_key"] == trigger["dedup_key"]
    assert resolve["payload"]["custom_details"]["resolved"].startswith("*resolved* CriticalPerformanceRegression of compile")
    channels.email.inbox.wait(mail("[RESOLVED] CriticalPerformanceRegression of compile, 8.20 < 10 & falling"), SLACK_SECONDS)


def test_what_was_inhibited_is_sent_only_once_the_graver_alert_ended(resolved: tuple[Alertmanager, float]) -> None:
    alertmanager, ended = resolved
    inbox = alertmanager.channels.exporter.inbox
    sent, _ = inbox.wait(webhook("firing", INHIBITED_BY_CRITICAL), INTERVAL_SECONDS + SLACK_SECONDS)
    assert sent > ended
    # By what was just sent.
    assert alertmanager.inhibitors(INHIBITED_BY_BOTH) == ["PerformanceBelowThreshold"]
    assert not [message for message in inbox.all() if webhook("firing", INHIBITED_BY_BOTH)(message)]


def test_each_channel_gets_its_severities_only(resolved: tuple[Alertmanager, float]) -> None:
    channels = resolved[0].channels
    assert {message["payload"]["class"] for message in channels.pagerduty.inbox.all()} <= {
        "CriticalPerformanceRegression",
        "BenchmarkExporterDown",
    }
    titles = [message["attachments"][0]["title"] for message in channels.slack.inbox.all()]
    subjects = [received.message["Subject"] for received in channels.email.inbox.all()]
    assert titles
    assert subjects
    assert not [text for text in [*titles, *subjects] if "Alerts are delivered" in text]
