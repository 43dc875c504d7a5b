"""How long groups of alerts wait, and that a run's regressions are one message."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.rules.alerts import regression
from tests.rules.delivery import (
    CRITICAL_WAIT_SECONDS,
    SLACK_SECONDS,
    Alertmanager,
    running_alertmanager,
)
from tests.rules.rendering import EMAIL, SECRETS, render

WAITS = {"250ms": 0.25, "10s": 10.0}
# Warnings have a rule of their own, and each rule sends its alerts by itself.
CRITICAL, WARNINGS = (
    [regression(severity, f"{severity}/{number:02}", commit="iii") for number in range(10)]
    for severity in ("critical", "warning")
)


def leaves(
    route: Mapping[str, Any], wait: str = "", matchers: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Each route without routes of its own: its matchers, receiver and group_wait."""
    wait = route.get("group_wait", wait)
    matchers = (*matchers, *route.get("matchers", []))
    for child in route.get("routes", []):
        yield from leaves(child, wait, matchers)
    if not route.get("routes"):
        yield matchers, route["receiver"], wait


def test_every_channel_gets_critical_alerts_after_the_short_wait_and_others_after_the_long_one(
    tmp_path: Path,
) -> None:
    rendering = render(tmp_path, secrets=SECRETS, settings=EMAIL)
    assert rendering.process.returncode == 0, rendering.process.stderr
    routes = [*leaves(yaml.safe_load(rendering.output.read_text(encoding="utf-8"))["route"])]
    regressions = 'alertname=~"CommonRegression|PerformanceRegression"'
    short = {
        (receiver, wait)
        for matchers, receiver, wait in routes
        if regressions in matchers or matchers == ('severity="critical"',)
    }
    assert {receiver for receiver, _ in short} == {"pagerduty", "slack", "email", "exporter"}
    assert {WAITS[wait] for _, wait in short} == {CRITICAL_WAIT_SECONDS}
    assert {
        wait
        for matchers, _, wait in routes
        if regressions not in matchers and 'severity="critical"' not in matchers
    } == {"10s"}


@pytest.fixture(scope="module")
def alertmanager(
    tmp_path_factory: pytest.TempPathFactory,
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
) -> Iterator[Alertmanager]:
    folder = tmp_path_factory.mktemp("wait")
    with running_alertmanager(folder, programs, free_port) as running:
        yield running


def test_20_regressions_of_an_evaluation_are_one_message_of_each_channel(
    alertmanager: Alertmanager,
) -> None:
    channels = alertmanager.channels
    alertmanager.post(CRITICAL)
    alertmanager.post(WARNINGS)
    summaries = {alert.annotations["summary"] for alert in (*CRITICAL, *WARNINGS)}
    _, message = channels.exporter.inbox.wait(lambda _: True, SLACK_SECONDS)
    assert {alert["annotations"]["summary"] for alert in message["alerts"]} == summaries
    _, sent = channels.slack.inbox.wait(lambda _: True, SLACK_SECONDS)
    assert "20 in all" in sent["attachments"][0]["title"]
    _, page = channels.pagerduty.inbox.wait(lambda _: True, SLACK_SECONDS)
    assert "10 in all" in page["payload"]["summary"]
    # The next message of this group would be the first about anything else.
    other = regression("critical", "other", commit="jjj")
    alertmanager.post([other])
    channels.exporter.inbox.wait(
        lambda sent: bool(sent["alerts"][0]["labels"] == other.labels), SLACK_SECONDS
    )
    assert len(channels.exporter.inbox.all()) == 2
