"""`/api/v1/runs`, `/api/v1/results` and `/api/v1/diff`: pages, filters and limits."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.reading import TookTooLong, read_only
from benchmark_exporter.server.read_api import MOST_WAITING, ReadApi
from tests.support.documents import result
from tests.support.process import Exporter

RUNS = 12


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    """Twelve runs of two results each; the later half has another branch and is slower.

    Two of them are of the same time, so that only their order of places tells them apart.
    """
    folder: Path = tmp_path_factory.mktemp("api")
    (folder / "results").mkdir()
    for number in range(RUNS):
        late = number >= RUNS // 2
        document = result(number, {"parsing": 1.5 if late else 1.0, "rendering": 2.0})
        document["branch"] = "slow" if late else "main"
        document["run_id"] = f"run-{number}"
        document["timestamp"] = f"2026-03-01T00:{number // 2:02}:00Z"
        (folder / "results" / f"{number:02}.json").write_text(json.dumps(document))
    running = Exporter(folder, free_port())
    running.until(lambda: len(get(running, "runs")["runs"]) == RUNS)
    yield running
    assert running.stop() == 0, running.log.read_text()


def get(exporter: Exporter, name: str, **query: object) -> Any:
    return json.loads(exporter.get(f"/api/v1/{name}?{urlencode(query)}"))


def pages(exporter: Exporter, name: str, items: str, **query: object) -> list[list[Any]]:
    found, cursor = [], ""
    while cursor is not None:
        page = get(exporter, name, **query, **({"cursor": cursor} if cursor else {}))
        found.append(page[items])
        cursor = page["next_cursor"]
    return found


@pytest.mark.parametrize("limit", [1, 5, 6, 12, 500])
def test_pages_have_each_run_once_the_newest_first(exporter: Exporter, limit: int) -> None:
    found = pages(exporter, "runs", "runs", limit=limit)
    assert all(len(page) == limit for page in found[:-1])
    assert 0 < len(found[-1]) <= limit
    runs = [run for page in found for run in page]
    assert {run["run_id"] for run in runs} == {f"run-{number}" for number in range(RUNS)}
    assert len(runs) == RUNS
    times = [run["timestamp_seconds"] for run in runs]
    assert times == sorted(times, reverse=True)
    assert {run["result_count"] for run in runs} == {2}


@pytest.mark.parametrize("limit", [1, 3, 4, 24, 500])
def test_pages_of_results_begin_within_a_run_too(exporter: Exporter, limit: int) -> None:
    found = pages(exporter, "results", "results", limit=limit)
    assert all(len(page) == limit for page in found[:-1])
    results = [(each["run_id"], each["name"]) for page in found for each in page]
    assert len(results) == len(set(results)) == 2 * RUNS
    first = found[0][0]
    assert (first["name"], first["unit"], first["state"]) == (
        "parsing",
        "seconds",
        "insufficient_data",
    )
    assert first["statistics"]["p50"] == pytest.approx(0.0015)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"branch": "slow"}, 6),
        ({"branch": "s*", "project": "router"}, 6),
        ({"benchmark": "pars*"}, 12),
        ({"benchmark": "none*"}, 0),
        ({"commit": "commit-11"}, 1),
        ({"environment": "lab"}, 0),
        ({"machine_class": "* 4 cpus"}, 12),
        ({"since": "2026-03-01T00:05:00Z"}, 2),
        ({"until": "2026-03-01T00:01:00+00:00"}, 2),
    ],
)
def test_filters_select(exporter: Exporter, query: dict[str, str], count: int) -> None:
    for limit in (5, 100):
        found = pages(exporter, "runs", "runs", limit=limit, **query)
        assert sum(map(len, found)) == count
        results = pages(exporter, "results", "results", limit=limit, **query)
        assert sum(map(len, results)) == count * (1 if "benchmark" in query else 2)


def test_a_diff_and_its_pages(exporter: Exporter) -> None:
    sides = {"base": "main", "head": "branch:slow"}
    whole = get(exporter, "diff", **sides)
    parsing, rendering = whole["results"]
    assert (parsing["name"], rendering["name"]) == ("parsing", "rendering")
    assert parsing["change_ratio"] == pytest.approx(0.5)
    assert (whole["result_count"], whole["next_cursor"]) == (2, None)
    assert (whole["base"], whole["head"]) == (
        {"name": "branch:main", "runs": 5},
        {"name": "branch:slow", "runs": 5},
    )
    one_by_one = pages(exporter, "diff", "results", limit=1, **sides)
    assert one_by_one == [[parsing], [rendering]]
    more = get(exporter, "diff", runs=6, **sides)
    assert more["base"]["runs"] == 6
    assert get(exporter, "diff", benchmark="render*", **sides)["results"] == [rendering]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("runs?colour=red", "colour is unknown; use benchmark, project"),
        ("runs?limit=0", "limit must be a number from 1 to 500"),
        ("results?limit=501", "limit must be a number from 1 to 500"),
        ("runs?limit=1&limit=2", "limit is given 2 times"),
        ("runs?cursor=x", "cursor must be the next_cursor of"),
        ("runs?cursor=WzEsMiwz", "cursor must be the next_cursor of"),
        ("runs?cursor=WzEsMiwxZTk5XQ", "cursor must be the next_cursor of"),
        ("results?cursor=WzEsMiwzXQ", "cursor must be the next_cursor of"),
        ("runs?since=yesterday", "since must be a time like"),
        ("runs?benchmark=" + quote("*a*a*a*a*"), "benchmark has more than 4 *"),
        ("changes?benchmark=" + quote("*a*a*a*a*"), "benchmark has more than 4 *"),
        ("runs?project=" + 201 * "x", "project is longer than 200 characters"),
        ("runs?project=%00", "project has a character NUL"),
        ("diff?base=main", "head is missing"),
        ("diff?base=main&head=", "head is missing"),
        ("diff?base=main&head=nowhere", "nowhere is neither a run"),
        ("diff?base=main&head=main", "runs in common"),
        ("diff?base=main&head=slow&runs=21", "runs must be a number from 1 to 20"),
        ("diff?base=main&head=slow&detect=2", "detect must be a ratio above 0"),
        ("diff?base=main&head=slow&cursor=LTE", "cursor must be the next_cursor of"),
        ("diff?base=main&head=slow&branch=x", "branch is unknown"),
    ],
)
def test_a_wrong_query_is_refused(exporter: Exporter, path: str, reason: str) -> None:
    status, text = exporter.status_of(f"/api/v1/{path}")
    assert (status, reason in text) == (400, True), text
    assert text.endswith("\n")


def test_the_connection_only_reads_and_for_a_bounded_time(exporter: Exporter) -> None:
    ledger = exporter.folder / "ledger.sqlite3"
    with pytest.raises(LedgerError, match="readonly"), read_only(ledger) as (connection, _):
        connection.execute("DELETE FROM runs")
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
    with pytest.raises(TookTooLong), read_only(ledger, 0.05) as (connection, _):
        connection.execute(endless).fetchone()


async def _client(api: ReadApi) -> TestClient[web.Request, web.Application]:
    application = web.Application()
    application.add_routes(api.routes)
    application.on_cleanup.append(api.close)
    return TestClient(TestServer(application))


async def test_what_takes_too_long_is_answered_503(exporter: Exporter) -> None:
    api = ReadApi(exporter.folder / "ledger.sqlite3", most_seconds=-1.0)
    async with await _client(api) as client:
        for path in ("results", "diff?base=main&head=slow"):
            answer = await client.get(f"/api/v1/{path}")
            assert answer.status == 503
            assert "select less" in await answer.text()
            assert answer.headers["Retry-After"] == "5"


async def test_a_ledger_that_cannot_be_read_and_too_many_requests(tmp_path: Path) -> None:
    api = ReadApi(tmp_path / "none.sqlite3")
    async with await _client(api) as client:
        answer = await client.get("/api/v1/runs")
        assert (answer.status, "there is no such ledger" in await answer.text()) == (503, True)
        api.waiting = MOST_WAITING
        answer = await client.get("/api/v1/runs")
        assert (answer.status, await answer.text()) == (503, "too many requests at once\n")
