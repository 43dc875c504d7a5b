"""What arrives at each channel, by the real Alertmanager with the rendered configuration and its own intervals.

Three of them run beside each other: one whose channels all work, and two where all but the exporter's webhook fail.
"""

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import MIMEPart
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from tests.rules.endpoints import (
    Answer,
    HttpEndpoint,
    MailServer,
    http_endpoint,
    mail,
    mail_server,
    pagerduty,
    slack,
)
from tests.rules.rendering import EMAIL, SECRETS, render

EXTERNAL_URL = "http://alertmanager.example.org:9093"
SILENCE = f"{EXTERNAL_URL}/#/silences/new?filter="
SILENCE_CRITICAL = f"{SILENCE}%7Balertname%3D%22CriticalPerformanceRegression%22%2Cbenchmark_name%3D%22compile%22%7D"
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
        {
            "alertname": name,
            "severity": severity,
            "benchmark_name": benchmark,
            "team": "performance-engineering",
        },
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
WATCHDOG = Alert(
    {"alertname": "Watchdog", "severity": "none", "team": "devops"},
    {"summary": "Alerts are delivered"},
    "",
)
# Two in one group: neither has a benchmark.
REJECTED_EMPTY, REJECTED_HUGE = (
    Alert(
        {
            "alertname": "ResultFileRejected",
            "severity": "warning",
            "reason": reason,
            "team": "performance-engineering",
        },
        {
            "summary": f"1 file rejected ({reason})",
            "description": f"Reason {reason}.",
            "runbook_url": "http://localhost:8000/runbooks/R",
        },
        "",
    )
    for reason in ("empty", "huge")
)


def regression(
    severity: str, benchmark: str, *, commit: str, project: str = "router", environment: str = "ci"
) -> Alert:
    """A PerformanceRegression as its rule makes it; commit is the last good one."""
    return Alert(
        {
            "alertname": "PerformanceRegression",
            "severity": severity,
            "team": "performance-engineering",
            "job": "benchmark-exporter",
            "instance": "benchmark-exporter",
            "project": project,
            "environment": environment,
            "benchmark_name": benchmark,
            "last_good_commit": commit,
        },
        {
            "summary": f"{benchmark} became 30% worse in {environment}, 12ms → 15.6ms",
            "description": f"Up to 6.1% could be chance. The last good run was of commit {commit}.",
            "dashboard_url": f"http://localhost:3000/d/overview?var-environment={environment}&var-benchmark={benchmark}",
            "runbook_url": "http://localhost:8000/runbooks/PerformanceRegression",
        },
        "",
    )


# One commit made two benchmarks worse, in one environment each, and another commit a third.
OF_ONE_COMMIT = [
    regression("critical", "compile", commit="aaa"),
    regression("warning", "expand", commit="aaa", environment="local"),
]
OF_ANOTHER = regression("warning", "parse", commit="bbb")
MUTED_BY_ITS_CRITICAL = regression("warning", "compile", commit="aaa")
SHIFT = Alert(
    {
        "alertname": "EnvironmentShift",
        "severity": "warning",
        "project": "shifted",
        "environment": "ci",
    },
    {"summary": "All moved"},
    "",
)
SHIFTED = regression("critical", "compile", commit="aaa", project="shifted")
NOT_SHIFTED = regression(
    "critical", "compile", commit="aaa", project="shifted", environment="local"
)
# More than a message holds, all of one commit.
MANY = [
    regression("critical", f"many/{number:02}", commit="ccc", project="many")
    for number in range(12)
]
# What YAML, JSON, mail headers and Slack's markup might stumble over.
HOSTILE = Alert(
    {
        "alertname": "Hostile",
        "severity": "critical",
        "benchmark_name": 'say "x": [1,\n\\2] & <b>日本語',
    },
    {
        "summary": 'key: "value", it\'s {{ braces }} 性能が低下しました',
        "description": "first line: 'quoted'\n- second \"line\"\n  third: \\n, 50 % slower → 遅い 🐢",
        "runbook_url": "http://localhost:8000/runbooks/Hostile",
    },
    "",
)
LONG = Alert(
    {"alertname": "Long", "severity": "critical", "benchmark_name": "long"},
    {"summary": "長" * 3000, "description": "d" * 90000},
    "",
)
FIRED = [
    *(
        CRITICAL,
        WARNING,
        INHIBITED_BY_CRITICAL,
        INHIBITED_BY_BOTH,
        INHIBITED_BY_WARNING,
        WATCHDOG,
        REJECTED_EMPTY,
        REJECTED_HUGE,
    ),
    *(
        *OF_ONE_COMMIT,
        OF_ANOTHER,
        MUTED_BY_ITS_CRITICAL,
        SHIFT,
        SHIFTED,
        NOT_SHIFTED,
        *MANY,
        HOSTILE,
        LONG,
    ),
]


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
            {
                "labels": alert.labels,
                "annotations": alert.annotations,
                "generatorURL": alert.generator_url,
                **times,
            }
            for alert in alerts
        ]
        requests.post(f"{self.url}/api/v2/alerts", json=body, timeout=5).raise_for_status()

    def resolve(self, alerts: Sequence[Alert]) -> None:
        self.post(alerts, endsAt=datetime.now(UTC).isoformat())

    def inhibitors(self, alert: Alert) -> list[str]:
        """The alertnames of what inhibits the alert."""
        found = requests.get(f"{self.url}/api/v2/alerts", timeout=5).json()
        names = {other["fingerprint"]: other["labels"]["alertname"] for other in found}
        [inhibited_by] = [
            other["status"]["inhibitedBy"] for other in found if other["labels"] == alert.labels
        ]
        return sorted(names[fingerprint] for fingerprint in inhibited_by)

    def failed(self, integration: str) -> float:
        """How many notifications it has given up, whatever the reason, by its own count."""
        lines = requests.get(f"{self.url}/metrics", timeout=5).text.splitlines()
        start = f'alertmanager_notifications_failed_total{{integration="{integration}"'
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(start))


