"""Rules of other tools on the runs of one series, as scores that a threshold turns into alarms.

A score is of one run, by the runs before it; -inf where there are too few of them.
"""

import json
import math
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.noise import Array

Score = Callable[[Array, float], float]  # of the runs before, and a run
# Bencher's min_sample_size; without one it judges by two runs.
LEAST_RUNS = 10


@dataclass(frozen=True, slots=True)
class Peer:
    """`scores(values, first)` gives the scores of the runs from `first` on.

    `memory` is how many runs before a run can matter. `default` is the threshold that the tool has
    if nobody sets one.
    """

    name: str
    memory: int
    default: float
    scores: Callable[[Sequence[float], int], Array]


def _windowed(runs: int, least: int, score: Score) -> Callable[[Sequence[float], int], Array]:
    def scores(values: Sequence[float], first: int) -> Array:
        every = np.asarray(values, dtype=float)
        found = [
            score(every[max(0, run - runs) : run], every[run]) if run >= least else -math.inf
            for run in range(first, len(every))
        ]
        return np.asarray(found)

    return scores


def _to_previous(before: Array, value: float) -> float:
    return float(value / before[-1])


def _deviations(before: Array, value: float) -> float:
    """Of the sample, over n - 1; infinite where the runs before are all alike."""
    deviation = float(before.std(ddof=1))
    worse = float(value - before.mean())
    return worse / deviation if deviation else math.copysign(math.inf, worse) if worse else 0.0


def _t_test(before: Array, value: float) -> float:
    """The boundary is one for the next run: mean + t · deviation · √(1 + 1/n)."""
    return _deviations(before, value) / math.sqrt(1 + 1 / len(before))


def _log_normal(before: Array, value: float) -> float:
    return _deviations(np.log(before), math.log(value))


# The half of the step that it is tuned to, in deviations, and the runs that the level is taken of.
CUSUM_SLACK, CUSUM_RUNS = 0.5, 50


def _cusum(values: Sequence[float], first: int) -> Array:
    """Page's one-sided sum of what runs exceed the mean of those before by, beyond the slack."""
    every, total, found = np.asarray(values, dtype=float), 0.0, []
    for run in range(len(every)):
        if run >= LEAST_RUNS:
            distance = _deviations(every[max(0, run - CUSUM_RUNS) : run], every[run])
            total = max(0.0, total + min(distance, 1e6) - CUSUM_SLACK)
        found.append(total if run >= LEAST_RUNS else -math.inf)
    return np.asarray(found[first:])


PEERS = (
    # github-action-benchmark: the run before, alert-threshold 200 %.
    Peer("previous run (github-action-benchmark)", 1, 2.0, _windowed(1, 1, _to_previous)),
    # Bencher, lib/bencher_boundary/src at 8d75325 (August 2026): limits/mod.rs and mean.rs. The
    # 0.99 quantile of Student's t with 63 degrees of freedom, and of the normal distribution.
    Peer("t-test (Bencher)", 64, 2.387, _windowed(64, LEAST_RUNS, _t_test)),
    Peer("log-normal (Bencher)", 64, 2.326, _windowed(64, LEAST_RUNS, _log_normal)),
    # E. S. Page, Continuous Inspection Schemes, Biometrika 41 (1954), 100-115; h = 5 as in
    # D. C. Montgomery, Introduction to Statistical Quality Control, 9.1.
    Peer("CUSUM", 200, 5.0, _cusum),
)
_OTAVA_SCRIPT = Path(__file__).with_name("otava_scores.py")
OTAVA_MEMORY = 60


class Otava:
    """Apache Otava, run after each run of a series, in a Python that has it.

    It pins versions of NumPy and others that are not the project's, so it needs an environment of
    its own: `python -m venv FOLDER && FOLDER/bin/pip install apache-otava==0.8.0`.
    """

    def __init__(self, python: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # the caller's own
            [python, _OTAVA_SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def scores(self, values: Sequence[float], first: int) -> Array:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("its pipes are open while it runs")
        print(json.dumps([list(values), first]), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{_OTAVA_SCRIPT.name} ended; what it wrote is above")
        return np.asarray(json.loads(answer), dtype=float)

    def peer(self) -> Peer:
        """A change by any size counts, as in Otava without a setting (min_magnitude 0)."""
        return Peer("Otava 0.8", OTAVA_MEMORY, 0.0, self.scores)

    def close(self) -> None:
        with self._process:  # closes the pipes, so that it ends, and waits for it
            pass
