"""What benchmarks.soak finds wrong, and when it kills what."""

import random
import threading
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.soak_checks import check_alerts, count_faults, run_faults
from benchmarks.soak_disturbance import KILLED, KILLS_UNTIL_SHARE, Kill, schedule
from benchmarks.soak_incidents import Incident, Incidents
from benchmarks.soak_load import Account
from stack.settings import ALERTMANAGER, EXPORTER, Part


def page(action: str, key: str = "a") -> dict[str, object]:
    summary = "incident-1 of project-of-incident-1 became 60% worse"
    return {"event_action": action, "dedup_key": key, "payload": {"summary": summary}}


def found(pages: list[dict[str, object]], *kills: Kill) -> list[str]:
    """The faults of an incident that lasted from second 100 to second 200."""
    incidents = Incidents(Path("unused"), Account(), lambda: pages, threading.Event())
    actions = {each["event_action"] for each in pages}
    paged = 120.0 if "trigger" in actions else None
    resolved = 200.0 if "resolve" in actions else None
    incidents.all = [Incident("incident-1", 100.0, paged, 150.0, resolved)]
    faults = [fault for check in check_alerts(incidents, kills) for fault in check.faults]
    return [fault.partition(";")[0] for fault in faults]


def kill(part: Part, at_seconds: float) -> Kill:
    return Kill(part, at_seconds, 1.0)


@pytest.mark.parametrize(
    ("pages", "kills", "faults"),
    [
        (["trigger", "resolve"], [], []),
        (["trigger"], [], ["incident-1: no resolve"]),
        ([], [], ["incident-1: no trigger", "incident-1: no resolve"]),
        (["trigger", "trigger", "resolve"], [], ["incident-1: 2 times trigger"]),
        (["trigger", "trigger", "resolve"], [kill(ALERTMANAGER, 130)], []),
        (
            ["trigger", "trigger", "resolve"],
            [kill(ALERTMANAGER, 50), kill(EXPORTER, 130)],
            ["incident-1: 2 times trigger"],
        ),
        (["trigger", "resolve", "resolve"], [], ["incident-1: 2 times resolve"]),
    ],
)
def test_pages_that_are_lost_or_doubled(
    pages: list[str], kills: list[Kill], faults: list[str]
) -> None:
    assert found([page(action) for action in pages], *kills) == faults


def test_a_fault_says_what_happened_when() -> None:
    incidents = Incidents(Path("unused"), Account(), list, threading.Event())
    incidents.all = [Incident("incident-1", 100.0, 104.0, 110.0, None)]
    [check] = check_alerts(incidents, [kill(EXPORTER, 20), kill(ALERTMANAGER, 106)])
    assert check.faults[1] == (
        "incident-1: no resolve; paged at 4 s, kill of alertmanager at 6 s, recovered at 10 s"
    )


def test_two_alerts_of_a_regression_are_not_one_alert_twice() -> None:
    pages = [page(action, key) for key in "ab" for action in ("trigger", "resolve")]
    assert found(pages) == []


def test_counts_that_differ_are_faults() -> None:
    assert count_faults(Counter(a=2, b=1), Counter(a=2, b=1)) == []
    assert count_faults(Counter(a=2, b=2), Counter(a=3, c=1)) == [
        "a: 2 instead of 3",
        "b: 2 instead of 0",
        "c: 0 instead of 1",
    ]


def test_runs_that_are_lost_or_doubled_are_faults() -> None:
    written = Counter(["one", "two", "three"])
    assert run_faults(Counter(["one", "two", "three", "of a live run"]), written) == []
    assert run_faults(Counter(["one", "one", "three"]), written) == [
        "1 lost, two for one",
        "1 doubled, one for one",
    ]


@pytest.mark.parametrize("seconds", [24, 1200, 7200])
def test_each_part_is_killed_early_and_at_the_same_moments_for_a_seed(seconds: float) -> None:
    events = schedule(seconds, random.Random(3))  # noqa: S311  # no secret
    assert events == schedule(seconds, random.Random(3))  # noqa: S311  # no secret
    assert events != schedule(seconds, random.Random(4))  # noqa: S311  # no secret
    kills = [(at, part) for at, part in events if part is not None]
    assert {part for _, part in kills} == set(KILLED)
    assert max(at for at, _ in kills) <= seconds * KILLS_UNTIL_SHARE
    assert len(kills) < len(events)  # the others are reloads
    assert max(at for at, _ in events) <= seconds


def test_a_worker_that_fails_says_why() -> None:
    def no_pages() -> list[dict[str, object]]:
        raise OSError("made up")

    worker = Incidents(Path("/missing/folder"), Account(), no_pages, threading.Event())
    worker.start()
    worker.join(timeout=10)
    assert isinstance(worker.failed, FileNotFoundError)
