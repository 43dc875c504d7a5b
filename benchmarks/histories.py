"""Real histories of benchmarks: their values, and what hindsight says of them."""

import csv
import json
import lzma
import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

# Where they are unless told otherwise; they are no part of the project.
SERIES = Path(__file__).resolve().parents[2] / "shared" / "series"

# Stretches of one source are alike, and those of a high deviation are not quiet.
STRETCHES_PER_SOURCE, HIGHEST_CV = 25, 0.30


class Series(NamedTuple):
    """Values, oldest first, and what hindsight says: quiet stretches [from, to), and steps."""

    source: str
    values: list[float]
    quiet: list[tuple[int, int]]
    steps: list[dict[str, Any]]


class Stretch(NamedTuple):
    """A quiet part of a series, and its cv by the median absolute deviation."""

    source: str
    values: list[float]
    cv_ratio: float


def load(folder: Path) -> list[Series]:
    """All series of a folder, in the order of segments.json."""
    values = defaultdict(list)
    with lzma.open(folder / "series.csv.xz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            values[row["source"], row["series"]].append(float(row["value"]))
    segments = json.loads((folder / "segments.json").read_bytes())
    return [
        Series(each["source"], values[each["source"], each["series"]], each["quiet"], each["steps"])
        for each in segments
    ]


def quiet_stretches(series: Sequence[Series]) -> list[Stretch]:
    taken: Counter[str] = Counter()
    stretches = []
    for each in series:
        for start, end in each.quiet:
            if taken[each.source] == STRETCHES_PER_SOURCE:
                break
            taken[each.source] += 1
            values = each.values[start:end]
            stretches.append(Stretch(each.source, values, _cv_ratio(values)))
    return [stretch for stretch in stretches if stretch.cv_ratio <= HIGHEST_CV]


def _cv_ratio(values: Sequence[float]) -> float:
    middle = statistics.median(values)
    return 1.4826 * statistics.median(abs(value - middle) for value in values) / middle
