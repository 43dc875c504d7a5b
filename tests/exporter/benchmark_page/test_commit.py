"""The address of a commit: it leads to the repository of the settings, or says what is known."""

from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from benchmark_exporter.benchmark_page import commit_reading
from benchmark_exporter.benchmark_page.addresses import commit_address
from benchmark_exporter.ledger import benchmark_reading
from benchmark_exporter.ledger.commit_runs import runs_of_commit
from benchmark_exporter.links import NO_REPOSITORIES, Repositories, Repository
from tests.exporter.benchmark_page.serving import get, serving
from tests.support.documents import Json, result
from tests.support.histories import STEADY
from tests.support.page_reading import ReadPage
from tests.support.wired import Wired

HEAD, BASE = "fedcba9876543210", "0123456789abcdef"
CODE = "https://code.example"
COMMITS = Repository(f"{CODE}/commit/{{commit}}")
BOTH = Repository(COMMITS.commit_url, f"{CODE}/compare/{{base}}...{{head}}")
LINKED = Repositories(BOTH, {"internal": Repository(), "commits": COMMITS})
HOSTILE = 'javascript:alert(1)//"><img src=x>\r\nLocation: https://evil.example/&project=other'


def of_commit(number: int, commit: str, results: dict[str, float], **more: object) -> Json:
    return result(number, results) | {"commit": commit, **more}


async def page_of(
    wired: Wired, address: str, status: int = 200, repositories: Repositories = NO_REPOSITORIES
) -> ReadPage:
    async with serving(wired.ledger_path, wired.now, repositories) as client:
        return await get(client, address, status)


async def place_of(wired: Wired, address: str) -> tuple[int, str | None]:
    """The status and where it leads to, in the settings of `LINKED`."""
    async with serving(wired.ledger_path, wired.now, LINKED) as client:
        answer = await client.get(f"/{address}", allow_redirects=False)
        return answer.status, answer.headers.get("Location")


@pytest.mark.parametrize(
    ("query", "there"),
    [
        (f"hash={HEAD}&project=router", f"{CODE}/commit/{HEAD}"),
        (f"hash={HEAD}&project=", f"{CODE}/commit/{HEAD}"),
        (f"hash={HEAD}&project=router&after={BASE}", f"{CODE}/compare/{BASE}...{HEAD}"),
        (f"hash={HEAD}&project=router&after=", f"{CODE}/commit/{HEAD}"),
        (f"hash={HEAD}&project=router&after={HEAD}", f"{CODE}/commit/{HEAD}"),
        (f"hash={HEAD}&project=router&after=%E2%80%93", f"{CODE}/commit/{HEAD}"),
        (f"hash={HEAD}&project=commits&after={BASE}", f"{CODE}/commit/{HEAD}"),
        ("hash=0000000006&project=router", f"{CODE}/commit/0000000006"),
    ],
)
async def test_a_hash_leads_to_the_repository_of_its_project(
    wired: Wired, query: str, there: str
) -> None:
    async with serving(wired.ledger_path, wired.now, LINKED) as client:
        answer = await client.get(f"/commit?{query}", allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (HTTPStatus.FOUND, there)
        # The other site learns no address of this one, and other settings count at once.
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "text",
    [
        *("abc123", "a" * 65, "v1.2.3", "../../evil", "//evil.example", "https://evil.example"),
        *("deadbeef/../..", "deadbeef?x=1", "deadbeef\n", "deadbeef@evil.example", HOSTILE),
        *("٠١٢٣٤٥٦٧", "dead\u202ebeef", "{commit}", "\x00deadbeef"),
    ],
)
async def test_another_text_leads_nowhere(wired: Wired, text: str) -> None:
    wired.take("a.json", of_commit(0, BASE, {"parsing": 1.0}))
    wrong = f"commit?hash={quote(text, safe='')}&project=router"
    assert await place_of(wired, wrong) == (HTTPStatus.NOT_FOUND, None)
    page = await page_of(wired, wrong, HTTPStatus.NOT_FOUND, LINKED)
    assert "it leads to no repository" in page.text
    assert "commit_url" not in page.text
    assert "img" not in page.tags
    known = f"commit?hash={HEAD}&project=router&after={quote(text, safe='')}"
    assert await place_of(wired, known) == (HTTPStatus.FOUND, f"{CODE}/commit/{HEAD}")


async def test_only_the_settings_say_where_a_project_is(wired: Wired) -> None:
    """Not the query: a project whose entry has no address has none."""
    wired.take("a.json", of_commit(0, HEAD, {"parsing": 1.0}, project="internal"))
    assert await place_of(wired, commit_address(HEAD, "internal")) == (HTTPStatus.OK, None)
    page = await page_of(wired, commit_address(HEAD, "internal"), 200, LINKED)
    assert "The entry of this project in repositories of config.yaml has no commit_url" in page.text
    odd = commit_address(HEAD, HOSTILE)
    assert await place_of(wired, odd) == (HTTPStatus.FOUND, f"{CODE}/commit/{HEAD}")


