"""Reads what the page of a benchmark shows, all of it in one transaction."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark_exporter.benchmark_page.chart import ChartPoint
from benchmark_exporter.benchmark_page.query import DAYS, BenchmarkQuery
from benchmark_exporter.benchmark_page.thinning import Thinner
from benchmark_exporter.ledger.benchmark_reading import (
    BenchmarkReader,
    BenchmarkScope,
    FiringAlert,
    Interrupted,
    NewestRunOf,
    ResultState,
    read_benchmarks,
)
from benchmark_exporter.ledger.benchmark_runs import (
    HistoryRow,
    RunOf,
    ValueOf,
    history,
    page_of_runs,
    values,
)
from benchmark_exporter.ledger.state import NewestGate
from benchmark_exporter.links import NOWHERE, Repository
from benchmark_exporter.stream.worst_first import WORST_FIRST

RESULTS_SHOWN, RUNS_SHOWN = 20, 25
MOST_SECONDS, HISTORY_SECONDS, RUNS_SECONDS = 5.0, 2.0, 1.0
# What a page's charts have together; a chart has at least LEAST_PAIRS pairs of points.
_ALL_PAIRS, _MOST_PAIRS, _LEAST_PAIRS = 1200, 200, 60
# How far clocks of machines may be apart without a word.
_CLOCK_SECONDS = 300.0
_DAY = 86_400.0
# Names are compared with so many others, each cut to so many characters.
_NAMES_COMPARED, _CHARACTERS_COMPARED, _NEAREST = 5000, 60, 8


@dataclass(frozen=True, slots=True)
class History:
    """The points of a result's chart, the oldest first, and how many runs they stand for."""

    points: Sequence[ChartPoint]
    run_count: int


@dataclass(frozen=True, slots=True)
class BenchmarkView:
    """What the page of a benchmark in a scope shows.

    `others` are its further scopes. `results` are those of the page's part, the worst first, of
    `result_count`; `histories` are by their names. `is_cut` says that older runs were not read,
    since that would have taken too long; `is_ahead`, that the newest run is dated later than now.
    `runs_found` is False if the runs could not be searched
    in time; `more_runs` says that there are older ones. `repository` is that of the commits.
    """

    found: BenchmarkScope
    others: Sequence[BenchmarkScope]
    run: NewestRunOf
    error: str
    gate: NewestGate | None
    alerts: Sequence[FiringAlert]
    results: Sequence[ResultState]
    result_count: int
    histories: dict[str, History]
    is_cut: bool
    is_ahead: bool
    runs: Sequence[RunOf]
    values: Sequence[ValueOf]
    runs_found: bool
    more_runs: bool
    repository: Repository = NOWHERE


@dataclass(frozen=True, slots=True)
class Choice:
    """Scopes of which one has to be chosen; `is_wrong` says that the query names none of them."""

    scopes: Sequence[BenchmarkScope]
    is_wrong: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """No benchmark has the name; `nearest` are names that are like it."""

    nearest: Sequence[str]


def read_view(path: Path, query: BenchmarkQuery, now: float) -> BenchmarkView | Choice | Unknown:
    """What a query asks for, at a time (seconds since 1970).

    Raises:
        TookTooLong: it took more than MOST_SECONDS.
        LedgerError: the ledger cannot be read; the message says why and what to do.
    """
    with read_benchmarks(path, MOST_SECONDS) as reader:
        scopes = reader.scopes(query.name)
        if not scopes:
            return Unknown(nearest(query.name, reader.names(_NAMES_COMPARED)))
        meant = [each for each in scopes if query.scope.selects(each.scope)]
        if len(meant) != 1:
            return Choice(meant or scopes, is_wrong=not meant)
        others = [each for each in scopes if each is not meant[0]]
        return _view(reader, meant[0], others, query, now)


def nearest(name: str, names: Sequence[str]) -> Sequence[str]:
    """The names that are most like one: that contain it, and that are spelt alike."""
    wanted = name.casefold()
    containing = [each for each in names if wanted in each.casefold()]
    by_begin = {each[:_CHARACTERS_COMPARED].casefold(): each for each in names}
    alike = difflib.get_close_matches(wanted[:_CHARACTERS_COMPARED], by_begin, _NEAREST, 0.6)
    found = [*sorted(containing, key=len), *(by_begin[each] for each in alike)]
    return list(dict.fromkeys(found))[:_NEAREST]


def _view(
    reader: BenchmarkReader,
    found: BenchmarkScope,
    others: Sequence[BenchmarkScope],
    query: BenchmarkQuery,
    now: float,
) -> BenchmarkView:
    every = sorted(reader.results(found), key=_badness)
    named = [each for each in every if each.result.name == query.name != found.benchmark]
    first = (query.part - 1) * RESULTS_SHOWN
    shown = reader.with_changes(found, named or every[first : first + RESULTS_SHOWN])
    names = [each.result.name for each in shown]
    days = DAYS[query.days]
    histories, is_cut = _histories(reader, found, shown, 0.0 if days is None else now - days * _DAY)
    runs, runs_found = _runs(reader, found, query)
    run = reader.run(found)
    return BenchmarkView(
        found=found,
        others=others,
        run=run,
        error=reader.error(found),
        gate=reader.gate(found),
        alerts=reader.alerts(found),
        results=shown,
        result_count=len(every),
        histories=histories,
        is_cut=is_cut,
        is_ahead=run.timestamp_seconds > now + _CLOCK_SECONDS,
        runs=runs[:RUNS_SHOWN],
        values=values(reader, runs[:RUNS_SHOWN], names),
        runs_found=runs_found,
        more_runs=len(runs) > RUNS_SHOWN,
    )


def _histories(
    reader: BenchmarkReader, found: BenchmarkScope, shown: Sequence[ResultState], since: float
) -> tuple[dict[str, History], bool]:
    """The histories of results since a time, and whether older runs could not be read."""
    units = {each.result.name: each.result.unit for each in shown}
    pairs = max(_LEAST_PAIRS, min(_MOST_PAIRS, _ALL_PAIRS // max(1, len(units)))) // 2 * 2
    thinners: dict[str, Thinner[HistoryRow]] = {name: Thinner(pairs) for name in units}
    adds = {name: thinner.add for name, thinner in thinners.items()}
    is_cut = False
    try:
        with reader.within(HISTORY_SECONDS):
            for row in history(reader, found, list(units), since):
                name, unit, value = row[0], row[1], row[3]
                if value is not None and unit == units[name]:
                    adds[name](value, row)
    except Interrupted:
        is_cut = True
    return {
        name: History([_point(row) for row in thinner.points()[::-1]], thinner.count)
        for name, thinner in thinners.items()
    }, is_cut


def _point(row: HistoryRow) -> ChartPoint:
    _, _, at_seconds, value, reference, limit, state = row
    return ChartPoint(at_seconds, value or 0.0, reference, limit, state)


def _runs(
    reader: BenchmarkReader, found: BenchmarkScope, query: BenchmarkQuery
) -> tuple[Sequence[RunOf], bool]:
    """A page of runs with one more, and whether they could be found in time."""
    try:
        with reader.within(RUNS_SECONDS):
            return page_of_runs(reader, found, RUNS_SHOWN + 1, query.runs_after), True
    except Interrupted:
        return [], False


def _badness(state: ResultState) -> tuple[int, float, str]:
    if state.verdict is None:
        return len(WORST_FIRST), 0.0, state.result.name
    verdict = state.verdict.verdict
    rank = WORST_FIRST.index(verdict.state)
    return rank, -(verdict.worsening_ratio or 0.0), state.result.name
