"""Owners whose holds have ended are found as by asking all, without asking all."""

import random
from collections.abc import Mapping
from typing import cast

import pytest

from benchmark_exporter.ledger.owner_states import Owner, OwnerState
from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.metrics.holding import Hold, Releases
from benchmark_exporter.metrics.timed_owners import TimedOwners

HOLDS_SECONDS: Mapping[Part, float] = {"state": 4.0, "distributions": 62.0}
PUBLICATIONS = 400
_Born = frozenset[tuple[Part, float]]


class _State:
    """An owner's state, as far as it matters here."""

    reports = ()


class _Counting(Hold):
    """Counts how often it is asked."""

    asked = 0

    def holds(self, born_seconds: float) -> bool:
        type(self).asked += 1
        return super().holds(born_seconds)


class _AskingAll:
    """The same by asking each birth of each owner."""

    def __init__(self) -> None:
        self._held: dict[Owner, dict[tuple[Part, float], bool]] = {}

    def keep(self, owner: Owner, births: _Born, holds: Mapping[Part, Hold]) -> None:
        self._held.pop(owner, None)
        held = {(part, born): holds[part].holds(born) for part, born in births}
        if any(held.values()):
            self._held[owner] = held

    def released(self, holds: Mapping[Part, Hold]) -> dict[Owner, _Born]:
        return {
            owner: frozenset(held)
            for owner, held in self._held.items()
            if held != {(part, born): holds[part].holds(born) for part, born in held}
        }


def _kept(state: _State) -> OwnerState:
    return cast("OwnerState", state)


@pytest.mark.parametrize("seed", range(8))
def test_the_owners_of_holds_that_ended_are_those_found_by_asking_all(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # no secret
    ours, all_asked = TimedOwners(), _AskingAll()
    of_ours, of_all = Releases(HOLDS_SECONDS), Releases(HOLDS_SECONDS)
    births: dict[Owner, _Born] = {}
    now = 1000.0
    for number in range(PUBLICATIONS):
        # Now and then the clock is set back, or nothing happens for long.
        now += chance.choice((0.0, 0.1, 1.0, 1.0, 5.0, 30.0, 90.0, -2.0, -70.0))
        at = (now - chance.choice((0.5, 40.0, 300.0)),) if chance.random() < 0.5 else ()
        scrapes = dict.fromkeys(HOLDS_SECONDS, at)
        holds, others = of_ours.holds(now, scrapes), of_all.holds(now, scrapes)
        for _ in range(chance.randint(0, 4)):
            owner: Owner = ("benchmark", f"owner{chance.randint(0, 30)}")
            at_or_near = [now, now, now - 3.0, now - 61.5, now + 2.0]
            births[owner] = frozenset(
                (part, chance.choice(at_or_near)) for part in HOLDS_SECONDS for _ in range(2)
            )
            ours.keep(owner, _kept(_State()), births[owner], holds)
            all_asked.keep(owner, births[owner], others)
        if number % 7 == 6:  # a publication that failed halfway
            continue
        released, expected = ours.released(holds), all_asked.released(others)
        assert released.keys() == expected.keys()
        for part in HOLDS_SECONDS:
            assert holds[part].ends_seconds == others[part].ends_seconds
            assert holds[part].released_seconds == others[part].released_seconds
        for owner in expected:
            ours.keep(owner, _kept(_State()), births[owner], holds)
            all_asked.keep(owner, births[owner], others)
        of_ours.note(holds)
        of_all.note(others)


def test_an_owner_that_has_gone_is_not_released() -> None:
    timed, births = TimedOwners(), frozenset[tuple[Part, float]]({("state", 1000.0)})
    owner: Owner = ("benchmark", "one")
    timed.keep(owner, _kept(_State()), births, {"state": Hold(4.0, 1000.0)})
    timed.keep(owner, None, (), {"state": Hold(4.0, 1001.0)})
    assert timed.released({"state": Hold(4.0, 1010.0)}) == {}


def test_a_publication_asks_few_of_many_births_that_stay_held() -> None:
    timed = TimedOwners()
    hold = Hold(62.0, 1000.0)
    for number in range(5000):
        timed.keep(
            ("benchmark", str(number)),
            _kept(_State()),
            {("state", 999.0 + number / 1e4)},
            {"state": hold},
        )
    timed.released({"state": hold})
    _Counting.asked = 0
    assert not timed.released({"state": _Counting(62.0, 1001.0)})
    assert len(timed.released({"state": _Counting(62.0, 1061.01)})) > 50
    assert _Counting.asked < 300
