"""A killed Alertmanager knows what it has sent: nothing stays open, and nothing is sent twice."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from stack import settings as stack_settings
from stack.processes import Processes
from stack.programs import Programs
from stack.sent_notes import remove_from_future
from stack.settings import ALERTMANAGER, ROOT, STATE, Settings
from tests.rules.alerts import CRITICAL
from tests.rules.delivery import (
    CRITICAL_WAIT_SECONDS,
    DEADLINE_SECONDS,
    INTERVAL_SECONDS,
    SLACK_SECONDS,
    maintenance_flag,
    running_alertmanager,
    wait_until,
    webhook,
)
from tests.rules.endpoints import pagerduty

STORED_SECONDS = 10.0


def test_what_ends_while_it_is_down_is_resolved_and_nothing_is_sent_twice(
    tmp_path: Path, programs: Mapping[str, Sequence[str]], free_port: Callable[[], int]
) -> None:
    with running_alertmanager(tmp_path, programs, free_port) as alertmanager:
        alertmanager.post([CRITICAL])
        inbox = alertmanager.channels.pagerduty.inbox
        inbox.wait(pagerduty("trigger", ""), CRITICAL_WAIT_SECONDS + SLACK_SECONDS)
        alertmanager.channels.exporter.inbox.wait(webhook("firing", CRITICAL), DEADLINE_SECONDS)
        sent, log = time.time(), alertmanager.data / "nflog"
        wait_until(lambda: log.exists() and log.stat().st_mtime > sent, STORED_SECONDS)
        alertmanager.server.kill()
        alertmanager.server.start()
        alertmanager.server.wait_until_ready()
        alertmanager.resolve([CRITICAL])  # Prometheus sends what has ended for 15 minutes
        inbox.wait(pagerduty("resolve", ""), INTERVAL_SECONDS + SLACK_SECONDS)
        assert [page["event_action"] for page in inbox.all()] == ["trigger", "resolve"]


def test_what_was_sent_in_the_future_is_sent_again(
    tmp_path: Path, programs: Mapping[str, Sequence[str]], free_port: Callable[[], int]
) -> None:
    with running_alertmanager(tmp_path, programs, free_port) as alertmanager:
        alertmanager.post([CRITICAL])
        inbox = alertmanager.channels.pagerduty.inbox
        inbox.wait(pagerduty("trigger", ""), CRITICAL_WAIT_SECONDS + SLACK_SECONDS)
        alertmanager.channels.exporter.inbox.wait(webhook("firing", CRITICAL), DEADLINE_SECONDS)
        sent, log = time.time(), alertmanager.data / "nflog"
        wait_until(lambda: log.exists() and log.stat().st_mtime > sent, STORED_SECONDS)
        alertmanager.server.kill()
        assert remove_from_future(log, time.time()) == 0
        set_back = time.time() - 3600
        assert remove_from_future(log, set_back) > 0
        assert remove_from_future(log, set_back) == 0
        alertmanager.server.start()
        alertmanager.server.wait_until_ready()
        alertmanager.post([CRITICAL])
        wait_until(
            lambda: [page["event_action"] for page in inbox.all()] == ["trigger", "trigger"],
            DEADLINE_SECONDS,
        )


def test_notes_that_are_not_there_or_not_understood_stay_as_they_are(tmp_path: Path) -> None:
    notes = tmp_path / "nflog"
    assert remove_from_future(notes, 0.0) == 0
    for damaged in (b"", b"\x05ab", b"\x02\x0a\x05", b"\xff", bytes(40)):
        notes.write_bytes(damaged)
        assert remove_from_future(notes, 0.0) == 0
        assert notes.read_bytes() == damaged


def test_both_modes_store_it_equally_often(
    tmp_path: Path, programs: Mapping[str, Sequence[str]]
) -> None:
    assert programs
    (tmp_path / "exporter").mkdir()
    (tmp_path / "exporter" / "requirements.txt").touch()  # part of what `make up` restarts for
    settings = Settings(tmp_path, stack_settings.defaults().values)
    processes = Processes(settings, Programs(ROOT / STATE / "programs"))
    [words] = [each.argv for each in processes.all() if each.part is ALERTMANAGER]
    assert maintenance_flag() in words
