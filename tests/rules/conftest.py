"""Fixtures that the delivery tests share."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from tests.rules.alerts import CRITICAL, FIRED, REJECTED_EMPTY, WARNING, WATCHDOG
from tests.rules.delivery import (
    INTERVAL_SECONDS,
    SLACK_SECONDS,
    WAIT_SECONDS,
    Alertmanager,
    Sent,
    running_alertmanager,
    webhook,
)


@pytest.fixture(scope="module")
def healthy(
    tmp_path_factory: pytest.TempPathFactory,
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
) -> Iterator[Sent]:
    """An Alertmanager whose channels all work, to which all alerts were sent."""
    folder = tmp_path_factory.mktemp("healthy")
    with running_alertmanager(folder, programs, free_port) as alertmanager:
        began = time.monotonic()
        alertmanager.post(FIRED)
        yield Sent(alertmanager, began)


@pytest.fixture(scope="module")
def fired(healthy: Sent) -> Alertmanager:
    """The healthy Alertmanager once its first alerts have reached the exporter."""
    for alert in (CRITICAL, WARNING, WATCHDOG, REJECTED_EMPTY):
        healthy.alertmanager.channels.exporter.inbox.wait(
            webhook("firing", alert), WAIT_SECONDS + SLACK_SECONDS
        )
    return healthy.alertmanager


@pytest.fixture(scope="module")
def resolved(fired: Alertmanager) -> tuple[Alertmanager, float]:
    """The healthy Alertmanager once the first alerts were resolved, and when that was posted.

    Alerts that they inhibited still fire.
    """
    at = time.monotonic()
    fired.resolve([CRITICAL, WARNING])
    for alert in (CRITICAL, WARNING):
        fired.channels.exporter.inbox.wait(
            webhook("resolved", alert), INTERVAL_SECONDS + SLACK_SECONDS
        )
    return fired, at
