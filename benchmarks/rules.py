"""Rules of other tools that judge a run by a score of the runs before it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.noise import Array


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
    """In deviations of the sample, over n - 1, for one more run: times √(1 + 1/n).

    As in Bencher since 2026 (lib/bencher_boundary/src/mean.rs and limits/mod.rs).
    """
    scale = history.std(axis=-1, ddof=1) * np.sqrt(1 + 1 / history.shape[-1])
    deviations: Array = (value - history.mean(axis=-1)) / scale
    return deviations


PEERS = (
    # github-action-benchmark compares with the run before; its alert-threshold is 200 % unless set,
    # as casbin's workflow does to 110 %.
    PeerRule("previous run, 200 %", 1, 2.0, _to_mean),
    PeerRule("previous run, 110 %", 1, 1.1, _to_mean),
    PeerRule("mean of 50 runs, 110 %", 50, 1.1, _to_mean),
    # Bencher's t_test, with the upper boundary of 0.99 and the 64 runs at most that its
    # documentation proposes. 2.387 is the 0.99 quantile of Student's t with 63 degrees of freedom.
    PeerRule("t-test, 0.99 of 64 runs", 64, 2.387, _to_boundary),
)


def scores(rule: PeerRule, values: Array) -> Array:
    """The rule's score of each run along the last axis that has enough runs before it."""
    windows = np.lib.stride_tricks.sliding_window_view(values, rule.runs + 1, axis=-1)
    return rule.score(windows[..., :-1], windows[..., -1])
