"""At each zoom level, the newest point of a panel shows what is true now.

Runs after test_stack_with_demo.py, on the same stack. Grafana aligns the ends of a range to the
step, which at 30 days is most of an hour.
"""

import json
import math
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from stack.settings import ALERTMANAGER, EXPORTER, PROMETHEUS
from tests.grafana.queries import Query, queries
from tests.stack.backends import Backend, get
from tests.support.paths import REPOSITORY

RANGES = ("15m", "6h", "2d", "30d")
# A sparse series of the slow job has a sample every 210 s, and a window may just have begun.
AGREES_SECONDS = 240.0
# What a panel shows of the time around a point, rather than of its end, and why.
HISTORY = {
    "Alerts over time": "a band is the worst of its time, so an alert that has ended stays in it",
    "Notifications sent": "how many between two points",
    "Failed notifications": "how many between two points",
    "Notification latency": "the mean of an hour",
    "Distribution of times": "how many between two points",
    "Verdicts": "a band is the worst of its time",
    "Verdicts over time": "a band is the worst of its time",
    "Outcomes": "a band is the worst of its time",
    "Gates over time": "a band is the worst of its time",
    "Gates": "the worst of a day",
    "Scrape targets": "a band is the worst of its time",
    "Speedup over the reference": "the lowest between two points",
    "Execution time, P50 and P95": "the longest between two points",
    "Regressions per day": "the day before the point",
    "Failing hours, last 7 days": "seven days",
    "Weekly median time": "seven days",
    "Runs per day": "a day",
    "Slowdown against the fastest environment, over runs": "the mean of a day",
    "Stream lag": "of the messages of some minutes",
    "Samples per second": "the most between two points",
    "Scrape duration": "the longest between two points",
    "Ingest": "the most between two points",
}
# Of those, the newest point still has each series that there is now; and of these, whose values
# change while nothing happens.
RESTLESS = re.compile(
    r"\b(node_|instance:|job:|process_|prometheus_|alertmanager_|memory_usage|cpu_utilization|"
    r"benchmark_exporter_(series|scan)|benchmark_stream_|benchmark_live_)"
)
# Not on each machine, or not within the first minutes; test_stack_with_demo.py says why.
MAY_BE_MISSING = re.compile(r"job:scrape_errors|node_pressure|node_cpu_steal")

NEWEST = re.compile(
    r'\b(?:last|max|min)_over_time\(([a-zA-Z_:][\w:]*(?:\{(?:[^"}]|"[^"]*")*\})?)'
    r"\[\d+s\] offset -\d+s\)"
)

Values = Mapping[frozenset[tuple[str, str]], float]


def truth(expr: str) -> str:
    """The same of now: what Prometheus takes for the newest sample, and rates of five minutes."""
    # Which few series a panel shows follows from the end of its range, which is now. A month
    # before it is one of a later end: what changed most in it may have been before that of now.
    of_end = re.sub(r"(\[\d+s\]) offset -\d+s @ end\(\)", r"\1", expr)
    newest = NEWEST.sub(r"(\1)", of_end)
    return re.sub(r"\[(\d+)s(:1m)?\] offset -\d+s", r"[5m\2]", newest)


def shown(backend: Backend, asked: Query) -> Values:
    """What the last point of a panel has, as Grafana asks for it now."""
    assert asked.step_seconds is not None
    end = time.time() // asked.step_seconds * asked.step_seconds
    start = (time.time() - asked.range_seconds) // asked.step_seconds * asked.step_seconds
    words = urllib.parse.urlencode(
        {"query": asked.expr, "start": start, "end": end, "step": asked.step_seconds}
    )
    path = f"/api/v1/query_range?{words}"
    series: list[Any] = get(PROMETHEUS.url(backend.settings, path))["data"]["result"]
    return {
        frozenset(one["metric"].items()): float(one["values"][-1][1])
        for one in series
        if one["values"][-1][0] == end
    }


def is_now(backend: Backend, asked: Query) -> Values:
    words = urllib.parse.urlencode({"query": truth(asked.expr)})
    path = f"/api/v1/query?{words}"
    series: list[Any] = get(PROMETHEUS.url(backend.settings, path))["data"]["result"]
    return {frozenset(one["metric"].items()): float(one["value"][1]) for one in series}


def differences(asked: Query, panel: Values, now: Values) -> list[str]:
    """The series of now that a panel lacks at its end, or has with another value."""
    values_count = asked.panel not in HISTORY and not RESTLESS.search(asked.expr)
    return [
        f"{asked.panel}: {dict(labels)} is {value}, shown {panel.get(labels)}"
        for labels, value in now.items()
        if labels not in panel
        or (values_count and not math.isclose(panel[labels], value, rel_tol=1e-9, abs_tol=1e-12))
    ]


def await_agreement(backend: Backend, asked: Query) -> int:
    """Waits until a panel shows what is true, and gives how many series that are."""
    deadline = time.monotonic() + AGREES_SECONDS
    while True:
        panel, now = shown(backend, asked), is_now(backend, asked)
        found = differences(asked, panel, now)
        if not found:
            return len(now)
        assert time.monotonic() < deadline, "\n".join(found)
        time.sleep(1)


@pytest.mark.parametrize("since", RANGES)
@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "grafana/dashboards").glob("*.json")), ids=lambda path: path.stem
)
def test_the_newest_point_of_a_panel_is_true_now(backend: Backend, path: Path, since: str) -> None:
    asked = [
        each
        for each in queries(json.loads(path.read_text()), since=since)
        if each.step_seconds is not None and not each.panel.startswith("annotation ")
    ]
    asked = [each for each in asked if not MAY_BE_MISSING.search(each.expr)]
    assert sum(await_agreement(backend, each) for each in asked)


def test_each_panel_of_history_exists() -> None:
    titles = {
        each.panel
        for path in (REPOSITORY / "grafana/dashboards").glob("*.json")
        for each in queries(json.loads(path.read_text()))
        if each.step_seconds is not None
    }
    assert titles >= HISTORY.keys()


class _Stay(urllib.request.HTTPRedirectHandler):
    """Takes no redirection: they lead to the public name, which is not this machine's."""

    def redirect_request(self, *_: object) -> None:
        return None


def opens(backend: Backend, link: str) -> bool:
    """Whether an address answers with a page, after redirections."""
    settings = backend.settings
    opener = urllib.request.build_opener(_Stay)
    for _ in range(5):
        for part in (ALERTMANAGER, EXPORTER, PROMETHEUS):
            link = link.replace(settings.public_url(part), part.url(settings))
        try:
            with opener.open(link, timeout=30) as answer:
                return bool(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                if "Location" not in error.headers:
                    return False
                link = urllib.parse.urljoin(link, error.headers["Location"])
    return False


def test_each_link_out_of_grafana_leads_to_a_page(backend: Backend) -> None:
    texts = [path.read_text() for path in backend.settings.dashboards_dir.glob("*.json")]
    links = {url for text in texts for url in re.findall(r'"url": "(http[^"]+)"', text)}
    # Whether two sides can be compared depends on the results.
    links = {link for link in links if "/api/v1/diff" not in link}
    assert links
    runbook = "PerformanceRegression"
    closed = [link for link in links if not opens(backend, link.replace("${__value.raw}", runbook))]
    assert closed == []
