"""Compares the results of two sides, each with what comes from the same place."""

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

import msgspec

from benchmark_exporter.compare.statistics import (
    INTERVAL_COVERAGE,
    Better,
    Change,
    Outcome,
    error_of_look,
    outcome,
)
from benchmark_exporter.diff.matching import Key, Place, Values, key_of, matched
from benchmark_exporter.diff.sides import DiffError, SideName, find_side
from benchmark_exporter.diff.statistics import (
    by_noise,
    by_runs,
    can_decide,
    forget_divisions,
    ratio_of,
)
from benchmark_exporter.ledger.side_reading import SideReader, SideResult, SideRun

# Of each project, environment and machine class, so many of a side's newest runs are compared.
DEFAULT_RUNS = 10
MOST_RESULTS = 200_000
Basis = Literal["runs", "noise"]


class Compared(msgspec.Struct, frozen=True):
    """One result of both sides: medians over their runs, and the change between them.

    Ratios are of head to base: 0.02 is 2 % larger. `low_ratio` and `high_ratio` are the ends of the
    interval, None where nothing is known of the noise. `basis` says by what it was judged: the
    difference between the runs, or the noise of the series. `outcome` is None where it is not known
    which direction is better.
    """

    project: str
    environment: str
    machine_class: str
    name: str
    unit: str
    better: Better | None
    base: float
    head: float
    base_runs: int
    head_runs: int
    change_ratio: float
    low_ratio: float | None
    high_ratio: float | None
    basis: Basis | None
    outcome: Outcome | None


class Side(msgspec.Struct, frozen=True):
    """A side, and how many of its runs were compared: none of a baseline."""

    name: str
    runs: int


class Diff(msgspec.Struct, frozen=True):
    """A whole diff. `result_count` says how many results there are, of which some are listed.

    `only_base` and `only_head` name results that the other side lacks in the same place.
    `across` says what differs between the sides, if they share no place: `environment`,
    `machine_class`, `project`. `mean_worsening_ratio` is the geometric mean over all results with a
    known direction; None without any.
    """

    base: Side
    head: Side
    detect_ratio: float
    interval_coverage_ratio: float
    across: Sequence[str]
    results: Sequence[Compared]
    result_count: int
    only_base: Sequence[str]
    only_head: Sequence[str]
    mean_worsening_ratio: float | None


def compare_sides(
    reader: SideReader,
    base: str,
    head: str,
    *,
    runs: int = DEFAULT_RUNS,
    detect_ratio: float = 0.02,
    seed: int = 1,
    first: int = 0,
    most: int | None = None,
) -> Diff:
    """Compares two sides of a ledger, as `diff.sides` names them.

    `runs` is how many of a side's runs are compared, the newest of each place. A change within
    `detect_ratio` counts as the same. Of the results in order, at most `most` are listed from the
    one numbered `first` on; the mean is over all.

    Raises:
        DiffError: a side is wrong or has no run, or they have no result in common.
        LedgerError: the ledger cannot be read.
    """
    names = find_side(reader, base), find_side(reader, head)
    found = [_runs_of(reader, name, runs) for name in names]
    shared = {run.row for run in found[0]} & {run.row for run in found[1]}
    if shared or names[0] == names[1]:
        raise DiffError(f"{names[0]} and {names[1]} have {len(shared) or 'all'} runs in common")
    old, new = (_values(reader, *each) for each in zip(names, found, strict=True))
    across, old, new = matched(names, old, new)
    common = sorted(old.keys() & new.keys())
    if not common:
        raise DiffError(f"{names[0]} and {names[1]} have no result in common")
    error = error_of_look(0, len(common))
    listed = common[first:] if most is None else common[first : first + most]
    try:
        results = [
            _compared(reader, key, old[key], new[key], error, detect_ratio, seed) for key in listed
        ]
    finally:
        forget_divisions()
    places = {key.place for key in common}
    return Diff(
        Side(str(names[0]), len(found[0])),
        Side(str(names[1]), len(found[1])),
        detect_ratio,
        INTERVAL_COVERAGE,
        across,
        results,
        len(common),
        sorted({key.name for key in old.keys() - new.keys() if key.place in places}),
        sorted({key.name for key in new.keys() - old.keys() if key.place in places}),
        _mean([(old[key], new[key]) for key in common]),
    )


