"""In which order two sides are measured, for how long, and what is said at the end."""

import math
import random
import re
from collections.abc import Callable, Mapping

import pytest

from benchmark_exporter.compare.documents import CompareError, Quantity
from benchmark_exporter.compare.report import as_markdown, as_table
from benchmark_exporter.compare.rounds import Measure, Plan, compare
from benchmark_exporter.compare.statistics import least_rounds

TIME = Quantity("time", "seconds", "lower")
TINY = Quantity("tiny", "seconds", "lower")
RATE = Quantity("rate", "per_second", "higher")


class Machine:
    """Two sides on a machine with a clock of its own: each run lasts as long as it says."""

    def __init__(self, *, head: float = 1.0, cv: float = 0.01, drift: float = 0.0) -> None:
        self.now, self.order = 0.0, ""
        self._head, self._cv, self._drift = head, cv, drift
        self._chance = random.Random(5)  # noqa: S311  # simulation, not a secret

    def side(self, name: str) -> Callable[[], Mapping[Quantity, float]]:
        def measure() -> Mapping[Quantity, float]:
            self.order += name
            slower = self._head if name == "h" else 1.0
            seconds = slower * self._chance.gauss(1, self._cv) * (1 + self._drift * self.now)
            self.now += seconds
            return {TIME: seconds, RATE: 1 / seconds}

        return measure

    def compare(self, plan: Plan) -> Mapping[str, str | None]:
        self.comparison = compare(self.side("b"), self.side("h"), plan, monotonic=lambda: self.now)
        return {each.quantity.name: each.outcome for each in self.comparison.results}


def test_sides_alternate_after_warm_up_and_noise() -> None:
    machine = Machine()
    machine.compare(Plan(warmups=2, noise_rounds=3))
    rounds = machine.comparison.rounds
    assert machine.order == "bh" * 2 + "bbbb" * 3 + "bhhb" * rounds


def test_a_large_change_is_found_after_the_fewest_rounds() -> None:
    machine = Machine(head=1.5, cv=0.1)
    assert machine.compare(Plan()) == {"time": "worse", "rate": "worse"}
    assert machine.comparison.rounds == least_rounds(0, 2)
    assert machine.comparison.ratio == pytest.approx(0.5, abs=0.1)


def test_a_faster_head_is_better() -> None:
    assert Machine(head=0.8).compare(Plan()) == {"time": "better", "rate": "better"}


def test_equal_sides_are_the_same() -> None:
    assert Machine().compare(Plan()) == {"time": "same", "rate": "same"}


def test_a_drift_of_the_machine_is_no_change() -> None:
    """Each run is half a percent slower than the one before, 30 % over the comparison."""
    machine = Machine(drift=0.005)
    assert machine.compare(Plan()) == {"time": "same", "rate": "same"}


def test_the_time_limit_leaves_a_result_undecided() -> None:
    machine = Machine(cv=0.04)
    assert set(machine.compare(Plan(max_seconds=60)).values()) == {"undecided"}
    assert machine.now <= 62
    for each in machine.comparison.results:
        assert re.search(
            r"^it would need about [\d,]+ rounds, of which the time allows \d+$", each.note
        )


def _with_noise(machine: Machine, cv: float) -> Callable[[str], Measure]:
    """The sides of a machine with one more result, which is noise."""
    chance = random.Random(7)  # noqa: S311  # simulation, not a secret

    def side(name: str) -> Measure:
        measure = machine.side(name)
        return lambda: {**measure(), TINY: math.exp(chance.gauss(0, cv))}

    return side


def test_a_noisy_result_does_not_hold_up_the_others() -> None:
    machine = Machine(head=1.2)
    side = _with_noise(machine, cv=1.0)
    comparison = compare(side("b"), side("h"), Plan(), monotonic=lambda: machine.now)
    found = {each.quantity.name: each for each in comparison.results}
    assert found["time"].outcome == "worse"
    assert found["tiny"].outcome == "undecided"
    assert "would need about" in found["tiny"].note
    # It takes about the fewest rounds that allow a verdict, not the ten minutes.
    assert found["time"].rounds == least_rounds(0, 3)
    assert comparison.rounds <= 2 * least_rounds(0, 3)
    assert machine.now < 150
    assert "tiny is undecided: it would need about" in "\n".join(as_table(comparison))


def test_what_is_decided_stays_so_while_others_are_measured() -> None:
    machine = Machine(head=1.2, cv=0.02)
    side = _with_noise(machine, cv=0.03)
    comparison = compare(side("b"), side("h"), Plan(max_seconds=1e6), monotonic=lambda: machine.now)
    found = {each.quantity.name: each for each in comparison.results}
    assert found["tiny"].outcome == "same"
    assert found["time"].rounds == least_rounds(0, 3) < found["tiny"].rounds == comparison.rounds
    assert "decided before the last round: 2, after " in "\n".join(as_markdown(comparison))


@pytest.mark.parametrize("selected", [["time"], ["ti[ml]e"], ["t*me", "nothing else", "time"]])
def test_only_what_is_selected_decides(selected: list[str]) -> None:
    machine = Machine(head=1.2)
    side = _with_noise(machine, cv=1.0)
    plan = Plan(selected=selected)
    if "nothing else" in selected:
        with pytest.raises(CompareError, match=r"there is no result nothing else; there are time"):
            compare(side("b"), side("h"), plan, monotonic=lambda: machine.now)
        return
    comparison = compare(side("b"), side("h"), plan, monotonic=lambda: machine.now)
    found = {each.quantity.name: each for each in comparison.results}
    assert found["time"].outcome == "worse"
    assert {found[name].outcome for name in ("rate", "tiny")} == {None}
    # The error is divided among one result, not three.
    assert comparison.rounds == least_rounds(0, 1) < least_rounds(0, 3)
    assert comparison.ratio == pytest.approx(0.2, abs=0.02)
    assert "1 worse, 2 not selected (" in "\n".join(as_table(comparison))


def test_noise_does_not_measure_for_ever() -> None:
    machine = Machine(cv=0.02)
    machine.compare(Plan(detect_ratio=0.02, max_seconds=1e9))
    assert machine.comparison.rounds < 300


def test_results_that_a_run_lacks_are_named() -> None:
    machine, other = Machine(), Quantity("parse", "seconds", "lower")
    base, head = machine.side("b"), machine.side("h")
    comparison = compare(
        lambda: {**base(), other: 1.0}, head, Plan(), monotonic=lambda: machine.now
    )
    assert comparison.missing == ["parse"]
    with pytest.raises(CompareError, match="no result is in every run of both sides"):
        compare(lambda: {other: 1.0}, head, Plan(max_seconds=60), monotonic=lambda: machine.now)


def test_a_result_without_a_direction_has_no_verdict() -> None:
    count = Quantity("allocations", "count", None)
    machine = Machine()
    base = machine.side("b")
    comparison = compare(
        lambda: {**base(), count: 5.0},
        lambda: {**base(), count: 6.0},
        Plan(),
        monotonic=lambda: machine.now,
    )
    (result,) = (each for each in comparison.results if each.quantity == count)
    assert result.outcome is None
    assert result.change.ratio == pytest.approx(0.2)
    assert comparison.ratio == pytest.approx(0, abs=0.02)
