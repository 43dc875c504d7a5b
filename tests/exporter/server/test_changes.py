"""`GET /api/v1/changes`."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.documents import result
from tests.support.process import Exporter

QUIET = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2, 99.8, 100.1, 100.7, 99.3, 100.4, 99.6]


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    """One that has found a slowdown and its fix."""
    folder: Path = tmp_path_factory.mktemp("changes")
    (folder / "results").mkdir()
    for number, value in enumerate([*QUIET, *(value * 1.2 for value in QUIET), *QUIET]):
        document = result(number, {"parsing": value})
        (folder / "results" / f"{number:02}.json").write_text(json.dumps(document))
    running = Exporter(folder, free_port())
    running.until(lambda: len(changes(running)) == 2)
    yield running
    assert running.stop() == 0, running.log.read_text()


def changes(exporter: Exporter, query: str = "") -> list[Any]:
    found = json.loads(exporter.get(f"/api/v1/changes{query}"))
    assert isinstance(found, list)
    return found


def test_changes_are_answered_with_their_commits_the_newest_first(exporter: Exporter) -> None:
    faster, slower = changes(exporter)
    assert (slower["previous_commit_hash"], slower["commit_hash"]) == ("commit-11", "commit-12")
    assert slower["ratio"] == pytest.approx(0.2, abs=0.01)
    assert (slower["worse"], faster["worse"]) == (True, False)
    assert slower["scope"]["branch"] == "main"


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("?limit=1", 1),
        ("?benchmark=pars*&project=router", 2),
        ("?commit=commit-12", 1),
        ("?since=2026-03-01T00:20:00Z", 1),
        ("?until=2026-03-01T00:20:00%2B00:00", 1),
        ("?environment=production", 0),
    ],
)
def test_a_query_selects(exporter: Exporter, query: str, count: int) -> None:
    assert len(changes(exporter, query)) == count


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("?limit=0", "limit"),
        ("?limit=many", "limit"),
        ("?since=yesterday", "since"),
        ("?until=2026-03-01T00:20:00", "until"),
        ("?colour=red", "colour"),
    ],
)
def test_a_wrong_query_is_refused_with_its_parameter(
    exporter: Exporter, query: str, named: str
) -> None:
    code, text = exporter.status_of(f"/api/v1/changes{query}")
    assert (code, text.split()[0]) == (400, named)