@contextmanager
def running_alertmanager(
    folder: Path,
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
    answer: Answer = "ok",
    pagerduty_answer: Answer = "ok",
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
            settings={
                **EMAIL,
                "PAGERDUTY_URL": f"{channels.pagerduty.url}/v2/enqueue",
                "SMTP_SMARTHOST": channels.email.address,
                "SMTP_REQUIRE_TLS": "false",
            },
            exporter_url=channels.exporter.url,
        )
        assert rendering.process.returncode == 0, rendering.process.stderr
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
    """Alertmanagers to which alerts were sent at the same time (monotonic clock), so that their waits pass together.

    All channels of the healthy one work. Of the failing one, Slack and Email never answer and PagerDuty answers with errors. The
    channels of the refusing one take nothing, as with a secret that is wrong.
    """

    healthy: Alertmanager
    failing: Alertmanager
    refusing: Alertmanager
    began: float


@pytest.fixture(scope="module")
def stage(
    tmp_path_factory: pytest.TempPathFactory,
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
) -> Iterator[Stage]:
    with (
        running_alertmanager(tmp_path_factory.mktemp("healthy"), programs, free_port) as healthy,
        running_alertmanager(
            tmp_path_factory.mktemp("failing"), programs, free_port, "silence", "error"
        ) as failing,
        running_alertmanager(
            tmp_path_factory.mktemp("refusing"), programs, free_port, "refusal", "refusal"
        ) as refusing,
    ):
        began = time.monotonic()
        failing.post([CRITICAL, WARNING])
        refusing.post([CRITICAL, WARNING])
        healthy.post(FIRED)
        yield Stage(healthy, failing, refusing, began)


@pytest.fixture(scope="module")
def fired(stage: Stage) -> Alertmanager:
    """The healthy one once its first alerts are at the exporter."""
    for alert in (CRITICAL, WARNING, WATCHDOG, REJECTED_EMPTY):
        stage.healthy.channels.exporter.inbox.wait(
            webhook("firing", alert), WAIT_SECONDS + SLACK_SECONDS
        )
    return stage.healthy


@pytest.fixture(scope="module")
def resolved(fired: Alertmanager) -> tuple[Alertmanager, float]:
    """The healthy one once what fired first has been resolved, and when that was posted. What was inhibited still fires."""
    at = time.monotonic()
    fired.resolve([CRITICAL, WARNING])
    for alert in (CRITICAL, WARNING):
        fired.channels.exporter.inbox.wait(
            webhook("resolved", alert), INTERVAL_SECONDS + SLACK_SECONDS
        )
    return fired, at