async def test_without_an_address_it_shows_the_runs_and_what_to_set(wired: Wired) -> None:
    for number in range(len(STEADY)):
        wired.drop(f"{number}.json", result(number, {"parsing": 1.0, "printing": 1.0}))
    for number in (100, 101):
        slow = of_commit(number, HEAD, {"printing": 1.0, "parsing": 1.5})
        wired.drop(f"{number}.json", slow)
    failed = of_commit(102, HEAD, {"parsing": 1.5}, environment="nightly", branch="next")
    failed["failures"] = [{"benchmark": "broken <b>", "error": "out of memory"}]
    wired.drop("failed.json", failed)
    wired.drop("other.json", of_commit(103, HEAD, {"parsing": 1.0}, project="orbit"))
    wired.settle()
    address = f"{commit_address(HEAD, 'router')}&after={BASE}"
    page = await page_of(wired, address)
    assert page.headings == [f"Commit {HEAD}", "Runs"]
    assert "once config.yaml says where that is" in page.text
    assert "commit_url: https://github.com/OWNER/NAME/commit/{commit}" in page.text
    assert page.address_of(BASE[:12]) == commit_address(BASE, "router")
    head, *rows = page.rows
    assert head == [
        *("Benchmark", "Verdict", "Run at (UTC)", "Environment", "Branch", "Machine class", "Run")
    ]
    assert [[*row[:2], *row[3:5]] for row in rows] == [
        ["broken <b>", "ended with an error", "nightly", "next"],
        ["parsing", "insufficient data", "nightly", "next"],
        *(
            [name, said, "ci", "main"]
            for verdict in ("critical, 50.0% worse", "suspect, 50.0% worse")
            for name, said in (("parsing", verdict), ("printing", "ok"))
        ),
    ]
    to_newest = next(href for href, text in page.links if text == "printing")
    assert parse_qs(urlsplit(to_newest).query)["environment"] == ["ci"]


async def test_it_shows_the_newest_hundred(wired: Wired) -> None:
    every = {f"bench-{number:03}": 1.0 for number in range(70)}
    for number in range(2):
        wired.drop(f"{number}.json", of_commit(number, HEAD, every))
    wired.settle()
    page = await page_of(wired, commit_address(HEAD, "router"))
    assert "Only the newest 100 are shown." in page.text
    assert len(page.rows) == 1 + 100


async def test_what_cannot_be_searched_in_time_is_said(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    wired.take("a.json", of_commit(0, HEAD, {"parsing": 1.0}))
    monkeypatch.setattr(benchmark_reading, "INSTRUCTIONS", 1)
    monkeypatch.setattr(commit_reading, "SEARCH_SECONDS", -1.0)
    page = await page_of(wired, commit_address(HEAD, "router"))
    assert "Older runs were not searched" in page.text
    assert "no run of this commit" not in page.text


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("", "hash is missing: give a commit and its project"),
        ("?hash=&project=router", "hash is missing"),
        (f"?hash={HEAD}", "project is missing"),
        (f"?hash={HEAD}&project=router&to=https://evil.example", "'to' is unknown"),
        (f"?hash={HEAD}&hash={BASE}&project=router", "given more than once"),
        (f"?hash={'a' * 2001}&project=router", "hash is longer than 2000 characters"),
    ],
)
async def test_a_query_that_names_no_commit_is_refused(wired: Wired, query: str, why: str) -> None:
    page = await page_of(wired, f"commit{query}", HTTPStatus.BAD_REQUEST, LINKED)
    assert why in page.text


def test_a_search_reads_run_by_run_and_each_by_its_key(wired: Wired) -> None:
    """Its first run is there before the others are read, and no table is read whole for one."""
    wired.take("a.json", of_commit(0, HEAD, {"parsing": 1.0}))
    plans: list[Sequence[str]] = []
    with benchmark_reading.read_benchmarks(wired.ledger_path, 60.0) as reader:
        statements: list[str] = []
        reader.connection.set_trace_callback(statements.append)
        assert len(list(runs_of_commit(reader, "router", HEAD))) == 1
        reader.connection.set_trace_callback(None)
        for statement in statements:
            steps = reader.connection.execute(f"EXPLAIN QUERY PLAN {statement}")
            plans.append([step[3] for step in steps])
    assert plans[0] == ["SCAN runs USING INDEX runs_by_time"]
    assert all("SEARCH" in step for plan in plans[1:] for step in plan)
