"""The search for the first slow commit, in real repositories, with simulated measurements."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmark_exporter.bisect.judging import Unmeasurable
from benchmark_exporter.bisect.position import Position, position
from benchmark_exporter.bisect.repository import Repository
from benchmark_exporter.bisect.search import Found, Sides, search
from benchmark_exporter.bisect.state import Arguments, State
from benchmark_exporter.compare.documents import CompareError, Quantity
from benchmark_exporter.compare.rounds import Measure, Plan, Values
from tests.support.repositories import add_level, git, needs_git, with_levels

pytestmark = needs_git
WORK = Quantity("work", "seconds", "lower")


def _state(good: str, bad: str, detect_ratio: float | None = None) -> State:
    return State(Arguments(good, bad, ("bench",), ".", None, None, detect_ratio))


class Simulated:
    """Measures commits by their `level` file, with a noise of `cv_ratio`; counts its runs."""

    def __init__(self, folder: Path, good: str, cv_ratio: float = 0.01) -> None:
        self._folder, self._good = folder, good
        self._chance = random.Random(1)  # noqa: S311  # noise, not a secret
        self._cv_ratio = cv_ratio
        self.runs: dict[str, int] = {}
        self.stop_after: int | None = None

    @property
    def sides(self) -> Sides:
        return Sides(self._measure(self._good), self._other)

    @contextmanager
    def _other(self, commit: str) -> Iterator[Measure]:
        if "broken" in git(self._folder, "ls-tree", "--name-only", commit).split():
            raise Unmeasurable("does not build")
        yield self._measure(commit)

    def _measure(self, commit: str) -> Measure:
        level = float(git(self._folder, "show", f"{commit}:level"))

        def measure() -> Values:
            if self.stop_after is not None and sum(self.runs.values()) >= self.stop_after:
                raise KeyboardInterrupt
            self.runs[commit] = self.runs.get(commit, 0) + 1
            return {WORK: level * self._chance.lognormvariate(0, self._cv_ratio)}

        return measure


def _found(
    folder: Path, good: str, bad: str, *, detect: float | None = None, cv_ratio: float = 0.01
) -> tuple[Found, State]:
    state = _state(good, bad, detect)
    sides = Simulated(folder, good, cv_ratio).sides
    return search(Repository(folder), state, Plan(), sides, lambda _: None), state


def test_the_first_slow_commit_is_found_wherever_it_is(tmp_path: Path) -> None:
    """Also by changes of 5 % and noise of 2 %, and whatever the position."""
    for slow in (1, 3, 4, 7):
        folder = tmp_path / str(slow)
        commits = with_levels(folder, [100 if n < slow else 105 for n in range(8)])
        found, state = _found(folder, commits[0], commits[-1], cv_ratio=0.02)
        assert (found.ending, found.suspects) == ("found", (commits[slow],)), slow
        assert len(state.tested) <= 3


def test_more_rounds_are_run_where_it_is_undecided(tmp_path: Path) -> None:
    commits = with_levels(tmp_path / "r", [100, 100, 105])
    rounds = []
    for cv_ratio in (0.001, 0.05):
        found, state = _found(tmp_path / "r", commits[0], commits[-1], cv_ratio=cv_ratio)
        assert found.suspects == (commits[2],)
        rounds.append(state.tested[0].rounds)
    assert rounds[1] >= 4 * rounds[0]


def test_a_smaller_change_before_does_not_lead_astray_unless_asked_for(tmp_path: Path) -> None:
    commits = with_levels(tmp_path / "r", [100, 100, 103, 103, 103, 130, 130])
    found, _ = _found(tmp_path / "r", commits[0], commits[-1])
    assert found.suspects == (commits[5],)
    found, _ = _found(tmp_path / "r", commits[0], commits[-1], detect=0.015)
    assert found.suspects == (commits[2],)


def test_another_result_that_stays_undecided_delays_nothing(tmp_path: Path) -> None:
    commits = with_levels(tmp_path / "r", [100, 100, 150])
    simulated = Simulated(tmp_path / "r", commits[0])
    noise = random.Random(2)  # noqa: S311  # noise, not a secret
    noisy = Quantity("noisy", "seconds", "lower")

    def both(measure: Measure) -> Measure:
        return lambda: {noisy: noise.lognormvariate(0, 0.2), **measure()}

    @contextmanager
    def other(commit: str) -> Iterator[Measure]:
        with simulated.sides.other(commit) as measure:
            yield both(measure)

    state = _state(commits[0], commits[-1])
    sides = Sides(both(simulated.sides.good), other)
    found = search(Repository(tmp_path / "r"), state, Plan(), sides, lambda _: None)
    assert found.suspects == (commits[2],)
    assert state.quantity == WORK
    assert sum(simulated.runs.values()) < 200


def test_what_does_not_build_is_skipped(tmp_path: Path) -> None:
    levels = [100, 100, None, None, 100, 120, 120, 120]
    commits = with_levels(tmp_path / "r", levels)
    found, state = _found(tmp_path / "r", commits[0], commits[-1])
    assert (found.ending, found.suspects) == ("found", (commits[5],))
    assert {each.commit for each in state.tested if each.verdict == "skipped"} <= {
        commits[2],
        commits[3],
    }


def test_a_culprit_among_skipped_ones_is_undecided(tmp_path: Path) -> None:
    commits = with_levels(tmp_path / "r", [100, 100, None, None, 120, 120])
    found, state = _found(tmp_path / "r", commits[0], commits[-1])
    assert found.ending == "undecided"
    assert set(found.suspects) == {commits[2], commits[3], commits[4]}
    reasons = {each.reason for each in state.tested if each.verdict == "skipped"}
    assert reasons == {"does not build"}


def test_good_and_bad_that_do_not_differ(tmp_path: Path) -> None:
    commits = with_levels(tmp_path / "r", [100, 90, 100])
    for good, bad in ((0, 2), (0, 1)):
        found, state = _found(tmp_path / "r", commits[good], commits[bad], cv_ratio=0.005)
        assert (found.ending, found.suspects) == ("no difference", ())
        assert found.reason.startswith("bad is not slower than good: work changed by ")
        assert state.tested == []
    commits = with_levels(tmp_path / "s", [100, 103])
    found, _ = _found(tmp_path / "s", commits[0], commits[1], detect=0.1)
    assert found.ending == "no difference"
    assert "less than 10.00%" in found.reason


@pytest.mark.parametrize("slow", ["main", "side", "merge"])
def test_a_history_with_a_merge(tmp_path: Path, slow: str) -> None:
    """The slow commit is on either side of the merge, or is the merge itself."""
    folder = tmp_path / "r"
    (root,) = with_levels(folder, [100])
    culprits: dict[str, str] = {}
    git(folder, "checkout", "--quiet", "-b", "side")
    for number in range(3):
        level = 120 if slow == "side" and number else 100
        (folder / f"side-{number}").touch()
        culprits.setdefault(f"side {level}", add_level(folder, level, f"side {number}"))
    git(folder, "checkout", "--quiet", "main")
    for number in range(4):
        level = 120 if slow == "main" and number > 1 else 100
        (folder / f"main-{number}").touch()
        culprits.setdefault(f"main {level}", add_level(folder, level, f"main {number}"))
    git(folder, "merge", "--quiet", "--no-ff", "--no-commit", "side")
    merged = add_level(folder, 120, "merge")
    culprits["merge 120"] = merged
    (folder / "later").touch()
    last = add_level(folder, 120, "after the merge")
    found, _ = _found(folder, root, last)
    assert (found.ending, found.suspects) == ("found", (culprits[f"{slow} 120"],))


def test_good_on_another_branch(tmp_path: Path) -> None:
    """Its merge base with bad is tested first: it may be good alone that became faster."""
    folder = tmp_path / "r"
    commits = with_levels(folder, [100, 100, 120, 120])
    git(folder, "checkout", "--quiet", "-b", "release", commits[1])
    release = add_level(folder, 99, "release")
    found, state = _found(folder, release, commits[-1])
    assert found.suspects == (commits[2],)
    assert state.tested[0].commit == commits[1]
    fast = add_level(folder, 80, "faster")
    with pytest.raises(CompareError, match="is slow too: not bad became slower"):
        _found(folder, fast, commits[-1])
    with pytest.raises(CompareError, match="comes before"):
        _found(folder, commits[2], commits[0])
    with pytest.raises(CompareError, match="same commit"):
        _found(folder, commits[2], commits[2])


def test_a_search_that_was_stopped_goes_on(tmp_path: Path) -> None:
    """Wherever it was stopped, it finds the same, and runs no test of a commit twice."""
    folder = tmp_path / "r"
    commits = with_levels(folder, [100, 100, 100, 120, 120, 120, 120])
    whole = Simulated(folder, commits[0])
    search(Repository(folder), _state(commits[0], commits[-1]), Plan(), whole.sides, lambda _: None)
    total = sum(whole.runs.values())
    for stop in range(1, total, 23):
        first = Simulated(folder, commits[0])
        first.stop_after = stop
        saved: list[State] = []
        state = _state(commits[0], commits[-1])
        with pytest.raises(KeyboardInterrupt):
            search(Repository(folder), state, Plan(), first.sides, saved.append)
        again = Simulated(folder, commits[0])
        found = search(Repository(folder), state, Plan(), again.sides, lambda _: None)
        assert found.suspects == (commits[3],)
        decided = {each.commit for each in saved[-1].tested} if saved else set()
        tested = [each.commit for each in state.tested]
        assert len(tested) == len(set(tested))
        # At most the comparison of good and bad, or the warm-up and a round, were made again.
        if saved and saved[-1].quantity is not None:
            assert sum(first.runs.values()) + sum(again.runs.values()) <= total + 8
            assert decided <= set(tested)


def test_the_next_commit_after_skips_is_some_way_off() -> None:
    suspects = [str(number) for number in range(100)]
    skipped = Position(suspects, suspects[1:])
    assert skipped.next not in suspects[:3]
    assert Position(suspects, suspects).next == "0"
    assert Position(suspects[:1], []).next is None


def test_the_order_is_gits(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    commits = with_levels(folder, [100] * 9)  # of 8 suspects one alone halves them
    now = position(Repository(folder), _state(commits[0], commits[-1]))
    chosen = git(folder, "rev-list", "--bisect", commits[-1], f"^{commits[0]}").strip()
    assert now.next == chosen
    assert now.steps_left == 3  # of 7 that can be tested