def _runs_of(reader: SideReader, side: SideName, most: int) -> Sequence[SideRun]:
    """The newest runs of a side, of each place at most so many."""
    if side.kind == "baseline":
        return []
    found = reader.runs(side.kind, side.name)
    if side.kind == "commit":  # a whole hash may begin another one, where they are not git's
        found = [run for run in found if run.commit_hash == side.name] or found
    counts: dict[Place, int] = defaultdict(int)
    runs = []
    for run in found:
        place = Place(run.project, run.environment, run.machine_class)
        counts[place] += 1
        if counts[place] <= most:
            runs.append(run)
    if not runs:
        raise DiffError(f"{side} has no run that is selected")
    if side.kind == "commit" and len(hashes := sorted({run.commit_hash for run in runs})) > 1:
        raise DiffError(f"{side} is the beginning of several commits: {', '.join(hashes[:5])}")
    if side.kind == "run" and len(runs) > 1:
        rows = ", ".join(str(run.row) for run in runs[:5])
        raise DiffError(f"{side} means several runs, with the numbers {rows}; write one of them")
    return runs


def _values(reader: SideReader, side: SideName, runs: Sequence[SideRun]) -> Values:
    values: dict[Key, list[SideResult]] = defaultdict(list)
    count = 0
    if side.kind == "baseline":
        for result in reader.baselines(side.name):
            values.setdefault(key_of(result), [result])  # the one that was pinned last
        if not values:
            raise DiffError(f"{side} is not pinned")
    for run in runs:
        reader.check()
        for result in reader.results(run):
            values[key_of(result)].append(result)
            count += 1
        if count > MOST_RESULTS:
            raise DiffError(f"{side} has more than {MOST_RESULTS:,} results; select fewer")
    return values


def _compared(
    reader: SideReader,
    key: Key,
    old: Sequence[SideResult],
    new: Sequence[SideResult],
    error: float,
    detect_ratio: float,
    seed: int,
) -> Compared:
    reader.check()
    better = _better(old, new)
    base, head = [each.value for each in old], [each.value for each in new]
    change: Change | None = None
    basis: Basis | None = None
    if can_decide(len(base), len(head), error):
        change, basis = by_runs(base, head, better or "lower", seed), "runs"
    else:
        deviations = [reader.variation(each[0]) for each in (old, new)]
        known = [each for each in deviations if each is not None]
        if known:
            change, basis = by_noise(base, head, max(known), better or "lower"), "noise"
    found: Outcome = "undecided" if change is None else outcome(change, detect_ratio, error)
    return Compared(
        **msgspec.structs.asdict(key.place),
        name=key.name,
        unit=key.unit,
        better=better,
        base=statistics.median(base),
        head=statistics.median(head),
        base_runs=len(base),
        head_runs=len(head),
        change_ratio=ratio_of(base, head) if change is None else change.ratio,
        low_ratio=None if change is None else change.low,
        high_ratio=None if change is None else change.high,
        basis=basis,
        outcome=None if better is None else found,
    )


def _mean(results: Sequence[tuple[Sequence[SideResult], Sequence[SideResult]]]) -> float | None:
    logarithms = []
    for old, new in results:
        better = _better(old, new)
        if better is not None:
            ratio = ratio_of([each.value for each in old], [each.value for each in new])
            logarithms.append(math.log1p(ratio) * (1 if better == "lower" else -1))
    return math.expm1(statistics.fmean(logarithms)) if logarithms else None


def _better(old: Sequence[SideResult], new: Sequence[SideResult]) -> Better | None:
    return next((each.better for each in (*new, *old) if each.better is not None), None)