def webhook(status: str, alert: Alert) -> Callable[[Mapping[str, Any]], bool]:
    return lambda message: any(
        sent["status"] == status and sent["labels"] == alert.labels for sent in message["alerts"]
    )


def links_of(html: MIMEPart) -> list[str]:
    return [unescape(link) for link in re.findall('href="([^"]*)"', html.get_content())]


def silence_matchers(link: str) -> str:
    """What Alertmanager's page for a new silence reads off its address."""
    [(_, matchers)] = parse_qsl(urlsplit(link).fragment.partition("?")[2])
    return matchers


def test_a_critical_alert_reaches_the_exporter_within_seconds(
    stage: Stage, fired: Alertmanager
) -> None:
    arrived, message = fired.channels.exporter.inbox.wait(webhook("firing", CRITICAL), 0)
    assert (
        arrived - stage.began < CRITICAL_WAIT_SECONDS + SLACK_SECONDS
    )  # under the 10 s that all others wait
    assert message["version"] == "4"
    assert message["groupLabels"] == {
        "alertname": "CriticalPerformanceRegression",
        "benchmark_name": "compile",
    }
    assert message["alerts"][0]["annotations"] == CRITICAL.annotations


def test_a_critical_alert_at_slack(fired: Alertmanager) -> None:
    title = "[CRITICAL] CriticalPerformanceRegression of compile, 8.20 &lt; 10 &amp; falling"
    _, message = fired.channels.slack.inbox.wait(slack(title), SLACK_SECONDS)
    [attachment] = message["attachments"]
    assert attachment["text"] == (
        "p50 speedup 8.20 (threshold: 10)\n"
        "<http://localhost:8000/runbooks/CriticalPerformanceRegression|Runbook>\n"
        "<http://localhost:9090/graph?g0.expr=CriticalPerformanceRegression&amp;g0.tab=1|Query>\n"
        f"<{SILENCE_CRITICAL}|Silence>"
    )
    assert attachment["fallback"] == title
    assert attachment["color"] == "danger"
    assert attachment["title_link"].startswith(EXTERNAL_URL)


def test_several_alerts_of_one_group_at_slack(fired: Alertmanager) -> None:
    title = "[WARNING] 1 file rejected (empty); 1 file rejected (huge)"
    _, message = fired.channels.slack.inbox.wait(slack(title), SLACK_SECONDS)
    assert message["attachments"][0]["color"] == "warning"
    assert message["attachments"][0]["text"] == (
        "*firing* 1 file rejected (empty)\nReason empty.\n<http://localhost:8000/runbooks/R|Runbook>\n\n"
        "*firing* 1 file rejected (huge)\nReason huge.\n<http://localhost:8000/runbooks/R|Runbook>\n"
        f"<{SILENCE}%7Balertname%3D%22ResultFileRejected%22%7D|Silence>"
    )


def test_a_critical_alert_at_pagerduty(fired: Alertmanager) -> None:
    _, message = fired.channels.pagerduty.inbox.wait(
        pagerduty("trigger", "CriticalPerformanceRegression of compile"), SLACK_SECONDS
    )
    payload = message["payload"]
    assert message["routing_key"] == SECRETS["pagerduty_routing_key"]
    assert message["links"] == [
        {"href": "http://localhost:8000/runbooks/CriticalPerformanceRegression", "text": "Runbook"},
        {"href": SILENCE_CRITICAL, "text": "Silence"},
    ]
    assert (
        payload["summary"]
        == "[CRITICAL] CriticalPerformanceRegression of compile, 8.20 < 10 & falling"
    )
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
    subject = "[CRITICAL] CriticalPerformanceRegression of compile, 8.20 < 10 & falling"
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
        "",
        f"Silence {SILENCE_CRITICAL}",
    ]
    assert html.get_content().splitlines()[:-1] == [
        '<p style="white-space: pre-line">firing <strong>CriticalPerformanceRegression of compile, 8.20 &lt; 10 &amp; falling</strong>',
        "p50 speedup 8.20 (threshold: 10)",
        '<a href="http://localhost:8000/runbooks/CriticalPerformanceRegression">Runbook</a>',
        '<a href="http://localhost:9090/graph?g0.expr=CriticalPerformanceRegression&amp;g0.tab=1">Query</a></p>',
    ]
    assert silence_matchers(links_of(html)[-1]) == silence_matchers(SILENCE_CRITICAL)


