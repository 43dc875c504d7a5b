"""What somebody has taken is not sent again, and what gets worse is: by the real Alertmanager."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from tests.rules.alerts import COMMON, Alert, regression
from tests.rules.delivery import (
    DEADLINE_SECONDS,
    Alertmanager,
    links_of,
    running_alertmanager,
    webhook,
)
from tests.rules.endpoints import mail, slack

TAKEN = regression("critical", "taken", commit="aaa")
OF_ANOTHER_MACHINE = regression(
    "critical",
    "taken",
    commit="bbb",
    scope={"project": "router", "environment": "ci", "branch": "main", "machine_class": "arm64"},
)
_LABELS = dict(TAKEN.labels)
_COMMIT = _LABELS.pop("last_good_commit")
MUTES = Alert(
    _LABELS | {"alertname": "RegressionTriaged", "severity": "none"},
    {"summary": "The regression of taken is taken care of"},
    "",
)
GROWN = Alert(TAKEN.labels | {"step": "1"}, TAKEN.annotations, "")
MUTES_COMMON = Alert(
    COMMON.labels | {"alertname": "CommonRegressionTriaged", "severity": "none"},
    {"summary": "All regressions are taken care of"},
    "",
)
OF_COMMON = regression(
    "critical",
    "grown",
    commit="ggg",
    scope={"project": "common", "environment": "ci", "branch": "main"},
)
GROWN_OF_COMMON = Alert(OF_COMMON.labels | {"step": "1"}, OF_COMMON.annotations, "")


@pytest.fixture(scope="module")
def alertmanager(
    tmp_path_factory: pytest.TempPathFactory,
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
) -> Iterator[Alertmanager]:
    folder = tmp_path_factory.mktemp("triage")
    with running_alertmanager(folder, programs, free_port) as running:
        yield running


def test_a_taken_regression_is_not_sent_until_it_has_grown(alertmanager: Alertmanager) -> None:
    inbox = alertmanager.channels.exporter.inbox
    alertmanager.post([MUTES, TAKEN, OF_ANOTHER_MACHINE])
    inbox.wait(webhook("firing", OF_ANOTHER_MACHINE), DEADLINE_SECONDS)
    assert alertmanager.inhibitors(TAKEN) == ["RegressionTriaged"]
    assert alertmanager.inhibitors(OF_ANOTHER_MACHINE) == []
    # It gets worse: new again, with another label.
    alertmanager.resolve([MUTES, TAKEN])
    alertmanager.post([GROWN])
    inbox.wait(webhook("firing", GROWN), DEADLINE_SECONDS)
    assert not [message for message in inbox.all() if webhook("firing", TAKEN)(message)]
    title = f"[CRITICAL] {TAKEN.annotations['summary']}"
    _, sent = alertmanager.channels.slack.inbox.wait(
        lambda message: slack(title)(message) and "commit aaa" in str(message), DEADLINE_SECONDS
    )
    text = sent["attachments"][0]["text"]
    assert "resolved" not in text
    assert "<http://localhost:8000/triage?benchmark_name=taken&amp;branch=main|Triage>" in text
    # A silence made from the message holds when it grows once more.
    assert "step" not in text
    _, received = alertmanager.channels.email.inbox.wait(mail(title), DEADLINE_SECONDS)
    html = received.message.get_body(("html",))
    assert html is not None
    assert any("/triage?benchmark_name=taken&branch=main" in link for link in links_of(html))


def test_what_grows_is_not_muted_by_the_common_regression(alertmanager: Alertmanager) -> None:
    inbox = alertmanager.channels.exporter.inbox
    alertmanager.post([MUTES_COMMON, COMMON, OF_COMMON])
    alertmanager.post([GROWN_OF_COMMON])
    inbox.wait(webhook("firing", GROWN_OF_COMMON), DEADLINE_SECONDS)
    assert alertmanager.inhibitors(COMMON) == ["CommonRegressionTriaged"]
    assert alertmanager.inhibitors(OF_COMMON) == ["CommonRegression"]
    assert not [message for message in inbox.all() if webhook("firing", COMMON)(message)]


def test_what_only_mutes_reaches_nobody(alertmanager: Alertmanager) -> None:
    channels = alertmanager.channels
    last = regression("critical", "last", commit="zzz")
    alertmanager.post([MUTES, MUTES_COMMON])
    alertmanager.post([last])
    channels.exporter.inbox.wait(webhook("firing", last), DEADLINE_SECONDS)
    for muting in (MUTES, MUTES_COMMON):
        assert not [m for m in channels.exporter.inbox.all() if webhook("firing", muting)(m)]
    everything = [
        *map(str, channels.slack.inbox.all()),
        *map(str, channels.pagerduty.inbox.all()),
        *(received.message["Subject"] for received in channels.email.inbox.all()),
    ]
    assert everything
    assert not [text for text in everything if "taken care of" in text]
