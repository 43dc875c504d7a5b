"""No panel and no rule finds another value because the slow job is scraped sparsely.

Hours of random runs go into a real Prometheus twice: as scrapes of everything would store them, and
as sparse ones do. Then it is asked each query of the dashboards and rules that reads such a series,
at random scrapes.
"""

import math
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest
import yaml

from benchmark_exporter.commands.remote_write import RemoteWriter
from benchmark_exporter.metrics.sparse import SLOW_PERIOD_SECONDS
from tests.grafana.dashboards import DASHBOARDS
from tests.grafana.queries import VARIABLES, queries
from tests.rules.prometheus_server import Server, prometheus
from tests.rules.sparse_worlds import DENSE, INTERVAL_SECONDS, SPARSE, SPARSE_NAMES, Worlds
from tests.support.paths import REPOSITORY

SCRAPES, FIRST = 150, 40
TIMES = 6
# Where a window begins in the middle of a period, a sparse series has no sample yet.
LATE_SECONDS = SLOW_PERIOD_SECONDS + INTERVAL_SECONDS
_ANY = "|".join(SPARSE_NAMES)
_READS = re.compile(rf"\b(?:{_ANY})(?:_bucket|_sum|_count)?\b")
# Windows of series that are all in the other part are shorter.
_WORST = re.compile(rf"\b(?:max|min)_over_time\((?:{_ANY})\b[^\[]*\[[3-9]\d\ds\]")
_AHEAD = re.compile(r" offset -\d+s")
_COUNTS = re.compile(rf"\b(?:increase|rate)\(((?:{_ANY})\w*\{{[^}}]*\}})\[(\d+)s\]\)")


@dataclass(frozen=True, slots=True)
class Stored:
    server: Server
    begin: float

    def times(self) -> Sequence[float]:
        """Times just after a scrape, with the longest windows behind them."""
        dice = random.Random(3)  # noqa: S311  # no secret
        scrapes = sorted(dice.sample(range(FIRST, SCRAPES), TIMES))
        return [self.begin + scrape * INTERVAL_SECONDS + 0.5 for scrape in scrapes]

    def both(
        self, at: float, expressions: Mapping[str, str]
    ) -> tuple[Mapping[frozenset[tuple[str, str]], float], ...]:
        """The result of each world's expression, without the project."""
        return tuple(
            {
                frozenset(
                    (name, text.replace(world, "p")) for name, text in labels if name != "project"
                ): value
                for labels, value in self.server.at(at, expressions[world]).items()
                if dict(labels).get("project", world) == world
            }
            for world in (DENSE, SPARSE)
        )


@pytest.fixture(scope="module")
def stored(
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stored]:
    folder = tmp_path_factory.mktemp("worlds")
    begin = (time.time() - 3 * 3600) // INTERVAL_SECONDS * INTERVAL_SECONDS + 7.3
    with prometheus(
        programs["prometheus"], folder, free_port(), "--web.enable-remote-write-receiver"
    ) as server:
        with RemoteWriter(server.url) as writer:
            for points in Worlds(tmp_path_factory.mktemp("exporter"), 1, begin).points(SCRAPES):
                writer.write(points)
        yield Stored(server, begin)


def of_panels() -> list[str]:
    """Queries of panels at the end of a step; the project is that of a world, filled in later.

    Without those of all projects, as on Alerts.
    """
    variables = {**VARIABLES, "project": "WORLD"}
    found = {
        re.sub(r'project=~"[^"]*WORLD[^"]*"', 'project="WORLD"', _AHEAD.sub("", query.expr))
        for dashboard in DASHBOARDS.values()
        for query in queries(dashboard, variables)
        if _READS.search(query.expr) and "WORLD" in query.expr
    }
    assert found
    assert all('project="WORLD"' in each for each in found)
    return sorted(found)


def of_rules() -> list[str]:
    return sorted(
        rule["expr"]
        for path in (REPOSITORY / "prometheus/rules").glob("*.yml")
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if _READS.search(rule["expr"])
    )


def filled_in(expression: str) -> Mapping[str, str]:
    return {world: expression.replace("WORLD", world) for world in (DENSE, SPARSE)}


EXACT = [each for each in of_panels() if not _WORST.search(each) and not _COUNTS.search(each)]


def test_both_worlds_have_the_same_series_at_every_scrape(stored: Stored) -> None:
    selector = f'{{__name__=~"(?:{"|".join(SPARSE_NAMES)})(_bucket|_sum|_count)?",project="WORLD"}}'
    found = 0
    for scrape in range(FIRST, SCRAPES, 5):
        at = stored.begin + scrape * INTERVAL_SECONDS + 0.5
        dense, sparse = stored.both(at, filled_in(selector))
        assert sparse.items() >= dense.items()
        # What is gone stays for five minutes.
        gone = {dict(labels)["__name__"] for labels in sparse.keys() - dense.keys()}
        assert gone <= {
            "benchmark_verdict",
            "benchmark_reachable_change_ratio",
            "benchmark_reachable_change_samples",
        }
        found += len(dense)
    assert found > 1000


@pytest.mark.parametrize("expression", [*EXACT, *of_rules()])
def test_a_query_finds_what_it_would_with_whole_scrapes(stored: Stored, expression: str) -> None:
    for at in stored.times():
        dense, sparse = stored.both(at, filled_in(expression))
        assert sparse.keys() == dense.keys()
        for labels, value in dense.items():
            assert sparse[labels] == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize("expression", [each for each in of_panels() if _WORST.search(each)])
def test_the_worst_of_a_window_is_that_of_a_window_with_another_beginning(
    stored: Stored, expression: str
) -> None:
    shorter = re.sub(
        r"\[(\d+)s\]", lambda window: f"[{int(window[1]) - LATE_SECONDS}s]", expression
    )
    for at in stored.times():
        dense, sparse = stored.both(at, filled_in(expression))
        inner, _ = stored.both(at, filled_in(shorter))
        assert sparse.keys() == dense.keys()
        for labels, value in sparse.items():
            assert inner[labels] <= value <= dense[labels]


@pytest.mark.parametrize("expression", [each for each in of_panels() if _COUNTS.search(each)])
def test_what_a_window_counts_is_what_one_with_another_beginning_has(
    stored: Stored, expression: str
) -> None:
    """Prometheus also extrapolates: from a span with four samples or more, by less than 1.75."""

    def exactly(seconds_more: int) -> str:
        return _COUNTS.sub(
            lambda found: (
                f"({found[1]} - ({found[1]} offset {int(found[2]) + seconds_more}s "
                f"or {found[1]} * 0))"
            ),
            expression,
        )

    totals = {DENSE: 0.0, SPARSE: 0.0}
    for scrape in range(FIRST, SCRAPES, 5):
        at = stored.begin + scrape * INTERVAL_SECONDS + 0.5
        dense, sparse = stored.both(at, filled_in(expression))
        least, _ = stored.both(at, filled_in(exactly(-LATE_SECONDS)))
        most, _ = stored.both(at, filled_in(exactly(INTERVAL_SECONDS)))
        assert sparse.keys() == dense.keys()
        for labels, value in sparse.items():
            assert least[labels] - 1e-9 <= value <= most[labels] * 1.75 + 1e-9
        totals[DENSE] += sum(dense.values())
        totals[SPARSE] += sum(sparse.values())
    assert totals[DENSE] > 100
    assert math.isclose(totals[SPARSE], totals[DENSE], rel_tol=0.15)
