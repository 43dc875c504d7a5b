"""What the channels say of a regression that passed while its alert was firing.

Alertmanager is real. Prometheus sends the annotations of the last evaluation with the end of an
alert, here as the test for rules states them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tests.rules.alerts import regression
from tests.rules.delivery import (
    CRITICAL_WAIT_SECONDS,
    DEADLINE_SECONDS,
    INTERVAL_SECONDS,
    SLACK_SECONDS,
    running_alertmanager,
    webhook,
)
from tests.rules.endpoints import mail, pagerduty, slack

LASTS = regression("critical", "flash", commit="aaa")
SUMMARY = "flash of router became 30% worse (already passed) in ci on main"
DESCRIPTION = "It has already passed, since commit ccc. The last good run was of commit aaa."
HAS_PASSED = replace(
    LASTS, annotations=LASTS.annotations | {"summary": SUMMARY, "description": DESCRIPTION}
)


def test_the_end_says_that_it_has_passed_and_since_when(
    tmp_path: Path, programs: Mapping[str, Sequence[str]], free_port: Callable[[], int]
) -> None:
    with running_alertmanager(tmp_path, programs, free_port) as alertmanager:
        channels = alertmanager.channels
        alertmanager.post([LASTS])
        channels.exporter.inbox.wait(
            webhook("firing", LASTS), CRITICAL_WAIT_SECONDS + SLACK_SECONDS
        )
        alertmanager.resolve([HAS_PASSED])
        channels.exporter.inbox.wait(
            webhook("resolved", HAS_PASSED), INTERVAL_SECONDS + SLACK_SECONDS
        )
        _, page = channels.pagerduty.inbox.wait(pagerduty("resolve", SUMMARY), DEADLINE_SECONDS)
        details = page["payload"]["custom_details"]["resolved"]
        assert details.startswith(f"*resolved* {SUMMARY}\n{DESCRIPTION}\n")
        _, message = channels.slack.inbox.wait(slack(f"[RESOLVED] {SUMMARY}"), DEADLINE_SECONDS)
        assert message["attachments"][0]["text"].startswith(f"{DESCRIPTION}\n")
        _, received = channels.email.inbox.wait(mail(f"[RESOLVED] {SUMMARY}"), DEADLINE_SECONDS)
        for kind in ("plain", "html"):
            body = received.message.get_body((kind,))
            assert body is not None
            assert DESCRIPTION in body.get_content()
