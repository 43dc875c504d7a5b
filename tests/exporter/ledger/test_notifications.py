"""Alerts that anybody may send: how many are kept and counted, and which."""

import sqlite3
from contextlib import closing

from benchmark_exporter.ledger.notifications import (
    KEPT_OF_ONE_NAME,
    MAX_AGE_SECONDS,
    NOTIFICATIONS_KEPT,
    SERIES_KEPT,
    SERIES_LEAST_SECONDS,
)
from benchmark_exporter.ledger.received import ReceivedNotification, Unheard
from benchmark_exporter.ledger.schema import MIGRATIONS
from benchmark_exporter.model import Notification
from tests.support.alerts import WATCHDOG
from tests.support.wired import Wired

KNOWN = frozenset({"Watchdog", "PerformanceRegression"})
COUNTER = "benchmark_exporter_notifications_received_total"
OTHER = {"alertname": "(other)", "severity": "(other)"}


def alert(
    number: int, name: str = "Forged", severity: str = "critical", status: str = "firing"
) -> Notification:
    return Notification(
        f"{name}{number}", name, benchmark="", severity=severity, status=status, summary=""
    )


def forged(count: int, start: int = 0, severity: str = "critical") -> list[Notification]:
    """Alerts of as many names."""
    return [alert(number, f"Forged{number}", severity) for number in range(start, start + count)]


def kept(wired: Wired) -> set[str]:
    return {name for (name,) in wired.query("SELECT fingerprint FROM notifications")}


def note(wired: Wired, unheard: Unheard) -> None:
    wired.now += 1
    with wired.ledger.transaction() as transaction:
        transaction.notifications.note([unheard], wired.now)


def kept_alerts(wired: Wired) -> list[ReceivedNotification]:
    return list(wired.ledger.state().notifications)


def receive(wired: Wired, *received: Notification) -> int:
    wired.now += 1
    return wired.ingest.receive(received, KNOWN)


def test_names_beyond_the_limit_share_a_series(wired: Wired) -> None:
    assert receive(wired, *forged(SERIES_KEPT)) == 0
    assert receive(wired, *forged(5000, 100)) == 5000 - 100
    assert receive(wired, alert(0, "Late", status="resolved")) == 1
    ((rows,),) = wired.query("SELECT count(*) FROM counters WHERE name = 'notifications_received'")
    assert rows == SERIES_KEPT + 2
    assert len(wired.query("SELECT * FROM notification_series")) == SERIES_KEPT
    assert wired.value(COUNTER, **OTHER, status="firing") == 4900
    assert wired.value(COUNTER, **OTHER, status="resolved") == 1
    assert wired.value(COUNTER, alertname="Forged150") == 2


def test_known_names_have_a_series_whatever_else_was_sent(wired: Wired) -> None:
    receive(wired, *forged(1000))
    assert receive(wired, WATCHDOG, alert(1, "PerformanceRegression")) == 0
    assert wired.value(COUNTER, alertname="Watchdog", severity="none", status="firing") == 1
    assert wired.value(COUNTER, alertname="PerformanceRegression") == 1


def test_severities_of_a_known_name_are_limited_too(wired: Wired) -> None:
    received = [alert(number, "Watchdog", f"severity{number}") for number in range(1000)]
    assert receive(wired, *received) == 1000 - SERIES_KEPT


def test_a_name_that_was_not_received_for_long_makes_room(wired: Wired) -> None:
    receive(wired, alert(0, "Ended"))
    receive(wired, *forged(SERIES_KEPT - 1))
    assert receive(wired, alert(0, "New")) == 1
    wired.now += SERIES_LEAST_SECONDS
    receive(wired, *forged(SERIES_KEPT - 1))
    assert receive(wired, alert(0, "New")) == 0
    assert wired.value(COUNTER, alertname="New") == 1
    assert wired.value(COUNTER, alertname="Ended") is None
    # What is counted does not get less.
    assert wired.value(COUNTER, **OTHER, status="firing") == 2


def test_a_flood_pushes_out_no_alert_that_fires(wired: Wired) -> None:
    receive(wired, alert(1, "PerformanceRegression", "warning"), alert(1, "Own"))
    for start in range(0, 3000, 300):
        receive(wired, *forged(300, start))
    assert {"PerformanceRegression1", "Own1"} <= kept(wired)
    assert len(kept(wired)) == NOTIFICATIONS_KEPT


