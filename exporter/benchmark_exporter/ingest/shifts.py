"""Decides whether a run is an environment shift, and which of its results moved with it.

The decision is a pure function of the verdicts on the run's results. `judging` makes it when it
judges a run, and again when one of these verdicts has changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmark_exporter.model import REGRESSED, Verdict
from benchmark_exporter.regression import Limits, is_environment_shift


@dataclass(frozen=True, slots=True)
class Shift:
    """Whether a run is a shift, and the results whose regression moved with it."""

    shifted: bool
    moved: frozenset[str] = frozenset()


def decide_shift(verdicts: Mapping[str, Verdict], limits: Limits) -> Shift | None:
    """What the verdicts on a run's results, by their names, say about the machine.

    None if they are too few to say anything: such a run leaves a shift as it was.
    """
    judged = [verdict for verdict in verdicts.values() if verdict.state != "insufficient_data"]
    if len(judged) < limits.shift_least_results:
        return None
    if not is_environment_shift(judged, limits):
        return Shift(shifted=False)
    worse = frozenset(name for name, each in verdicts.items() if each.state in REGRESSED)
    # In a shift to the better, what got worse did not move with it.
    better = sum(verdict.state == "improved" for verdict in judged)
    return Shift(shifted=True, moved=worse if len(worse) >= better else frozenset())
