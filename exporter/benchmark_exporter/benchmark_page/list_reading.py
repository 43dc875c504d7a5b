"""Reads a page of the list of benchmarks."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmark_exporter.benchmark_page.list_places import (
    ORDERS,
    Place,
    choices_of,
    is_selected,
    read_places,
)
from benchmark_exporter.benchmark_page.list_query import ListQuery
from benchmark_exporter.benchmark_page.reading import MOST_SECONDS
from benchmark_exporter.benchmark_page.states import State, state_of
from benchmark_exporter.ledger.benchmark_list import ListedBenchmark, ListedResult, ListReader
from benchmark_exporter.ledger.benchmark_reading import (
    BenchmarkReader,
    Interrupted,
    read_benchmarks,
)
from benchmark_exporter.links import NO_REPOSITORIES, Repositories, Repository
from benchmark_exporter.model import Scope

PAGE_ROWS = 50
# In which time the small charts of a page have to be read; those of further rows are left out.
_TRENDS_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """A benchmark in a scope, with its worst result, None if none was judged."""

    benchmark: ListedBenchmark
    worst: ListedResult | None
    state: State


@dataclass(frozen=True, slots=True)
class BenchmarkList:
    """A page of the list.

    `found` is how many benchmarks are selected, of `count`. `by_state` counts those that are
    selected but for their state. `choices` has the values that can be selected by field. `trends`
    are the last values of the rows' worst results, the oldest first, by scope and name.
    """

    rows: Sequence[Row]
    found: int
    count: int
    by_state: Mapping[State, int]
    choices: Mapping[str, Sequence[str]]
    trends: Mapping[tuple[Scope, str], Sequence[float]]
    repositories: Repositories = NO_REPOSITORIES

    def repository_of(self, row: Row) -> Repository:
        """The repository of a row's commits."""
        return self.repositories.of(row.benchmark.scope.project)


class Lists:
    """Reads pages of the list from the ledger at a path, in one thread.

    What all benchmarks are filtered and ordered by takes most of the time. It is kept as long as
    `version` gives the same number, that of the state which the other pages show; 0 keeps nothing.
    What a page shows of its benchmarks is read each time.
    """

    def __init__(self, path: Path, version: Callable[[], int]) -> None:
        self._path = path
        self._version = version
        self._kept: tuple[int, Sequence[Place]] = (0, ())

    def read(self, query: ListQuery) -> BenchmarkList:
        """A page of the benchmarks that a query selects.

        Raises:
            TookTooLong: it took more than MOST_SECONDS.
            LedgerError: the ledger cannot be read; the message says why and what to do.
        """
        version = self._version()  # first: what is read may be newer than it, but not older
        with read_benchmarks(self._path, MOST_SECONDS) as reader:
            listed = ListReader(reader.connection)
            if not version or self._kept[0] != version:
                self._kept = version, read_places(listed)
            try:
                return _page(query, self._kept[1], listed, reader)
            except _Gone:  # another process has deleted something that is not published yet
                self._kept = 0, ()
                return _page(query, read_places(listed), listed, reader)


class _Gone(Exception):
    """A benchmark or a result of the list is not in the ledger any more."""


def _page(
    query: ListQuery, every: Sequence[Place], listed: ListReader, reader: BenchmarkReader
) -> BenchmarkList:
    found = [each for each in every if is_selected(each, query)]
    by_state = Counter(each.state for each in found)
    if query.state:
        found = [each for each in found if each.state == query.state]
    found.sort(key=ORDERS[query.sort])
    shown = found[(query.page - 1) * PAGE_ROWS : query.page * PAGE_ROWS]
    rows = [_row(each, listed) for each in shown]
    trends: dict[tuple[Scope, str], Sequence[float]] = {}
    with suppress(Interrupted), reader.within(_TRENDS_SECONDS):
        for result in (row.worst for row in rows if row.worst is not None):
            trends[result.scope, result.name] = listed.trend(result)
    return BenchmarkList(rows, len(found), len(every), by_state, choices_of(every), trends)


def _row(place: Place, listed: ListReader) -> Row:
    benchmark = listed.benchmark(place.scope, place.benchmark)
    worst = None if place.result is None else listed.result(place.scope, place.result)
    if benchmark is None or (worst is None and place.result is not None):
        raise _Gone
    verdict = None if worst is None else worst.state
    state = state_of(benchmark.failed, benchmark.passed, benchmark.severity, verdict)
    return Row(benchmark, worst, state)