def test_a_warning_reaches_slack_and_email(fired: Alertmanager) -> None:
    fired.channels.slack.inbox.wait(
        slack("[WARNING] PerformanceBelowThreshold of expand, 8.20 &lt; 10 &amp; falling"),
        SLACK_SECONDS,
    )
    fired.channels.email.inbox.wait(
        mail("[WARNING] PerformanceBelowThreshold of expand, 8.20 < 10 & falling"), SLACK_SECONDS
    )


def test_what_one_commit_made_worse_is_one_message(stage: Stage, fired: Alertmanager) -> None:
    channels = fired.channels
    title = "[CRITICAL] compile became 30% worse in ci, 12ms → 15.6ms; expand became 30% worse in local, 12ms → 15.6ms"
    arrived, message = channels.slack.inbox.wait(slack(title), 0)
    assert arrived - stage.began < CRITICAL_WAIT_SECONDS + SLACK_SECONDS
    [attachment] = message["attachments"]
    assert attachment["color"] == "danger"
    assert attachment["text"] == (
        "*firing* compile became 30% worse in ci, 12ms → 15.6ms\n"
        "Up to 6.1% could be chance. The last good run was of commit aaa.\n"
        "<http://localhost:3000/d/overview?var-environment=ci&amp;var-benchmark=compile|Dashboard>\n"
        "<http://localhost:8000/runbooks/PerformanceRegression|Runbook>\n\n"
        "*firing* expand became 30% worse in local, 12ms → 15.6ms\n"
        "Up to 6.1% could be chance. The last good run was of commit aaa.\n"
        "<http://localhost:3000/d/overview?var-environment=local&amp;var-benchmark=expand|Dashboard>\n"
        "<http://localhost:8000/runbooks/PerformanceRegression|Runbook>\n"
        f"<{SILENCE}%7Balertname%3D%22PerformanceRegression%22%2Clast_good_commit%3D%22aaa%22%2Cproject%3D%22router%22%7D|Silence>"
    )
    channels.email.inbox.wait(mail(title), SLACK_SECONDS)
    channels.slack.inbox.wait(slack("[WARNING] parse became 30% worse in ci, 12ms → 15.6ms"), 0)
    # Nobody is woken for what is not confirmed.
    _, page = channels.pagerduty.inbox.wait(
        pagerduty("trigger", "compile became 30% worse in ci"), 0
    )
    assert page["payload"]["summary"] == "[CRITICAL] compile became 30% worse in ci, 12ms → 15.6ms"
    assert page["links"][1] == {
        "href": "http://localhost:3000/d/overview?var-environment=ci&var-benchmark=compile",
        "text": "Dashboard",
    }


def test_a_confirmed_regression_mutes_its_own_warning(fired: Alertmanager) -> None:
    assert fired.inhibitors(MUTED_BY_ITS_CRITICAL) == ["PerformanceRegression"]
    assert fired.inhibitors(OF_ONE_COMMIT[0]) == []
    assert fired.inhibitors(OF_ONE_COMMIT[1]) == []


def test_a_shift_mutes_the_regressions_of_its_project_and_environment(fired: Alertmanager) -> None:
    assert fired.inhibitors(SHIFTED) == ["EnvironmentShift"]
    assert fired.inhibitors(NOT_SHIFTED) == []
    fired.channels.slack.inbox.wait(slack("[WARNING] All moved"), SLACK_SECONDS)


def test_a_message_of_many_alerts_names_the_first(fired: Alertmanager) -> None:
    summaries = [alert.annotations["summary"] for alert in MANY]
    title = f"[CRITICAL] {'; '.join(summaries[:3])}; 12 in all"
    _, message = fired.channels.slack.inbox.wait(slack(title), 0)
    text = message["attachments"][0]["text"]
    assert [summary for summary in summaries if summary in text] == summaries[:10]
    assert "\n\n12 alerts in all\n" in text
    _, page = fired.channels.pagerduty.inbox.wait(pagerduty("trigger", "many/00"), SLACK_SECONDS)
    assert page["payload"]["summary"] == title
    # Several dashboards are none in common, and an empty address would be refused.
    assert [link["text"] for link in page["links"]] == ["Runbook", "Silence"]
    assert page["payload"]["custom_details"]["firing"].endswith("\n\n12 alerts in all")


