"""Series of values as benchmarks typically give them: a level of 1 and one kind of noise."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# The share of disturbed runs, and by how much they are slower on average.
OUTLIER_SHARE, OUTLIER_MEAN_RATIO = 0.01, 0.5
# The share of runs in the slower of two modes, and the noise within a mode relative to the whole.
SLOW_MODE_SHARE, WITHIN_MODE = 0.25, 1 / 3
# How much of a drifting series' deviation is slow, and how much of that remains after one run.
SLOW_PART, SLOW_MEMORY = 0.5, 0.98
# How much of an autocorrelated run's deviation the next run keeps.
MEMORY = 0.5


def log_normal(random: np.random.Generator, series: int, runs: int, cv_ratio: float) -> Array:
    """Return independent runs, skewed as times are."""
    values: Array = np.exp(random.normal(0.0, np.sqrt(np.log1p(cv_ratio**2)), (series, runs)))
    return values


def bimodal(random: np.random.Generator, series: int, runs: int, cv_ratio: float) -> Array:
    """Return runs in one of two modes at random, as caused by memory layout or processor."""
    within = WITHIN_MODE * cv_ratio
    gap = np.sqrt((cv_ratio**2 - within**2) / (SLOW_MODE_SHARE * (1 - SLOW_MODE_SHARE)))
    slow = random.random((series, runs)) < SLOW_MODE_SHARE
    values: Array = log_normal(random, series, runs, within) * (1 + gap * slow)
    return values


def drifting(random: np.random.Generator, series: int, runs: int, cv_ratio: float) -> Array:
    """Return a level that wanders over some fifty runs, with noise from run to run.

    Temperature and neighbouring machines have this effect.
    """
    fast = log_normal(random, series, runs, np.sqrt(1 - SLOW_PART**2) * cv_ratio)
    return fast * np.exp(_wandering(random, series, runs, SLOW_PART * cv_ratio, SLOW_MEMORY))


def with_outliers(random: np.random.Generator, series: int, runs: int, cv_ratio: float) -> Array:
    """Return runs of which a few are much slower, in addition to the stated deviation."""
    disturbed = random.random((series, runs)) < OUTLIER_SHARE
    return log_normal(random, series, runs, cv_ratio) * (
        1 + disturbed * random.exponential(OUTLIER_MEAN_RATIO, (series, runs))
    )


def autocorrelated(random: np.random.Generator, series: int, runs: int, cv_ratio: float) -> Array:
    """Return runs with disturbances that last for some runs."""
    return np.exp(_wandering(random, series, runs, cv_ratio, MEMORY))


def _wandering(
    random: np.random.Generator, series: int, runs: int, deviation: float, memory: float
) -> Array:
    """Return a first-order autoregressive process around 0."""
    values = random.normal(0.0, deviation, (series, runs))
    for run in range(1, runs):
        values[:, run] = memory * values[:, run - 1] + np.sqrt(1 - memory**2) * values[:, run]
    return values


KINDS: Mapping[str, Callable[[np.random.Generator, int, int, float], Array]] = {
    "log-normal": log_normal,
    "bimodal": bimodal,
    "drifting": drifting,
    "outliers": with_outliers,
    "autocorrelated": autocorrelated,
}
