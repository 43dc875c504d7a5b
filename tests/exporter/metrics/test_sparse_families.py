"""Which metrics are sparse: those of which there are many, and whose lingering misleads nobody."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
import yaml

from benchmark_exporter.metrics.definitions import Definition, Part
from benchmark_exporter.metrics.exposition import Family, text
from benchmark_exporter.metrics.sparse import PACES
from tests.grafana.dashboards import DASHBOARDS
from tests.grafana.queries import queries
from tests.rules.promql import queries_in
from tests.support.documents import perf_suite
from tests.support.paths import REPOSITORY
from tests.support.wired import DEFINITIONS, Wired

SPARSE = {name for name, definition in DEFINITIONS.items() if definition.sparse}
# Of a benchmark, but there only while something is wrong, or with the commit of the newest run: an
# alert or a join would go on for five minutes.
COME_AND_GO = re.compile(
    "benchmark_(regression_.*|drift_.*|gate_failed_criterion|failed_run_info"
    "|baseline_pinned_timestamp_seconds|.*_info)"
)
# A commit among its labels would be that of the run before. This counter keeps its series: when its
# commit is no longer one of the newest five, nobody waits for the end of it.
ONLY_COUNTER = "performance_regression_detected_total"
# It has a series for each of its states, whichever the newest run has.
EACH_STATE = "benchmark_verdict"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RANGE = re.compile(r"(\w+)\(\s*(\w+?)(?:_bucket|_sum|_count)?(\{[^}]*\})?\[(\d+)([smhd])\]")
# A window for which a longer one of the same series stands in.
_WITH_OTHER = re.compile(
    r"last_over_time\((\w+\{[^}]*\})\[\d+[smhd]\][^()]*(?:end\(\))?\) or (?=last_over_time\(\1\[)"
)
COUNTING = {"rate", "increase", "irate", "delta", "idelta", "changes", "resets", "deriv"}
# How long after its turn a sample may come: scrapes are a second or 30 s apart, and one may fail.
LATE_SECONDS = {"state": 3, "distributions": 60}


def test_metrics_of_each_benchmark_are_sparse_unless_they_come_and_go() -> None:
    of_benchmarks = {
        name
        for name, definition in DEFINITIONS.items()
        if definition.collect != "resources" and "benchmark_name" in definition.labels
    }
    # Those of the exporter itself change with its settings at most.
    of_exporter = {"benchmark_exporter_url_info", "benchmark_exporter_alerts_real_target_ratio"}
    sparse = SPARSE - of_exporter
    assert {name for name in of_benchmarks if not COME_AND_GO.fullmatch(name)} == sparse


def test_no_label_of_a_sparse_metric_changes_with_each_run() -> None:
    changing = {"run_id", "commit_hash", "previous_commit_hash", "state"}
    with_them = {name for name in SPARSE if changing & set(DEFINITIONS[name].labels)}
    assert with_them == {ONLY_COUNTER, EACH_STATE}


def expressions() -> Iterator[str]:
    for path in (REPOSITORY / "prometheus/rules").glob("*.yml"):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                yield rule["expr"]
                for annotation in rule.get("annotations", {}).values():
                    yield from queries_in(annotation)
    for dashboard in DASHBOARDS.values():
        yield from (query.expr for query in queries(dashboard))


def windows(part: Part) -> Iterator[tuple[str, str, int]]:
    """Of sparse series: the function of each range, the metric, and the seconds."""
    for expression in expressions():
        alone = _WITH_OTHER.sub("", expression)
        for function, name, matchers, number, unit in _RANGE.findall(alone):
            if name in SPARSE and part in parts_of(DEFINITIONS[name], matchers):
                yield function, name, int(number) * _SECONDS[unit]


def parts_of(definition: Definition, matchers: str) -> set[Part]:
    """The parts whose series a selector may select."""
    for label, of_state in definition.collect_state.items():
        for values in re.findall(rf'\b{label}=~?"([^"]*)"', matchers):
            selected = set(values.split("|"))
            if selected <= of_state:
                return {"state"}
            if not selected & of_state:
                return {definition.collect}
    return set(definition.parts)


@pytest.mark.parametrize("part", PACES)
def test_windows_of_rules_and_panels_have_samples_of_sparse_series(part: Part) -> None:
    """Functions that count need four turns, as those of a dense series need four scrapes."""
    period, late = PACES[part].period_seconds, LATE_SECONDS[part]
    found = list(windows(part))
    counting = [window for window in found if window[0] in COUNTING]
    assert counting
    assert len(counting) < len(found)
    assert not [window for window in found if window[2] < period + late]
    assert not [window for window in counting if window[2] < 4 * period]


@pytest.mark.parametrize("part", PACES)
def test_the_first_scrape_has_every_sparse_series_with_its_value(wired: Wired, part: Part) -> None:
    wired.take("a.json", perf_suite(speedup=5.0))
    shown = wired.render()
    whole = text([[each for each in shown.families(part) if name_of(each) in SPARSE]])
    sent, _ = wired.collector.sparse[part].unseen(None, wired.now)
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