def test_quotes_line_ends_colons_and_japanese_arrive_intact(fired: Alertmanager) -> None:
    channels = fired.channels
    summary, description = HOSTILE.annotations["summary"], HOSTILE.annotations["description"]
    text = f"*firing* {summary}\n{description}\nRunbook http://localhost:8000/runbooks/Hostile"
    _, page = channels.pagerduty.inbox.wait(pagerduty("trigger", summary), SLACK_SECONDS)
    assert page["payload"]["summary"] == f"[CRITICAL] {summary}"
    assert page["payload"]["component"] == HOSTILE.labels["benchmark_name"]
    assert page["payload"]["custom_details"]["firing"] == text
    _, message = channels.slack.inbox.wait(slack(f"[CRITICAL] {summary}"), SLACK_SECONDS)
    assert message["attachments"][0]["text"].startswith(
        f"{description}\n<http://localhost:8000/runbooks/Hostile|Runbook>\n<{SILENCE}"
    )
    _, received = channels.email.inbox.wait(mail(f"[CRITICAL] {summary}"), SLACK_SECONDS)
    plain, html = received.message.get_body(("plain",)), received.message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n").startswith(f"{text}\n")
    shown = unescape(re.sub("<[^>]*>", "", html.get_content())).replace("\r\n", "\n")
    assert shown.startswith(f"firing {summary}\n{description}\nRunbook\n")
    _, sent = channels.exporter.inbox.wait(webhook("firing", HOSTILE), SLACK_SECONDS)
    assert [alert["annotations"] for alert in sent["alerts"]] == [HOSTILE.annotations]
    # What the silence page is given is the label as it is.
    for link in (page["links"][-1]["href"], links_of(html)[-1]):
        assert (
            silence_matchers(link)
            == '{alertname="Hostile",benchmark_name="say \\"x\\": [1,\\n\\\\2] & <b>日本語"}'
        )


def test_what_is_too_long_is_cut(fired: Alertmanager) -> None:
    channels = fired.channels
    title = f"[CRITICAL] {'長' * 200}…"
    _, page = channels.pagerduty.inbox.wait(pagerduty("trigger", "長"), SLACK_SECONDS)
    assert page["payload"]["summary"] == title
    _, message = channels.slack.inbox.wait(slack(title), SLACK_SECONDS)
    assert message["attachments"][0]["text"].startswith("d" * 600 + "…\n")
    channels.email.inbox.wait(mail(title), SLACK_SECONDS)


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
        Alert(
            {"alertname": "NotificationsFailing", "severity": "warning", "integration": name},
            {},
            "",
        )
        for name in ("webhook", "slack")
    )
    fired.post([down, webhook_failing, slack_failing])
    wait_until(
        lambda: fired.inhibitors(webhook_failing) == ["BenchmarkExporterDown"], SLACK_SECONDS
    )
    assert fired.inhibitors(slack_failing) == []
    # An alert without annotations is called by its name.
    fired.channels.slack.inbox.wait(slack("[CRITICAL] BenchmarkExporterDown"), SLACK_SECONDS)


def test_files_that_wait_are_no_news_while_none_is_taken_in(fired: Alertmanager) -> None:
    failing = Alert({"alertname": "IngestFailing", "severity": "critical", "instance": "a"}, {}, "")
    lagging, other = (
        Alert({"alertname": "IngestLagging", "severity": "warning", "instance": name}, {}, "")
        for name in ("a", "b")
    )
    fired.post([failing, lagging, other])
    wait_until(lambda: fired.inhibitors(lagging) == ["IngestFailing"], SLACK_SECONDS)
    assert fired.inhibitors(other) == []
    fired.channels.slack.inbox.wait(slack("[CRITICAL] IngestFailing"), SLACK_SECONDS)


def test_failing_channels_do_not_hold_up_the_exporter(stage: Stage) -> None:
    channels = stage.failing.channels
    for alert, wait_seconds in ((CRITICAL, CRITICAL_WAIT_SECONDS), (WARNING, WAIT_SECONDS)):
        arrived, _ = channels.exporter.inbox.wait(
            webhook("firing", alert), WAIT_SECONDS + SLACK_SECONDS
        )
        assert arrived - stage.began < wait_seconds + SLACK_SECONDS
    # The others were tried, and PagerDuty's error was answered with another attempt.
    channels.slack.inbox.wait(lambda _: True, SLACK_SECONDS)
    channels.email.connections.wait(lambda _: True, SLACK_SECONDS)
    assert len(channels.pagerduty.inbox.all()) > 1
    stage.failing.resolve([CRITICAL])
    channels.exporter.inbox.wait(webhook("resolved", CRITICAL), INTERVAL_SECONDS + SLACK_SECONDS)


