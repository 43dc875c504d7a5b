"""What the list of benchmarks is filtered, ordered and counted by."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from benchmark_exporter.benchmark_page.list_query import ListQuery
from benchmark_exporter.benchmark_page.states import RANKS, State, state_of
from benchmark_exporter.ledger.benchmark_list import (
    BenchmarkKey,
    BenchmarkPlace,
    ListReader,
    ResultPlace,
)
from benchmark_exporter.model import Scope
from benchmark_exporter.stream.worst_first import WORST_FIRST

_VERDICT_RANKS = {state: rank for rank, state in enumerate(WORST_FIRST)}


class Place(NamedTuple):
    """A benchmark in a scope: its state, and how much worse which of its results is.

    `result` is None if none was judged. The time is its newest run's, in seconds since 1970. It is
    small, since thousands of them are kept.
    """

    scope: Scope
    benchmark: str
    result: str | None
    worsening_ratio: float
    state: State
    timestamp_seconds: float


def read_places(listed: ListReader) -> Sequence[Place]:
    """All benchmarks, in no order."""
    worst = _worst_results(listed.results())
    scopes: dict[tuple[str, ...], Scope] = {}  # each takes memory once
    return [_place(each, worst.get(each.key), scopes) for each in listed.benchmarks()]


def _worst_results(results: Iterable[ResultPlace]) -> Mapping[BenchmarkKey, ResultPlace]:
    found: dict[BenchmarkKey, ResultPlace] = {}
    for each in results:
        known = found.setdefault(each.key, each)
        if known is not each and _badness(each) < _badness(known):
            found[each.key] = each
    return found


def _badness(result: ResultPlace) -> tuple[int, float, str]:
    return _VERDICT_RANKS[result.state], -(result.worsening_ratio or 0.0), result.name


def _place(
    benchmark: BenchmarkPlace, worst: ResultPlace | None, scopes: dict[tuple[str, ...], Scope]
) -> Place:
    where = benchmark[:4]
    scope = scopes.get(where) or scopes.setdefault(where, Scope(*where))
    name, passed = benchmark.benchmark, benchmark.passed
    state = state_of(
        benchmark.failed != 0,
        None if passed is None else passed != 0,
        benchmark.severity,
        None if worst is None else worst.state,
    )
    seconds = benchmark.timestamp_seconds
    if worst is None:
        return Place(scope, name, None, 0.0, state, seconds)
    result = name if worst.name == name else worst.name
    return Place(scope, name, result, worst.worsening_ratio or 0.0, state, seconds)


def is_selected(place: Place, query: ListQuery) -> bool:
    """Whether a query selects it, but for its state."""
    scope = place.scope
    if query.project and scope.project != query.project:
        return False
    if query.environment and scope.environment != query.environment:
        return False
    if query.branch and scope.branch != query.branch:
        return False
    if not query.q:
        return True
    wanted = folded(query.q)
    return wanted in folded(place.benchmark) or wanted in folded(scope.project)


def folded(text: str) -> str:
    """A text as it is searched: without case, and with full-width characters as others."""
    return text.casefold() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def _name(place: Place) -> tuple[object, ...]:
    return folded(place.benchmark), place.benchmark, place.scope.key


def _worst(place: Place) -> tuple[object, ...]:
    return RANKS[place.state], -place.worsening_ratio, *_name(place)


def _newest(place: Place) -> tuple[object, ...]:
    return -place.timestamp_seconds, *_name(place)


ORDERS: Mapping[str, Callable[[Place], tuple[object, ...]]] = {
    "worst": _worst,
    "name": _name,
    "newest": _newest,
}


def choices_of(places: Iterable[Place]) -> Mapping[str, Sequence[str]]:
    """The values that can be selected, by field."""
    scopes = {place.scope for place in places}
    return {
        field: sorted({getattr(scope, field) for scope in scopes} - {""})
        for field in ("project", "environment", "branch")
    }
