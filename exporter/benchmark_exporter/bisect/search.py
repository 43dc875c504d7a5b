"""Finds the first slow commit: tests one commit after the other until one is left."""

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Literal

from benchmark_exporter.bisect.judging import Decision, Question, Unmeasurable, decide
from benchmark_exporter.bisect.position import Position, position, untested_base
from benchmark_exporter.bisect.repository import Repository
from benchmark_exporter.bisect.state import State, Tested
from benchmark_exporter.compare.comparison import Compared, Comparison
from benchmark_exporter.compare.documents import CompareError
from benchmark_exporter.compare.rounds import Measure, Plan, Values, compare

Report = Callable[[str, int, int], None]
# Gives what measures a commit, which is checked out and prepared in the context.
Measured = Callable[[str], AbstractContextManager[Measure]]
Ending = Literal["found", "no difference", "undecided"]


@dataclass(frozen=True, slots=True)
class Sides:
    """What measures the good commit, and any other one."""

    good: Measure
    other: Measured


@dataclass(frozen=True, slots=True)
class Progress:
    """What is reported: the phases of a commit's comparison, and which commit is tested next."""

    rounds: Report = lambda _what, _done, _planned: None
    commit: Callable[[str, Position, float | None], None] = lambda _commit, _position, _left: None


@dataclass(frozen=True, slots=True)
class Found:
    """How a search ended.

    `suspects` are the first slow commit, or those among which it is; none without a difference.
    `reason` says why nothing was found.
    """

    ending: Ending
    suspects: tuple[str, ...] = ()
    reason: str = ""


def search(
    repository: Repository,
    state: State,
    plan: Plan,
    sides: Sides,
    save: Callable[[State], None],
    progress: Progress = Progress(),
    monotonic: Callable[[], float] = time.monotonic,
) -> Found:
    """Goes on from `state` until the first slow commit is found, or no test can tell more.

    First it compares good and bad, which says what is followed and from which change on a commit is
    slow. `save` is called with what has been found after each commit, and when the search stops.

    Raises:
        CompareError: the good or the bad commit cannot be measured, or git fails.
    """
    untested_base(repository, state)  # fails at once where there is nothing to search
    if state.quantity is None:
        refusal = _begin(state, plan, sides, progress, monotonic)
        if refusal is not None:
            return refusal
        save(state)
    while True:
        base = untested_base(repository, state)
        now = position(repository, state)
        commit = base or now.next
        if commit is None:
            ending: Ending = "found" if len(now.suspects) == 1 else "undecided"
            reason = "" if ending == "found" else "the other commits were skipped"
            return Found(ending, tuple(now.suspects), reason)
        progress.commit(commit, now, _seconds_left(state, now))
        try:
            state.note(_tested(repository, state, commit, plan, sides, progress, monotonic))
        finally:
            save(state)


def _begin(
    state: State,
    plan: Plan,
    sides: Sides,
    progress: Progress,
    monotonic: Callable[[], float],
) -> Found | None:
    """Compares good and bad; says why there is nothing to search, if so."""
    arguments = state.arguments
    detect = arguments.detect_ratio
    try:
        with sides.other(arguments.bad) as bad:
            comparison = compare(
                _only(sides.good, arguments.result),
                _only(bad, arguments.result),
                plan if detect is None else replace(plan, detect_ratio=detect),
                progress.rounds,
                monotonic,
                lambda comparison: _most_worsened(comparison).outcome == "worse",
            )
    except Unmeasurable as error:
        raise CompareError(str(error)) from error
    followed = _followed(comparison, arguments.result)
    if followed.outcome != "worse":
        shown = f"{followed.quantity.name} changed by {followed.change.ratio:+.2%}"
        interval = f"{followed.change.low:+.2%} to {followed.change.high:+.2%}"
        if followed.outcome == "undecided":
            reason = f"it is undecided whether bad is slower than good: {shown} ({interval})"
            return Found("undecided", (), reason)
        return Found("no difference", (), f"bad is not slower than good: {shown} ({interval})")
    if detect is not None and _worsening(followed) < math.log1p(detect):
        reason = f"bad is slower by less than {detect:.2%}: {followed.change.ratio:+.2%}"
        return Found("no difference", (), reason)
    sign = 1 if followed.quantity.better == "lower" else -1
    state.quantity = followed.quantity
    state.threshold = (
        math.log1p(followed.change.ratio) / 2 if detect is None else sign * math.log1p(detect)
    )
    state.bad = Tested(
        arguments.bad, "slow", followed.change, comparison.rounds, comparison.seconds
    )
    return None


def _followed(comparison: Comparison, name: str | None) -> Compared:
    """The result with the name, or else the one that became worse most."""
    if name is not None and len(comparison.results) > 1:
        raise CompareError(f"several results are named {name}, in different units")
    worse = [each for each in comparison.results if each.outcome == "worse"]
    return max(worse, key=_worsening) if worse else _most_worsened(comparison)


def _most_worsened(comparison: Comparison) -> Compared:
    """The result that may have become worse most."""
    results = [each for each in comparison.results if each.outcome is not None]
    if not results:
        names = ", ".join(each.quantity.name for each in comparison.results)
        raise CompareError(f"it is not known which direction of {names} is better")
    candidates = [each for each in results if each.outcome in ("worse", "undecided")]
    return max(candidates or results, key=_worsening)


def _worsening(each: Compared) -> float:
    return math.log1p(each.change.ratio) * (1 if each.quantity.better == "lower" else -1)


def _tested(
    repository: Repository,
    state: State,
    commit: str,
    plan: Plan,
    sides: Sides,
    progress: Progress,
    monotonic: Callable[[], float],
) -> Tested:
    if state.quantity is None:
        raise AssertionError("good and bad were compared first")
    arguments, started = state.arguments, monotonic()
    everything = len(repository.between(arguments.bad, [arguments.good]))
    tests = math.ceil(math.log2(everything)) + 1
    question = Question(state.quantity, state.threshold, tests, plan)
    differences = state.rounds_of(commit)
    decision: Decision | None = None
    try:
        with sides.other(commit) as other:
            decision = decide(question, sides.good, other, differences, progress.rounds, monotonic)
    except Unmeasurable as error:
        reason = str(error)
    else:
        reason = "undecided" if decision.verdict is None else ""
    return Tested(
        commit,
        "skipped" if decision is None or decision.verdict is None else decision.verdict,
        None if decision is None else decision.change,
        len(differences),
        monotonic() - started,
        reason,
    )


def _only(measure: Measure, name: str | None) -> Measure:
    """Measures only the results of a name, which there must be."""
    if name is None:
        return measure

    def measured() -> Values:
        values = measure()
        named = {quantity: value for quantity, value in values.items() if quantity.name == name}
        if not named:
            names = ", ".join(quantity.name for quantity in values)
            raise CompareError(f"there is no result {name}; there are {names}")
        return named

    return measured


def _seconds_left(state: State, now: Position) -> float | None:
    """About how long it will take, by the commits that were measured up to now."""
    seconds = [each.seconds for each in state.tested if each.change is not None]
    if not seconds and state.bad is not None:
        seconds = [state.bad.seconds]
    return now.steps_left * sum(seconds) / len(seconds) if seconds else None
