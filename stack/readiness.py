"""Waiting until every part answers, and the parts have found each other."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from stack import high_availability, internal, proxy
from stack.migration import Migration
from stack.settings import ALERTMANAGER, EXPORTER, PROMETHEUS, PROXY, Part, Settings

READY_SECONDS = 60.0
CONNECTED_SECONDS = 30.0
POLL_SECONDS = 0.2
ANSWER_SECONDS = 3.0


def is_ready(part: Part, settings: Settings) -> bool:
    """Whether a part says that it is ready, and the proxy that it has its newest configuration."""
    try:
        answer = internal.request(part, settings, part.ready_path, timeout_seconds=ANSWER_SECONDS)
    except OSError:
        return False
    return part is not PROXY or answer.decode() == proxy.written_digest(settings)


def first_ready(part: Part, settings: Settings) -> Part:
    """Of a part's members, the first that is ready; the part itself if none is."""
    for member in high_availability.members(part, settings):
        if is_ready(member, settings):
            return member
    return part


def wait_until_ready(
    parts: Sequence[Part], settings: Settings, timeout_seconds: float = READY_SECONDS
) -> Iterator[Part]:
    """Yield each part when it is ready; end when all are, or the time is over.

    While the exporter migrates its ledger, the time does not pass.
    """
    migration = Migration(settings)
    deadline = time.monotonic() + timeout_seconds
    waiting = list(parts)
    while waiting and time.monotonic() < deadline:
        for part in [part for part in waiting if is_ready(part, settings)]:
            waiting.remove(part)
            yield part
        if waiting:
            if EXPORTER in waiting and migration.goes_on():
                deadline = time.monotonic() + timeout_seconds
            time.sleep(POLL_SECONDS)


def wait_until_connected(settings: Settings, timeout_seconds: float = CONNECTED_SECONDS) -> bool:
    """Wait until Prometheus scrapes the exporter and knows Alertmanager; False if it does not.

    After a start or a reload that takes some seconds.
    """
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if _is_connected(settings):
            return True
        time.sleep(POLL_SECONDS)
    return False


def _is_connected(settings: Settings) -> bool:
    """Whether each Prometheus scrapes the exporter and knows all Alertmanagers."""
    expected = len(high_availability.members(ALERTMANAGER, settings))
    return all(
        _connects(prometheus, settings, expected)
        for prometheus in high_availability.members(PROMETHEUS, settings)
    )


def _connects(prometheus: Part, settings: Settings, expected: int) -> bool:
    try:
        targets = _get(prometheus, settings, "/api/v1/targets?state=active")["activeTargets"]
        found = _get(prometheus, settings, "/api/v1/alertmanagers")["activeAlertmanagers"]
    except OSError:
        return False
    scraped = any(
        target["labels"]["job"] == target["labels"]["instance"] == "benchmark-exporter"
        and target["health"] == "up"
        for target in targets
    )
    return scraped and len(found) >= expected


def _get(prometheus: Part, settings: Settings, path: str) -> Any:
    return internal.get_json(prometheus, settings, path, ANSWER_SECONDS)["data"]
