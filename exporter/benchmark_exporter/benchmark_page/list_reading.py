"""Reads the list of benchmarks: filters, sorts and counts them."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmark_exporter.benchmark_page.list_query import ListQuery
from benchmark_exporter.benchmark_page.reading import MOST_SECONDS
from benchmark_exporter.benchmark_page.states import RANKS, State, state_of
from benchmark_exporter.ledger.benchmark_list import ListedBenchmark, ListedResult, ListReader
from benchmark_exporter.ledger.benchmark_reading import Interrupted, read_benchmarks
from benchmark_exporter.links import NO_REPOSITORIES, Repositories, Repository
from benchmark_exporter.model import Scope
from benchmark_exporter.stream.worst_first import WORST_FIRST

PAGE_ROWS = 100
# In which time the small charts of a page have to be read; those of further rows are left out.
_TRENDS_SECONDS = 0.5
_VERDICT_RANKS = {state: rank for rank, state in enumerate(WORST_FIRST)}


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


def read_list(path: Path, query: ListQuery) -> BenchmarkList:
    """A page of the benchmarks that a query selects.

    Raises:
        TookTooLong: it took more than MOST_SECONDS.
        LedgerError: the ledger cannot be read; the message says why and what to do.
    """
    with read_benchmarks(path, MOST_SECONDS) as reader:
        listed = ListReader(reader.connection)
        every = listed.benchmarks()
        selected = [each for each in every if _is_selected(each, query)]
        worst = _worst_results(listed.results())
        rows = [_row(each, worst.get((each.scope, each.benchmark))) for each in selected]
        by_state = Counter(row.state for row in rows)
        if query.state:
            rows = [row for row in rows if row.state == query.state]
        rows.sort(key=_ORDERS[query.sort])
        shown = rows[(query.page - 1) * PAGE_ROWS : query.page * PAGE_ROWS]
        trends: dict[tuple[Scope, str], Sequence[float]] = {}
        with suppress(Interrupted), reader.within(_TRENDS_SECONDS):
            for each in (row.worst for row in shown if row.worst is not None):
                trends[each.scope, each.name] = listed.trend(each)
    return BenchmarkList(shown, len(rows), len(every), by_state, _choices(every), trends)


def _row(benchmark: ListedBenchmark, worst: ListedResult | None) -> Row:
    return Row(benchmark, worst, state_of(benchmark, worst))


def _worst_results(
    results: Iterable[ListedResult],
) -> Mapping[tuple[Scope, str], ListedResult]:
    found: dict[tuple[Scope, str], ListedResult] = {}
    for each in results:
        key = each.scope, each.benchmark
        known = found.get(key)
        if known is None or _result_badness(each) < _result_badness(known):
            found[key] = each
    return found


def _result_badness(result: ListedResult) -> tuple[int, float, str]:
    return _VERDICT_RANKS[result.state], -(result.worsening_ratio or 0.0), result.name


def _is_selected(benchmark: ListedBenchmark, query: ListQuery) -> bool:
    scope = benchmark.scope
    if query.project and scope.project != query.project:
        return False
    if query.environment and scope.environment != query.environment:
        return False
    if query.branch and scope.branch != query.branch:
        return False
    if not query.q:
        return True
    wanted = folded(query.q)
    return wanted in folded(benchmark.benchmark) or wanted in folded(scope.project)


def folded(text: str) -> str:
    """A text as it is searched: without case, and with full-width characters as others."""
    return text.casefold() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def _name(row: Row) -> tuple[str, str, tuple[str, ...]]:
    return folded(row.benchmark.benchmark), row.benchmark.benchmark, row.benchmark.scope.key


def _worst(row: Row) -> tuple[object, ...]:
    ratio = 0.0 if row.worst is None else row.worst.worsening_ratio or 0.0
    return RANKS[row.state], -ratio, *_name(row)


def _newest(row: Row) -> tuple[object, ...]:
    return -row.benchmark.timestamp_seconds, *_name(row)


_ORDERS: Mapping[str, Callable[[Row], tuple[object, ...]]] = {
    "worst": _worst,
    "name": _name,
    "newest": _newest,
}


def _choices(every: Iterable[ListedBenchmark]) -> Mapping[str, Sequence[str]]:
    scopes = {each.scope for each in every}
    return {
        field: sorted({getattr(scope, field) for scope in scopes} - {""})
        for field in ("project", "environment", "branch")
    }