def test_an_alert_of_a_known_name_finds_a_place_in_a_flood(wired: Wired) -> None:
    receive(wired, *forged(1000))
    receive(wired, alert(1, "PerformanceRegression", "warning"), alert(2, "PerformanceRegression"))
    receive(wired, *forged(1000, 1000))
    assert "PerformanceRegression2" in kept(wired)


def test_a_flood_under_one_name_leaves_the_others(wired: Wired) -> None:
    receive(wired, *[alert(number, "PerformanceRegression") for number in range(1000)])
    receive(wired, alert(1, "Own"))
    receive(wired, *[alert(number, "PerformanceRegression") for number in range(1000, 2000)])
    assert "Own1" in kept(wired)
    # Nobody needs the room, so it is used.
    assert len(kept(wired)) == NOTIFICATIONS_KEPT


def test_real_alerts_of_one_name_are_all_kept(wired: Wired) -> None:
    count = KEPT_OF_ONE_NAME * 4
    receive(wired, *[alert(number, "PerformanceRegression") for number in range(count)])
    assert len(kept(wired)) == count


def test_the_newest_resolved_ones_are_kept_among_others(wired: Wired) -> None:
    receive(wired, *forged(1000))
    receive(wired, alert(1, "Own", status="resolved"))
    assert "Own1" in kept(wired)


def test_what_was_not_repeated_for_long_goes(wired: Wired) -> None:
    receive(wired, alert(1), alert(2))
    wired.now += MAX_AGE_SECONDS / 2
    receive(wired, alert(2))
    wired.now += MAX_AGE_SECONDS / 2 + 1
    receive(wired, WATCHDOG)
    assert kept(wired) == {"Forged2", WATCHDOG.fingerprint}


def test_an_exporter_that_receives_nothing_prunes_by_retention(wired: Wired) -> None:
    receive(wired, alert(1))
    list(wired.ledger.prune(wired.now - 1))
    assert kept(wired) == {"Forged1"}
    list(wired.ledger.prune(wired.now + 1))
    assert kept(wired) == set()


def test_a_flooded_ledger_of_an_earlier_version_is_cleaned(wired: Wired) -> None:
    index = next(i for i, script in enumerate(MIGRATIONS) if "notification_series" in script)
    wired.ledger.close()
    path = wired.folder / "before.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        for number, script in enumerate(MIGRATIONS[:index], 1):
            connection.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")
        connection.executemany(
            "INSERT INTO counters VALUES ('notifications_received', ?, 2, ?)",
            [
                (f'["A{n}","critical","{s}"]', wired.now + n)
                for n in range(1000)
                for s in ("firing", "resolved")
            ],
        )
        connection.commit()
    path.replace(wired.ledger_path)
    for name in ("ledger.sqlite3-wal", "ledger.sqlite3-shm"):
        (wired.folder / name).unlink(missing_ok=True)
    wired.restart()
    assert wired.value(COUNTER, alertname="A0", status="firing") == 2
    assert wired.value(COUNTER, **OTHER, status="firing") == 2 * 900
    assert wired.value(COUNTER, **OTHER, status="resolved") == 2 * 900
    receive(wired, alert(0, "A999"), alert(0, "A0"))
    assert wired.value(COUNTER, **OTHER, status="firing") == 2 * 900 + 1
    assert wired.value(COUNTER, alertname="A0", status="firing") == 3


def test_what_is_noted_of_an_alert_is_about_the_message_that_was_known(wired: Wired) -> None:
    receive(wired, alert(1))
    [before] = kept_alerts(wired)
    note(wired, Unheard("Forged1", before.received_seconds, 7.0))
    [missing] = kept_alerts(wired)
    assert (missing.status, missing.missing_seconds) == ("missing", 7.0)
    receive(wired, alert(1))
    [again] = kept_alerts(wired)
    assert (again.status, again.since_seconds) == ("firing", before.since_seconds)
    # That it has ended was found before the second message came.
    note(wired, Unheard("Forged1", before.received_seconds, None, has_ended=True))
    assert kept_alerts(wired) == [again]
    note(wired, Unheard("Forged1", again.received_seconds, None, has_ended=True))
    [ended] = kept_alerts(wired)
    assert (ended.status, ended.since_seconds) == ("resolved", wired.now)
    assert wired.value(COUNTER, alertname="Forged1", status="resolved") is None
