"""The queries of a dashboard as Grafana would send them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# What Grafana fills in for a range of six hours in a panel a thousand pixels wide, and for "All".
VARIABLES = {"benchmark": ".*", "environment": ".*", "__interval": "20s", "__range": "6h"}
SHORTEST_SCRAPE_INTERVAL = "1s"  # the data source's timeInterval

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def panels(dashboard: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every panel but the rows, those of collapsed rows too."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def panel_queries(dashboard: Mapping[str, Any], variables: Mapping[str, str] = VARIABLES) -> list[tuple[str, str]]:
    """The title of the panel and the expression of every query, its variables filled in.

    `__rate_interval` follows from `__interval` and the query's minimum step, by Grafana's rule: the greater of four steps and the
    interval with one more step.

    Raises:
        KeyError: an expression uses a variable that is not among `variables`.
    """
    return [(panel["title"], fill_in(target, variables)) for panel in panels(dashboard) for target in panel["targets"]]


def fill_in(target: Mapping[str, Any], variables: Mapping[str, str] = VARIABLES) -> str:
    """The expression of one query, its variables filled in as `panel_queries` does."""
    step = _seconds(target.get("interval", SHORTEST_SCRAPE_INTERVAL))
    interval = max(step, _seconds(variables["__interval"]))
    values = {**variables, "__interval": f"{interval}s", "__rate_interval": f"{max(interval + step, 4 * step)}s"}
    expr: str = target["expr"]
    return _VARIABLE.sub(lambda match: values[match[1] or match[2]], expr)


def metric_selectors(expr: str) -> list[tuple[str, Sequence[str]]]:
    """The metrics that an expression reads, each with the labels its selector names. Of an expression that Prometheus accepts."""
    strings = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expr)
    without_windows = re.sub(r"\[[^\]]*\]", "", strings)
    without_lists = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", without_windows)
    found = re.findall(r"(?<![\w:.])([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\}|(?![\w:(]|\s*\())", without_lists)
    return [(name, re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)) for name, matchers in found if name not in _KEYWORDS]


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * _SECONDS[duration[-1]]


_KEYWORDS = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right", "inf", "nan", "atan2"}