def test_a_channel_that_refuses_is_counted_and_holds_up_nothing(stage: Stage) -> None:
    channels = stage.refusing.channels
    for alert, wait_seconds in ((CRITICAL, CRITICAL_WAIT_SECONDS), (WARNING, WAIT_SECONDS)):
        arrived, _ = channels.exporter.inbox.wait(
            webhook("firing", alert), WAIT_SECONDS + SLACK_SECONDS
        )
        assert arrived - stage.began < wait_seconds + SLACK_SECONDS
    # What NotificationsFailing looks at.
    for integration in ("slack", "pagerduty", "email"):
        wait_until(
            lambda name=integration: stage.refusing.failed(name) > 0,
            2 * INTERVAL_SECONDS + SLACK_SECONDS,
        )  # type: ignore[misc]
    assert stage.refusing.failed("webhook") == 0
    assert [stage.healthy.failed(name) for name in ("slack", "pagerduty", "email", "webhook")] == [
        0,
        0,
        0,
        0,
    ]


def test_a_channel_that_hangs_or_breaks_is_counted(stage: Stage) -> None:
    # A mail server that hangs is not: Alertmanager waits for it as long as the connection lasts (0.25 to 0.33 do).
    for integration in ("slack", "pagerduty"):
        wait_until(
            lambda name=integration: stage.failing.failed(name) > 0,
            3 * INTERVAL_SECONDS + SLACK_SECONDS,
        )  # type: ignore[misc]
    assert stage.failing.failed("webhook") == 0


def test_the_end_of_an_alert_reaches_every_channel(resolved: tuple[Alertmanager, float]) -> None:
    channels = resolved[0].channels
    title = "[RESOLVED] CriticalPerformanceRegression of compile, 8.20 &lt; 10 &amp; falling"
    _, message = channels.slack.inbox.wait(slack(title), SLACK_SECONDS)
    assert message["attachments"][0]["color"] == "good"
    _, trigger = channels.pagerduty.inbox.wait(
        pagerduty("trigger", "CriticalPerformanceRegression of compile"), 0
    )
    _, resolve = channels.pagerduty.inbox.wait(
        pagerduty("resolve", "CriticalPerformanceRegression of compile"), SLACK_SECONDS
    )
    assert resolve["dedup_key"] == trigger["dedup_key"]
    assert resolve["payload"]["custom_details"]["resolved"].startswith(
        "*resolved* CriticalPerformanceRegression of compile"
    )
    channels.email.inbox.wait(
        mail("[RESOLVED] CriticalPerformanceRegression of compile, 8.20 < 10 & falling"),
        SLACK_SECONDS,
    )


def test_what_was_inhibited_is_sent_only_once_the_graver_alert_ended(
    resolved: tuple[Alertmanager, float],
) -> None:
    alertmanager, ended = resolved
    inbox = alertmanager.channels.exporter.inbox
    sent, _ = inbox.wait(webhook("firing", INHIBITED_BY_CRITICAL), INTERVAL_SECONDS + SLACK_SECONDS)
    assert sent > ended
    # By what was just sent.
    assert alertmanager.inhibitors(INHIBITED_BY_BOTH) == ["PerformanceBelowThreshold"]
    assert not [message for message in inbox.all() if webhook("firing", INHIBITED_BY_BOTH)(message)]


def test_each_channel_gets_its_severities_only(resolved: tuple[Alertmanager, float]) -> None:
    channels = resolved[0].channels
    critical = {
        alert.labels["alertname"] for alert in FIRED if alert.labels["severity"] == "critical"
    }
    critical |= {"BenchmarkExporterDown", "IngestFailing"}
    assert {message["payload"]["class"] for message in channels.pagerduty.inbox.all()} == critical
    titles = [message["attachments"][0]["title"] for message in channels.slack.inbox.all()]
    subjects = [received.message["Subject"] for received in channels.email.inbox.all()]
    assert titles
    assert subjects
    assert not [text for text in [*titles, *subjects] if "Alerts are delivered" in text]
