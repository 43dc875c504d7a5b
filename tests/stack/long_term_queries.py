"""The same questions to Prometheus and to the long-term store of a stack, and their answers."""

import math
import re
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stack import internal
from stack.settings import PROMETHEUS, VMAUTH, Part, Settings
from tests.grafana.dashboards import DASHBOARDS
from tests.grafana.queries import Query, queries

# Of the two values of a point, relative to the larger one, or to 1 for differences of ratios.
TOLERANCE = 1e-9
_SELECTION = re.compile(r"(topk|bottomk)\(")

Points = Mapping[frozenset[tuple[str, str]], Mapping[float, float]]


@dataclass(frozen=True, slots=True)
class Difference:
    """A point that differs; None where one of the two has none."""

    labels: frozenset[tuple[str, str]]
    at: float
    prometheus: float | None
    store: float | None


def ask(part: Part, settings: Settings, path: str, **words: str) -> Any:
    encoded = urllib.parse.urlencode(words)
    return internal.get_json(part, settings, f"/api/v1/{path}?{encoded}", 60.0)["data"]["result"]


def points(part: Part, settings: Settings, query: Query, end: float) -> Points:
    """The answer to a panel's query as Grafana sends it: both ends are multiples of the step."""
    if query.step_seconds is None:
        result = ask(part, settings, "query", query=query.expr, time=f"{end:.0f}")
        return {frozenset(one["metric"].items()): _values([one["value"]]) for one in result}
    step = query.step_seconds
    words = {
        "query": query.expr,
        "start": f"{(end - query.range_seconds) // step * step:.0f}",
        "end": f"{end // step * step:.0f}",
        "step": str(step),
    }
    result = ask(part, settings, "query_range", **words)
    return {frozenset(one["metric"].items()): _values(one["values"]) for one in result}


def history_queries() -> list[Query]:
    return queries(DASHBOARDS["history"])


def differences(settings: Settings, query: Query, end: float) -> tuple[list[Difference], int]:
    """The points in which the two differ, and how many there are in Prometheus."""
    theirs, ours = (points(part, settings, query, end) for part in (PROMETHEUS, VMAUTH))
    found, count = list(_compare(theirs, ours)), sum(map(len, theirs.values()))
    # Of equal values at the limit of a selection, each of the two selects another one.
    if found and _SELECTION.match(query.expr) and _are_equal(_sorted(theirs), _sorted(ours)):
        found = []
    return found, count


def samples(part: Part, settings: Settings, selector: str, seconds: float, end: float) -> float:
    """How many raw samples the series of a selector have together before a time."""
    counted = ask(
        part,
        settings,
        "query",
        query=f"sum(count_over_time({selector}[{seconds:.0f}s]))",
        time=f"{end:.3f}",
    )
    return float(counted[0]["value"][1]) if counted else 0.0


def seconds_until_equal(settings: Settings, selector: str, since: float, deadline: float) -> float:
    """How long it takes until the store has as many samples of a time as Prometheus."""
    end = time.time()
    began = time.monotonic()
    while time.monotonic() - began < deadline:
        here, there = (
            samples(part, settings, selector, end - since, end) for part in (PROMETHEUS, VMAUTH)
        )
        if here and here == there:
            return time.monotonic() - began
        time.sleep(0.2)
    raise AssertionError(f"{selector}: {there:.0f} of {here:.0f} samples after {deadline:g} s")


def _sorted(answer: Points) -> list[float]:
    return sorted(value for values in answer.values() for value in values.values())


def _are_equal(left: list[float], right: list[float]) -> bool:
    return len(left) == len(right) and all(
        math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        for one, other in zip(left, right, strict=True)
    )


def _values(pairs: list[Any]) -> Mapping[float, float]:
    return {float(at): float(value) for at, value in pairs}


def _compare(theirs: Points, ours: Points) -> Iterator[Difference]:
    for labels in theirs.keys() | ours.keys():
        left, right = theirs.get(labels, {}), ours.get(labels, {})
        for at in left.keys() | right.keys():
            one, other = left.get(at), right.get(at)
            if (
                one is None
                or other is None
                or not math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
            ):
                yield Difference(labels, at, one, other)
