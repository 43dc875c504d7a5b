"""Apache Otava's change points as scores of runs, for `peers`; run by a Python that has Otava.

Reads a line of JSON for each series, [values, first], and writes one with the scores of the runs
from `first` on: by how much the level became worse at the last change point among the newest 10 of
the last 60 runs, 0 if there is none or it became better. All else is Otava's default: a window of
50 runs and p < 0.001.
"""

import json
import sys
from collections.abc import Sequence

from otava.analysis import compute_change_points  # type: ignore[import-not-found]  # see peers

MEMORY, NEWEST = 60, 10


def score(values: Sequence[float]) -> float:
    """That of the last of some values."""
    change_points, _ = compute_change_points(values)
    if not change_points or change_points[-1].index < len(values) - NEWEST:
        return 0.0
    stats = change_points[-1].stats
    return max(float(stats.mean_2 / stats.mean_1 - 1), 0.0)


for line in sys.stdin:
    series, first = json.loads(line)
    ends = range(first + 1, len(series) + 1)
    print(json.dumps([score(series[max(0, end - MEMORY) : end]) for end in ends]), flush=True)
