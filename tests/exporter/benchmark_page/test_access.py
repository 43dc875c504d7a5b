"""Who may read the pages, what a page may load, and what becomes of those that cannot be made."""

import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from benchmark_exporter.benchmark_page import reading
from benchmark_exporter.benchmark_page.routes import BenchmarkPages
from benchmark_exporter.ledger import LedgerError, benchmark_reading
from benchmark_exporter.ledger.benchmark_reading import Interrupted, read_benchmarks
from benchmark_exporter.ledger.reading import TookTooLong
from tests.exporter.benchmark_page.serving import LINKS, get, serving
from tests.support.asking import ask
from tests.support.documents import perf_suite, result
from tests.support.page_reading import ReadPage
from tests.support.paths import REPOSITORY
from tests.support.process import Exporter
from tests.support.wired import Wired

COMMIT = "/commit?hash=a1b2c3d&project=router"
PATHS = ("/benchmarks", "/benchmark?name=router", COMMIT, "/benchmark.css", "/search.js")
EVIL = {"Origin": "http://evil.example"}
IMAGE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    folder = tmp_path_factory.mktemp("pages")
    (folder / "results").mkdir()
    (folder / "results" / "a.json").write_text(json.dumps(perf_suite(project="router")))
    runbooks = f"--runbooks-dir={REPOSITORY / 'docs' / 'runbooks'}"
    running = Exporter(folder, free_port(), runbooks)
    running.until(lambda: b"router" in running.get("/benchmarks"))
    yield running
    assert running.stop() == 0, running.log.read_text()


def test_what_fires_for_a_benchmark_stands_there_with_its_runbook(exporter: Exporter) -> None:
    def alert(name: str, benchmark: str, **more: str) -> dict[str, object]:
        labels = {"alertname": name, "benchmark_name": benchmark, "severity": "critical", **more}
        return {
            "status": "firing",
            "labels": labels,
            "annotations": {"summary": f"{name} of {benchmark} <b>"},
            "fingerprint": f"{name} {benchmark} {more}",
        }

    of_router = {"project": "router", "environment": "self-hosted"}
    alerts = [
        alert("CriticalPerformanceRegression", "router", **of_router),
        alert("PerformanceRegression", "router/compiled", **of_router),
        alert("PerformanceRegression", "router/compiled", project="router", environment="other"),
        alert("PerformanceRegression", "router-2", **of_router),
        alert("NotOurs", "router", **of_router),
    ]
    body = json.dumps({"alerts": alerts}).encode()
    assert exporter.status_of("/api/v1/alerts", body)[0] == HTTPStatus.OK
    running = ReadPage(exporter.get("/benchmark?name=router").decode())
    links = [href for href, _ in running.links if href.startswith("runbooks/")]
    assert links == ["runbooks/CriticalPerformanceRegression", "runbooks/PerformanceRegression"]
    assert "PerformanceRegression of router/compiled <b>, since" in running.text
    for absent in ("router-2", "NotOurs"):
        assert absent not in running.text


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_read_under_a_strangers_name_or_by_their_page(
    exporter: Exporter, path: str
) -> None:
    for headers in ({"Host": "evil.example"}, EVIL, IMAGE):
        assert ask(exporter.port, path, headers).status == HTTPStatus.FORBIDDEN
    assert ask(exporter.port, path, LINK).status == HTTPStatus.OK


@pytest.mark.parametrize("path", [*PATHS, "/benchmark?name=none", "/benchmark", "/benchmark?odd=1"])
def test_a_page_may_load_nothing_but_files_of_its_own(exporter: Exporter, path: str) -> None:
    answer = ask(exporter.port, path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", PATHS)
def test_pages_are_only_read(exporter: Exporter, path: str) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert ask(exporter.port, path, method=method).status == HTTPStatus.METHOD_NOT_ALLOWED


def test_reading_writes_nothing_to_the_ledger(wired: Wired) -> None:
    wired.take("a.json", result(0, {"parsing": 1.0}))
    with (
        pytest.raises(LedgerError, match="attempt to write a readonly database"),
        read_benchmarks(wired.ledger_path, 60.0) as reader,
    ):
        reader.connection.execute("DELETE FROM runs")


def test_long_addresses_are_refused_before_the_ledger_is_read(exporter: Exporter) -> None:
    path = f"/benchmark?name={'x' * 2001}"
    assert ask(exporter.port, path).status == HTTPStatus.BAD_REQUEST
    path = f"/benchmarks?q={'x' * 9000}"
    assert ask(exporter.port, path).status == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("address", ["benchmarks", "benchmark?name=a", "commit?hash=a&project=b"])
async def test_without_a_ledger_it_says_when_to_come_back(tmp_path: Path, address: str) -> None:
    async with serving(tmp_path / "none.sqlite3", 0.0) as client:
        answer = await client.get(f"/{address}")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert "there is no such ledger" in await answer.text()
        assert answer.content_type == "text/html"


async def test_what_cannot_be_read_in_time_is_left_out_and_said(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        wired.drop(f"{number}.json", result(number, {"parsing": 1.0}))
    wired.settle()
    monkeypatch.setattr(benchmark_reading, "INSTRUCTIONS", 1)
    monkeypatch.setattr(reading, "HISTORY_SECONDS", -1.0)
    monkeypatch.setattr(reading, "RUNS_SECONDS", -1.0)
    async with serving(wired.ledger_path, wired.now) as client:
        page = await get(client, "benchmark?name=parsing")
    assert page.headings[0].startswith("parsing ")
    assert "Older runs are not in the charts" in page.text
    assert "They could not be searched in the time" in page.text


def test_reading_goes_on_after_what_was_ended(wired: Wired) -> None:
    with read_benchmarks(wired.ledger_path, 60.0) as reader:
        with pytest.raises(Interrupted), reader.within(0.05):
            reader.connection.execute(ENDLESS).fetchall()
        assert reader.connection.execute("SELECT 1").fetchall() == [(1,)]
    with (
        pytest.raises(TookTooLong),
        read_benchmarks(wired.ledger_path, 0.05) as reader,
        reader.within(60.0),
    ):
        reader.connection.execute(ENDLESS).fetchall()


async def test_pages_name_no_file_that_is_not_served() -> None:
    async def read(*_: object) -> object:
        raise AssertionError

    routes = BenchmarkPages(Path("none"), LINKS, read).routes()
    assert {route.path for route in routes} == {path.partition("?")[0] for path in PATHS}
