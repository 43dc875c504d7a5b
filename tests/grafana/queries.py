"""The queries of a dashboard, as Grafana would send them."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# What Grafana substitutes for "All".
VARIABLES = dict.fromkeys(
    ("project", "instance", "branch", "benchmark", "environment", "machine_class", "pipeline"), ".*"
)
SHORTEST_SCRAPE_INTERVAL = "1s"  # the data source's timeInterval
PANEL_PIXELS = 1000  # hence the maximum number of points of a range

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# $1 is label_replace's. The only format is that of a time in seconds.
_VARIABLE = re.compile(r"\$(?:\{([a-zA-Z_]\w*)(?::date:seconds)?\}|([a-zA-Z_]\w*))")


@dataclass(frozen=True, slots=True)
class Query:
    """A query of a panel or annotation, variables filled in; an instant one has no step."""

    panel: str
    expr: str
    range_seconds: int
    step_seconds: int | None


def panels(dashboard: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every panel except rows, including those of collapsed rows."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def queries(
    dashboard: Mapping[str, Any],
    variables: Mapping[str, str] = VARIABLES,
    *,
    since: str | None = None,
) -> list[Query]:
    """Return the queries of panels and annotations, for the time range of the dashboard or panel.

    `since` is a range that a user has chosen, `2d` say, instead of the dashboard's own.

    Raises:
        KeyError: an expression uses a variable that is not among `variables`.
    """
    shown = since or dashboard["time"]["from"].removeprefix("now-")
    asked = [
        (panel["title"], panel.get("timeFrom") or shown, target)
        for panel in panels(dashboard)
        for target in panel["targets"]
    ]
    asked += [
        (f"annotation {each['name']}", shown, each["target"])
        for each in dashboard["annotations"]["list"]
    ]
    return [
        _query(title, _seconds(duration), target, variables) for title, duration, target in asked
    ]


def _query(
    title: str, range_seconds: int, target: Mapping[str, Any], variables: Mapping[str, str]
) -> Query:
    step = None if target["instant"] else _step(target, range_seconds)
    return Query(title, fill_in(target, range_seconds, variables), range_seconds, step)


def fill_in(
    target: Mapping[str, Any],
    range_seconds: int,
    variables: Mapping[str, str] = VARIABLES,
    *,
    end: int | None = None,
) -> str:
    """Return the expression of one query with its variables filled in; the range ends now or at
    `end`, in seconds since 1970.

    `__rate_interval` follows from `__interval` and the query's minimum step by Grafana's rule: the
    greater of four steps, and the interval plus one step.
    """
    least, interval = _least_step(target), _step(target, range_seconds)
    values = {
        **variables,
        "__from": "0",
        "__to": str(round(time.time()) if end is None else end),
        "__range": f"{range_seconds}s",
        "__interval": f"{interval}s",
        "__interval_ms": str(1000 * interval),
        "__rate_interval": f"{max(interval + least, 4 * least)}s",
    }
    expr: str = target["expr"]
    return _VARIABLE.sub(lambda match: values[match[1] or match[2]], expr)


def _least_step(target: Mapping[str, Any]) -> int:
    return _seconds(target.get("interval", SHORTEST_SCRAPE_INTERVAL))


def _step(target: Mapping[str, Any], range_seconds: int) -> int:
    return max(_least_step(target), -(-range_seconds // PANEL_PIXELS))


def metric_selectors(expr: str) -> list[tuple[str, Sequence[str]]]:
    """Return the metrics that a valid expression reads, each with the labels in its selector."""
    strings = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expr)
    without_windows = re.sub(r"\[[^\]]*\]", "", strings)
    without_lists = re.sub(
        r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", without_windows
    )
    found = re.findall(
        r"(?<![\w:.])([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\}|(?![\w:(]|\s*\())", without_lists
    )
    return [
        (name, re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        for name, matchers in found
        if name not in _KEYWORDS
    ]


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * _SECONDS[duration[-1]]


_KEYWORDS = {
    "and",
    "or",
    "unless",
    "bool",
    "offset",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "inf",
    "nan",
    "atan2",
}
