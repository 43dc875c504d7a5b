"""Rules of other tools that judge a run by a score of the runs before it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.noise import Array

# The cumulative sum counts what is beyond half a deviation, over this many of the newest runs, with
# the level and deviation of those before them.
CUSUM_ALLOWANCE, CUSUM_RUNS = 0.5, 14


@dataclass(frozen=True, slots=True)
class PeerRule:
    """Raise an alarm where the score of a value, by the `runs` before it, is over the threshold.

    `score` takes histories along the last axis.
    """

    name: str
    runs: int
    threshold: float
    score: Callable[[Array, Array], Array]

    @property
    def method(self) -> str:
        """The name without the threshold."""
        return self.name.partition(",")[0]


def _to_mean(history: Array, value: Array) -> Array:
    ratio: Array = value / history.mean(axis=-1)
    return ratio


def _to_boundary(history: Array, value: Array) -> Array:
    """In deviations of a prediction: that of the runs, over n - 1, times √(1 + 1/n)."""
    count = history.shape[-1]
    deviation = history.std(axis=-1, ddof=1) * np.sqrt(1 + 1 / count)
    return _in_deviations(value - history.mean(axis=-1), deviation)


def _to_logarithmic_boundary(history: Array, value: Array) -> Array:
    return _to_boundary(np.log(history), np.log(value))


def _cumulative_sum(history: Array, value: Array) -> Array:
    """Page's cumulative sum of upward deviations (Biometrika 41, 1954), of logarithms."""
    logs = np.log(np.concatenate((history, np.asarray(value)[..., np.newaxis]), axis=-1))
    known = max(history.shape[-1] - CUSUM_RUNS, history.shape[-1] // 2)
    before, runs = logs[..., :known], logs[..., known:]
    level, deviation = before.mean(axis=-1), before.std(axis=-1, ddof=1)
    total = np.zeros(level.shape)
    for run in range(runs.shape[-1]):
        beyond = _in_deviations(runs[..., run] - level, deviation)
        total = np.maximum(total + beyond - CUSUM_ALLOWANCE, 0.0)
    return total


def _in_deviations(distance: Array, deviation: Array) -> Array:
    """Where all runs were equal, anything else is infinitely far."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(distance / deviation, nan=0.0, posinf=np.inf, neginf=-np.inf)


PEERS = (
    # github-action-benchmark compares with the run before; its alert-threshold is 200 % unless set,
    # as casbin's workflow does to 110 %.
    PeerRule("previous run, 200 %", 1, 2.0, _to_mean),
    PeerRule("previous run, 110 %", 1, 1.1, _to_mean),
    PeerRule("mean of 50 runs, 110 %", 50, 1.1, _to_mean),
    # Bencher's t_test, with the upper boundary of 0.99 and the 64 runs at most that its
    # documentation proposes: mean + t · s · √(1 + 1/n). 2.387 is the 0.99 quantile of Student's t
    # with 63 degrees of freedom. Its log_normal does the same with logarithms.
    PeerRule("t-test, 0.99 of 64 runs", 64, 2.387, _to_boundary),
    PeerRule("log-normal, 0.99 of 64 runs", 64, 2.387, _to_logarithmic_boundary),
    # The usual decision interval of 5 deviations (Montgomery, Introduction to Statistical Quality
    # Control, 9.1).
    PeerRule("cumulative sum, 5 deviations", 64, 5.0, _cumulative_sum),
)


def scores(rule: PeerRule, values: Array) -> Array:
    """The rule's score of each run along the last axis that has enough runs before it."""
    windows = np.lib.stride_tricks.sliding_window_view(values, rule.runs + 1, axis=-1)
    return rule.score(windows[..., :-1], windows[..., -1])


def score_after(rule: PeerRule, history: Array, value: float) -> float:
    """The rule's score of a value after the runs of a history, of which it may use fewer."""
    return float(rule.score(history[-rule.runs :], np.array(value)))
