"""Which metrics are sparse: those of which there are many, and whose lingering misleads nobody."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
import yaml

from benchmark_exporter.metrics.exposition import Family, text
from benchmark_exporter.metrics.sparse import PERIOD_SECONDS
from tests.grafana.dashboards import DASHBOARDS
from tests.grafana.queries import queries
from tests.rules.promql import queries_in
from tests.support.documents import perf_suite
from tests.support.paths import REPOSITORY
from tests.support.wired import DEFINITIONS, Wired

SPARSE = {name for name, definition in DEFINITIONS.items() if definition.sparse}
# Of a benchmark, but there only while something is wrong, or with the commit of the newest run: an
# alert or a join would go on for five minutes.
COME_AND_GO = re.compile("benchmark_(regression_.*|gate_failed_criterion|failed_run_info|.*_info)")
# A commit among its labels would be that of the run before. This counter keeps its series: when its
# commit is no longer one of the newest five, nobody waits for the end of it.
ONLY_COUNTER = "performance_regression_detected_total"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RANGE = re.compile(r"(\w+)\(\s*(\w+)(?:\{[^}]*\})?\[(\d+)([smhd])\]")
# Scrapes are a second apart, and one may fail.
LATE_SECONDS = 3


def test_metrics_of_each_benchmark_in_the_state_part_are_sparse_unless_they_come_and_go() -> None:
    of_benchmarks = {
        name
        for name, definition in DEFINITIONS.items()
        if "state" in definition.parts and "benchmark_name" in definition.labels
    }
    # The one of the exporter itself never changes while it runs.
    sparse = SPARSE - {"benchmark_exporter_url_info"}
    assert {name for name in of_benchmarks if not COME_AND_GO.fullmatch(name)} == sparse


def test_no_label_of_a_sparse_metric_changes_with_each_run() -> None:
    changing = {"run_id", "commit_hash", "previous_commit_hash", "state"}
    with_them = {name for name in SPARSE if changing & set(DEFINITIONS[name].labels)}
    assert with_them == {ONLY_COUNTER}


def expressions() -> Iterator[str]:
    for path in (REPOSITORY / "prometheus/rules").glob("*.yml"):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                yield rule["expr"]
                for annotation in rule.get("annotations", {}).values():
                    yield from queries_in(annotation)
    for dashboard in DASHBOARDS.values():
        yield from (query.expr for query in queries(dashboard))


@pytest.mark.parametrize("needs", ["one sample", "four samples"])
def test_windows_of_rules_and_panels_have_samples_of_sparse_series(needs: str) -> None:
    counting = {"rate", "increase", "irate", "delta", "idelta", "changes", "resets", "deriv"}
    least_seconds = PERIOD_SECONDS * (4 if needs == "four samples" else 1) + LATE_SECONDS
    windows = [
        (function, name, int(number) * _SECONDS[unit])
        for expression in expressions()
        for function, name, number, unit in _RANGE.findall(expression)
        if name in SPARSE and (function in counting) == (needs == "four samples")
    ]
    assert windows
    assert not [window for window in windows if window[2] < least_seconds]


def test_the_first_scrape_has_every_sparse_series_with_its_value(wired: Wired) -> None:
    wired.take("a.json", perf_suite(speedup=5.0))
    shown = wired.render()
    whole = text([[each for each in shown.families("state") if name_of(each) in SPARSE]])
    sent, _ = wired.collector.sparse.unseen(None, wired.now)
    lines = text([sent]).decode().splitlines()
    assert lines
    assert all(re.search(r" \d{13}$", line) for line in lines if not line.startswith("#"))
    series = {re.sub(r" \d{13}$", "", line) for line in lines if not line.startswith("#")}
    assert series == {line for line in whole.decode().splitlines() if not line.startswith("#")}


def name_of(family: Family) -> str:
    return family[0].decode().split(" ")[2]


@pytest.mark.parametrize("benchmarks", [20, 200])
def test_what_grows_with_benchmarks_is_sparse(wired: Wired, benchmarks: int) -> None:
    for number in range(benchmarks):
        wired.drop(f"{number}.json", perf_suite(project=f"p{number}", run_id=f"run-{number}"))
    wired.settle()
    series = Counter[bool]()
    for family in wired.render().families("state"):
        series[name_of(family) in SPARSE] += text([[family]]).count(b"\n") - 2
    assert series[True] > 8 * benchmarks
    assert series[False] < 60
