"""When an alert counts as missing and as ended, decided by what Alertmanager has."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from benchmark_exporter.config import AlertKeeping
from benchmark_exporter.ledger.received import ReceivedNotification, Unheard
from benchmark_exporter.model import Notification
from benchmark_exporter.server.alertmanager_api import ActiveAlert, AlertmanagerApi
from benchmark_exporter.server.lost_ends import MISSING_SECONDS, LostEnds
from benchmark_exporter.server.prometheus_absence import PrometheusAbsence

STEP_SECONDS = 5.0
KEEPING = AlertKeeping()
WATCHDOG = ActiveAlert({"alertname": "Watchdog", "severity": "none"}, {})
LABELS = {"alertname": "Slow", "severity": "critical", "project": "p", "step": "1"}
BEGAN = 1_700_000_000.0


def received(
    labels: Mapping[str, str] = LABELS, missing_seconds: float | None = None
) -> ReceivedNotification:
    notification = Notification(
        "f1", "Slow", "", "critical", "firing", "slow", "p", labels=labels, annotations={"a": "b"}
    )
    return ReceivedNotification(notification, BEGAN, BEGAN, True, missing_seconds)


class Alertmanager(AlertmanagerApi):
    """One that lists what a test says."""

    def __init__(self) -> None:
        self.alerts: Sequence[ActiveAlert] = [WATCHDOG]
        self.posted: list[ActiveAlert] = []

    async def active(self) -> Sequence[ActiveAlert]:
        return self.alerts

    async def post(self, alerts: Sequence[ActiveAlert]) -> None:
        self.posted += alerts


@dataclass
class Stage:
    """What the exporter has received, with a clock of its own. Prometheus scrapes each second."""

    kept: list[ReceivedNotification] = field(default_factory=lambda: [received()])
    now: float = 0.0
    scraped: bool = True
    noted: list[Unheard] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.alertmanager = Alertmanager()
        self.absence = PrometheusAbsence(
            KEEPING.after_seconds, KEEPING.limit_seconds, lambda: self.now
        )
        self.lost_ends = LostEnds(
            lambda: self.kept,
            self._note,
            self.absence,
            KEEPING,
            lambda: datetime.fromtimestamp(BEGAN + self.now, UTC),
            lambda: self.now,
        )

    async def _note(self, unheard: Sequence[Unheard]) -> None:
        self.noted += unheard
        for each in unheard:
            [before] = [kept for kept in self.kept if kept.notification.fingerprint == "f1"]
            self.kept.remove(before)
            if not each.has_ended:
                self.kept.append(received(before.notification.labels, each.missing_seconds))

    def run(self, seconds: float) -> list[Unheard]:
        """Lets so much time pass, and returns what was noted in it."""
        ends, before = self.now + seconds, len(self.noted)
        while self.now < ends:
            self.now += STEP_SECONDS
            if self.scraped:
                self.absence.note_scrape("one", "", "Prometheus/3.5.3")
            asyncio.run(self.lost_ends.check(self.alertmanager))
        return self.noted[before:]


def test_what_is_missing_may_have_ended_and_then_has() -> None:
    stage = Stage()
    assert not stage.run(MISSING_SECONDS)
    [missing] = stage.run(2 * STEP_SECONDS)
    assert missing == Unheard("f1", BEGAN, BEGAN + STEP_SECONDS)
    assert not stage.alertmanager.posted
    [ended] = stage.run(KEEPING.lost_after_seconds)
    assert ended == Unheard("f1", BEGAN, None, has_ended=True)
    [end] = stage.alertmanager.posted
    assert (end.labels, end.annotations) == (LABELS, {"a": "b"})
    assert end.ends_at is not None
    assert end.ends_at.timestamp() <= BEGAN + stage.now


def test_what_comes_back_is_confirmed_again() -> None:
    stage = Stage()
    stage.run(MISSING_SECONDS + 2 * STEP_SECONDS)
    stage.alertmanager.alerts = [WATCHDOG, ActiveAlert(LABELS, {})]
    assert stage.run(2 * STEP_SECONDS) == [Unheard("f1", BEGAN, None)]
    assert not stage.run(2 * KEEPING.lost_after_seconds)
    assert not stage.alertmanager.posted


def test_nothing_ends_while_prometheus_is_away_or_does_not_reach_alertmanager() -> None:
    for scraped, alerts in ((False, [WATCHDOG]), (True, [])):
        stage = Stage(scraped=scraped)
        stage.alertmanager.alerts = alerts
        noted = stage.run(3 * KEEPING.limit_seconds)
        assert [each.has_ended for each in noted] == [False]
        assert not stage.alertmanager.posted
        # The time begins when both are there.
        stage.scraped, stage.alertmanager.alerts = True, [WATCHDOG]
        assert not stage.run(KEEPING.lost_after_seconds)
        assert [each.has_ended for each in stage.run(2 * STEP_SECONDS)] == [True]


def test_a_short_absence_of_prometheus_begins_the_time_anew() -> None:
    stage = Stage()
    stage.run(KEEPING.lost_after_seconds - STEP_SECONDS)
    stage.scraped = False
    stage.run(KEEPING.after_seconds + STEP_SECONDS)
    stage.scraped = True
    assert not stage.run(KEEPING.lost_after_seconds)


def test_an_alert_that_was_not_kept_whole_is_found_by_some_labels_and_ends_here_only() -> None:
    stage = Stage(kept=[received({})])
    stage.alertmanager.alerts = [WATCHDOG, ActiveAlert(LABELS, {})]
    assert not stage.run(2 * KEEPING.lost_after_seconds)
    stage.alertmanager.alerts = [WATCHDOG, ActiveAlert({**LABELS, "project": "other"}, {})]
    assert [each.has_ended for each in stage.run(KEEPING.lost_after_seconds + 10)] == [False, True]
    assert not stage.alertmanager.posted


def test_a_forged_message_ends_no_alert_of_others() -> None:
    """It names the labels of an alert that Alertmanager has, under another fingerprint."""
    stage = Stage()
    stage.alertmanager.alerts = [WATCHDOG, ActiveAlert(LABELS, {})]
    assert not stage.run(2 * KEEPING.lost_after_seconds)
    assert not stage.alertmanager.posted


def test_watchdog_itself_is_not_looked_for() -> None:
    watchdog = Notification("w", "Watchdog", "", "none", "firing", "", labels=WATCHDOG.labels)
    stage = Stage(kept=[ReceivedNotification(watchdog, BEGAN, BEGAN, True)])
    stage.alertmanager.alerts = []
    assert not stage.run(2 * KEEPING.lost_after_seconds)
