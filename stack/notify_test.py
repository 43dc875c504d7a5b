"""`make notify-test`: one alert, marked as a test, through every channel, and which took it."""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import yaml

from stack import alert_texts, high_availability, internal, parts
from stack.readiness import first_ready, is_ready
from stack.settings import ALERTMANAGER, EXPORTER, Part, Settings, StackError

ALERT = "NotificationTest"
TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "summary": "TEST of the notification channels, nothing is wrong",
        "description": "Somebody ran `make notify-test`. Nothing has to be done.",
    },
    "ja": {
        "summary": "通知先のテストです。問題は起きていません",
        "description": "`make notify-test` が実行されました。対応は必要ありません。",
    },
}
# Longer than Alertmanager's group_interval, after which it counts a notification as failed
# for good.
ARRIVAL_SECONDS = 45.0
POLL_SECONDS = 0.5
# The receiver that has no channel: the exporter counts what arrives there.
OWN = "exporter"
METRIC = re.compile(r'^(\w+)\{.*?integration="(\w+)".*?\} (\S+)$', re.MULTILINE)
# Tries are counted when they have ended, notifications when they begin.
TRIES, TRIES_FAILED = (
    "alertmanager_notification_requests_total",
    "alertmanager_notification_requests_failed_total",
)
FAILED = "alertmanager_notifications_failed_total"
REASON = re.compile(r'err="((?:[^"\\]|\\.)*)"')


class Stack(Protocol):
    """Of a running stack, the logs."""

    def last_words(self, part: Part) -> list[str]:
        """The lines of a part's log that say what is wrong."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A receiver of the configuration that Alertmanager runs with, and how it sends."""

    receiver: str
    integration: str


def run(settings: Settings, stack: Stack) -> None:
    """Send a test alert, wait, and say for each channel whether its server took the message.

    Raises:
        StackError: Alertmanager does not answer, no channel is set up, or one did not take it.
    """
    parts.require(settings, "make notify-test", "Alertmanager")
    if not _members(settings):
        raise StackError("Alertmanager is not up; start the stack with: make up")
    channels = _channels(settings)
    if not channels:
        raise StackError(
            "no channel is set up, so only the exporter is notified; secrets/README.md says how "
            "to set one up"
        )
    before, started = _counts(settings), datetime.now(UTC)
    clock = time.monotonic()
    print(f"sending a test alert to {', '.join(channel.receiver for channel in channels)}")
    _post(settings, started, started + timedelta(minutes=5))
    failed = []
    try:
        waiting = [channel for channel in channels if channel.receiver in _receivers(settings)]
        for channel in (channel for channel in channels if channel not in waiting):
            print(f"  {channel.receiver}: not tested, since critical alerts are not routed to it")
        for channel, why in _outcomes(settings, stack, waiting, before):
            taken = f"taken by its server after {time.monotonic() - clock:.1f} s"
            print(f"  {channel.receiver}: {why or taken}")
            failed += [channel.receiver] if why else []
    finally:
        _post(settings, started, datetime.now(UTC))  # which closes an incident at PagerDuty
    print("the test alert is resolved; channels that report it get one more message")
    if failed:
        raise StackError(f"not every channel took the message: {', '.join(failed)}")


def _outcomes(
    settings: Settings,
    stack: Stack,
    waiting: Sequence[Channel],
    before: Mapping[tuple[str, str], float],
) -> Iterator[tuple[Channel, str]]:
    """Each channel when its message was taken or failed, with why it was not taken."""
    left, deadline = list(waiting), time.monotonic() + ARRIVAL_SECONDS
    while left and time.monotonic() < deadline:
        now = _counts(settings)

        def more(metric: str, channel: Channel, now: Mapping[tuple[str, str], float] = now) -> bool:
            key = (metric, channel.integration)
            return now.get(key, 0.0) > before.get(key, 0.0)

        for channel in list(left):
            if more(FAILED, channel) or more(TRIES_FAILED, channel):
                left.remove(channel)
                yield channel, f"FAILED: {_reason(settings, stack, channel)}"
            elif more(TRIES, channel):
                left.remove(channel)
                yield channel, ""
        time.sleep(POLL_SECONDS)
    for channel in left:
        yield channel, f"no answer within {ARRIVAL_SECONDS:.0f} s"


def _reason(settings: Settings, stack: Stack, channel: Channel) -> str:
    """What Alertmanager's log says of the channel's failure."""
    members = high_availability.members(ALERTMANAGER, settings)
    lines = (line for part in members for line in reversed(stack.last_words(part)))
    for line in lines:
        if channel.receiver in line and (found := REASON.search(line)):
            return found[1].replace('\\"', '"')
    return "`make logs PART=alertmanager` says why"


def _channels(settings: Settings) -> list[Channel]:
    """The channels that are on, from the configuration that Alertmanager runs with."""
    status = _get(settings, "/api/v2/status")
    receivers = yaml.safe_load(status["config"]["original"])["receivers"]
    return [
        Channel(receiver["name"], key.removesuffix("_configs"))
        for receiver in receivers
        if receiver["name"] != OWN
        for key in receiver
        if key.endswith("_configs")
    ]


def _receivers(settings: Settings) -> set[str]:
    """The receivers that Alertmanager routes the test alert to."""
    found = _get(settings, f'/api/v2/alerts?filter=alertname%3D"{ALERT}"')
    return {receiver["name"] for alert in found for receiver in alert["receivers"]}


def _post(settings: Settings, starts: datetime, ends: datetime) -> None:
    alert = {
        "labels": {"alertname": ALERT, "severity": "critical", "team": "benchmarks"},
        "annotations": TEXTS[settings[alert_texts.SETTING]],
        "startsAt": starts.isoformat(),
        "endsAt": ends.isoformat(),
        "generatorURL": settings.public_url(EXPORTER),
    }
    for member in _members(settings):  # which send it once
        internal.request(
            member,
            settings,
            "/api/v2/alerts",
            method="POST",
            data=json.dumps([alert]).encode(),
            headers={"Content-Type": "application/json"},
        )


def _counts(settings: Settings) -> dict[tuple[str, str], float]:
    """Notifications and failures so far, by metric and integration."""
    members = _members(settings)
    text = "\n".join(internal.request(one, settings, "/metrics").decode() for one in members)
    counts: dict[tuple[str, str], float] = {}
    for metric, integration, value in METRIC.findall(text):
        if metric in (TRIES, TRIES_FAILED, FAILED):
            key = (metric, integration)
            counts[key] = counts.get(key, 0.0) + float(value)
    return counts


def _get(settings: Settings, path: str) -> Any:
    return internal.get_json(first_ready(ALERTMANAGER, settings), settings, path)


def _members(settings: Settings) -> list[Part]:
    """The Alertmanagers that are ready."""
    members = high_availability.members(ALERTMANAGER, settings)
    return [member for member in members if is_ready(member, settings)]
