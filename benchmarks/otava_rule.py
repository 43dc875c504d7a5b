"""Apache Otava as a rule that judges each run: where it is installed, with its own code.

Otava needs versions of libraries that the project does not, so it is not among its requirements:
`.venv/bin/python -m pip install --no-deps apache-otava==0.8.0 scipy` adds what is needed here.
"""

import importlib
from functools import partial
from typing import Any

import numpy as np

from benchmarks.noise import Array
from benchmarks.rules import PeerRule

# Runs that are analysed each time, and how many of the newest a change may have begun in to be
# reported now.
RUNS, NEWEST = 100, 10


def otava_rule() -> PeerRule | None:
    """None where Otava is not installed. Changes are searched with its default p-value, 0.001."""
    try:
        analysis = importlib.import_module("otava.analysis")
    except ImportError:
        return None
    return PeerRule("Otava, p 0.001", RUNS - 1, 3.0, partial(_newest_step, analysis))


def _newest_step(analysis: Any, history: Array, value: Array) -> Array:
    """-log10 of the p-value of the newest change point, if it is one to the worse; else 0."""
    values = [*history.tolist(), float(value)]
    points, _ = analysis.compute_change_points(values)
    if not points or points[-1].index < len(values) - NEWEST:
        return np.array(0.0)
    newest = points[-1].stats
    worse = newest.forward_rel_change() > 0
    return np.array(-np.log10(max(newest.pvalue, 1e-300)) if worse else 0.0)
