"""From a result file to PagerDuty, Slack and Email, with channels set up as a user does it."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmark_exporter.regression import Limits
from stack.settings import ALERTMANAGER, EXPORTER, GRAFANA, PROMETHEUS, Part
from tests.rules.endpoints import (
    HttpEndpoint,
    MailServer,
    http_endpoint,
    mail,
    pagerduty,
    slack,
)
from tests.stack.backends import Backend, get, get_text, until
from tests.stack.channels import ROUTING_KEY, configured_channels
from tests.support.documents import result
from tests.support.wired import samples
from tests.support.wired import value as value_of

# A critical alert arrives within seconds, a warning after group_wait, what joins or leaves a group
# after group_interval.
DEADLINE_SECONDS = 60.0
GROUP_INTERVAL_SECONDS = 12.0  # 10 s in alertmanager.yml, and what sending takes
GOOD = dict.fromkeys(("parsing", "routing", "caching", "matching", "printing"), 1.0)
SLOWER = {**GOOD, "parsing": 1.5}
SLIGHTLY_SLOWER = {**GOOD, "printing": 1.06}
# All of them alike.
SHIFTED = dict.fromkeys(GOOD, 1.6)
WORSE = "parsing of router became 50% worse in ci on main, 1ms → 1.5ms"
# An alert whose result recovers before it has been shown for half a minute.
PASSED = WORSE.replace("worse in", "worse (already passed) in")
SLIGHTLY_WORSE = "printing of router became 6% worse in ci on main, 1ms → 1.06ms"
SHIFT = "The results of router in ci on main moved together"


@dataclass
class Stage:
    """A stack whose benchmarks have run often enough to be judged, with what was received."""

    backend: Backend
    slack: HttpEndpoint
    pagerduty: HttpEndpoint
    email: MailServer
    runs: Counter[str] = field(default_factory=Counter)

    def run(self, milliseconds: Mapping[str, float]) -> str:
        """Drops the results of another run, a minute after the one before; gives its commit."""
        return self.run_of("router", milliseconds)

    def run_of(self, project: str, milliseconds: Mapping[str, float]) -> str:
        """Like `run`, of another project."""
        self.runs[project] += 1
        number = self.runs[project]
        document = result(number, dict(milliseconds)) | {"project": project}
        document["timestamp"] = (datetime.now(UTC) + timedelta(minutes=number - 60)).isoformat()
        results = self.backend.settings.results_dir
        aside = results / f".{project}-{number:03}"
        aside.write_text(json.dumps(document), encoding="utf-8")
        aside.rename(results / f"{project}-{number:03}.json")
        commit: str = document["commit"]
        return commit

    def shows(self, metric: str, value: float, **labels: str) -> bool:
        """Whether a series of the metric with these labels, among others, has the value."""
        exposition = samples(get_text(EXPORTER.url(self.backend.settings, "/metrics")))
        labels |= {"benchmark_name": "parsing", "environment": "ci"}
        return value_of(exposition, metric, **labels) == value

    def linked(self, text: str) -> set[Part]:
        """The parts that a text links to by their public addresses; fails over any other."""
        settings = self.backend.settings
        parts = {
            settings.public_url(part): part
            for part in (ALERTMANAGER, EXPORTER, GRAFANA, PROMETHEUS)
        }
        return {parts[address] for address in re.findall(r"https?://[^/|\s]+", text)}

    def pages(self, action: str) -> list[Any]:
        """What PagerDuty received of the benchmarks here."""
        return [
            page
            for page in self.pagerduty.inbox.all()
            if page["event_action"] == action and " in ci on main, " in page["payload"]["summary"]
        ]


@pytest.fixture(scope="module")
def stage(backend: Backend) -> Iterator[Stage]:
    with configured_channels(backend) as channels:
        stage = Stage(backend, channels.slack, channels.pagerduty, channels.email)
        for number in range(Limits().least_runs + 16):
            stage.run(dict.fromkeys(GOOD, 1.0 + 0.01 * (number % 3 - 1)))
        # Not by a counter, which is held at 0 for a minute first.
        until(
            lambda: (
                len(backend.history("--project=router", "--limit=100")) == stage.runs["router"]
                or None
            ),
            DEADLINE_SECONDS,
            "the quiet runs",
        )
        yield stage


def test_a_small_lasting_regression_is_a_warning(stage: Stage) -> None:
    last_good = f"commit-{stage.runs['router']}"
    *_, newest = [stage.run(SLIGHTLY_SLOWER) for _ in range(5)]
    _, message = stage.slack.inbox.wait(slack(f"[WARNING] {SLIGHTLY_WORSE}"), DEADLINE_SECONDS)
    [attachment] = message["attachments"]
    assert attachment["color"] == "warning"
    assert (
        f"The last good run was of commit {last_good}. The newest run is of commit {newest}. "
        "Machine class linux x86_64 4 cpus." in attachment["text"]
    )
    assert stage.linked(attachment["text"]) == {ALERTMANAGER, EXPORTER, GRAFANA, PROMETHEUS}
    assert stage.linked(attachment["title_link"]) == {ALERTMANAGER}
    _, sent = stage.email.inbox.wait(mail(f"[WARNING] {SLIGHTLY_WORSE}"), DEADLINE_SECONDS)
    for body in map(sent.message.get_body, (("plain",), ("html",))):
        assert body is not None
        assert stage.linked(body.get_content()) == {ALERTMANAGER, EXPORTER, GRAFANA, PROMETHEUS}
    assert (sent.sender, sent.recipients) == ("alerts@example.org", ["team@example.org"])
    assert not stage.pages("trigger")
    for _ in range(4):
        stage.run(GOOD)
    stage.slack.inbox.wait(slack(f"[RESOLVED] {SLIGHTLY_WORSE}"), DEADLINE_SECONDS)


def test_a_large_regression_pages_with_the_second_run_and_its_end_is_reported_too(
    stage: Stage, measured: Callable[[str], None]
) -> None:
    last_good = f"commit-{stage.runs['router']}"
    stage.run(SLOWER)
    until(
        lambda: stage.shows("benchmark_verdict", 1, state="suspect") or None,
        DEADLINE_SECONDS,
        "a suspect run",
    )
    assert not stage.pages("trigger")

    dropped = time.monotonic()
    second = stage.run(SLOWER)
    arrived, page = stage.pagerduty.inbox.wait(pagerduty("trigger", WORSE), DEADLINE_SECONDS)
    measured(f"{stage.backend.name}: confirmed regression to PagerDuty {arrived - dropped:.2f} s")
    assert page["routing_key"] == ROUTING_KEY
    linked = [stage.linked(link["href"]) for link in page["links"]]
    # The runbook; the commit, and triage.
    assert linked == [{EXPORTER}, {GRAFANA}, {EXPORTER}, {EXPORTER}, {ALERTMANAGER}]
    assert stage.linked(page["client_url"]) == {ALERTMANAGER}
    # What the exporter's webhook is sent.
    [alert] = get(
        ALERTMANAGER.url(
            stage.backend.settings,
            '/api/v2/alerts?filter=alertname="PerformanceRegression"&filter=severity="critical"'
            '&filter=project="router"',
        )
    )
    assert stage.linked(
        f"{alert['annotations']['runbook_url']} {alert['annotations']['dashboard_url']}"
    ) == {EXPORTER, GRAFANA}
    assert not [name for name in alert["labels"] if name.endswith("_url")]
    assert (
        f"The last good run was of commit {last_good}. The newest run is of commit {second}."
        in page["payload"]["custom_details"]["firing"]
    )
    _, message = stage.slack.inbox.wait(slack(f"[CRITICAL] {WORSE}"), DEADLINE_SECONDS)
    assert message["attachments"][0]["color"] == "danger"
    stage.email.inbox.wait(mail(f"[CRITICAL] {WORSE}"), DEADLINE_SECONDS)

    # Another slow run is no other alert.
    stage.run(SLOWER)
    dropped = time.monotonic()
    stage.run(GOOD)
    arrived, _ = stage.pagerduty.inbox.wait(pagerduty("resolve", PASSED), DEADLINE_SECONDS)
    measured(f"{stage.backend.name}: recovery to PagerDuty {arrived - dropped:.2f} s")
    stage.slack.inbox.wait(slack(f"[RESOLVED] {PASSED}"), DEADLINE_SECONDS)
    stage.email.inbox.wait(mail(f"[RESOLVED] {PASSED}"), DEADLINE_SECONDS)
    pages = [*stage.pages("trigger"), *stage.pages("resolve")]
    assert {other["dedup_key"] for other in pages} == {page["dedup_key"]}


def test_20_regressions_of_a_run_are_one_message_of_each_channel(stage: Stage) -> None:
    names = [f"case-{number:02}" for number in range(60)]
    worse = set(names[:20])
    for number in range(Limits().least_runs + 16):
        stage.run_of("broad", dict.fromkeys(names, 1.0 + 0.01 * (number % 3 - 1)))
    for _ in range(2):
        stage.run_of("broad", {name: 1.5 if name in worse else 1.0 for name in names})
    wanted = "20 of 60 results of broad"
    _, page = stage.pagerduty.inbox.wait(
        lambda message: wanted in message["payload"]["summary"], DEADLINE_SECONDS
    )
    assert page["payload"]["severity"] == "critical"
    _, message = stage.slack.inbox.wait(
        lambda message: wanted in message["attachments"][0]["title"], DEADLINE_SECONDS
    )
    assert message["attachments"][0]["color"] == "danger"
    time.sleep(GROUP_INTERVAL_SECONDS)  # in which others of the group would come
    triggers = [each for each in stage.pagerduty.inbox.all() if each["event_action"] == "trigger"]
    assert len([each for each in triggers if "broad" in json.dumps(each)]) == 1
    assert len([each for each in stage.slack.inbox.all() if "broad" in json.dumps(each)]) == 1
    for _ in range(2):
        stage.run_of("broad", dict.fromkeys(names, 1.0))
    stage.slack.inbox.wait(
        lambda message: "[RESOLVED]" in json.dumps(message) and "broad" in json.dumps(message),
        DEADLINE_SECONDS,
    )


def test_what_moves_at_once_is_a_shift_and_no_regression(stage: Stage) -> None:
    before = len(stage.pages("trigger"))
    stage.run(SHIFTED)
    stage.run(SHIFTED)
    stage.slack.inbox.wait(slack(f"[WARNING] {SHIFT}"), DEADLINE_SECONDS)
    stage.email.inbox.wait(mail(f"[WARNING] {SHIFT}"), DEADLINE_SECONDS)

    alerts = get(ALERTMANAGER.url(stage.backend.settings, "/api/v2/alerts"))
    regressions = {"alertname": "PerformanceRegression", "project": "router"}.items()
    assert not [alert for alert in alerts if regressions <= alert["labels"].items()]
    stage.run(GOOD)
    stage.slack.inbox.wait(slack(f"[RESOLVED] {SHIFT}"), DEADLINE_SECONDS)
    assert len(stage.pages("trigger")) == before
    assert not [
        message
        for message in stage.slack.inbox.all()
        if "routing" in message["attachments"][0]["title"]
    ]


def test_notify_test_reaches_every_channel_and_says_so(stage: Stage) -> None:
    done = stage.backend.command("notify-test")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = {line.split(":")[0].strip(): line for line in done.stdout.splitlines()}
    for channel in ("pagerduty", "slack", "email"):
        assert "taken by its server after" in lines[channel], done.stdout
    title = "TEST of the notification channels, nothing is wrong"
    stage.slack.inbox.wait(slack(f"[CRITICAL] {title}"), DEADLINE_SECONDS)
    stage.email.inbox.wait(mail(f"[CRITICAL] {title}"), DEADLINE_SECONDS)
    _, page = stage.pagerduty.inbox.wait(pagerduty("trigger", title), DEADLINE_SECONDS)
    _, end = stage.pagerduty.inbox.wait(pagerduty("resolve", title), DEADLINE_SECONDS)
    assert page["dedup_key"] == end["dedup_key"]


def test_notify_test_names_a_channel_whose_server_refuses(stage: Stage) -> None:
    secret = stage.backend.settings.secrets_dir / "slack_webhook_url"
    before = secret.read_text(encoding="utf-8")
    with http_endpoint("refusal", host=stage.backend.host) as refusing:
        secret.write_text(f"{refusing.url}/services/made-up\n", encoding="utf-8")
        try:
            done = stage.backend.command("notify-test")
        finally:
            secret.write_text(before, encoding="utf-8")
    assert done.returncode == 1
    [line] = [line for line in done.stdout.splitlines() if line.strip().startswith("slack:")]
    assert "FAILED" in line
    assert "not every channel took the message: slack" in done.stderr
