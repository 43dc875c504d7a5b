"""The page of one benchmark: what it says of its results, their history and their runs."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from benchmark_exporter.benchmark_page import address
from benchmark_exporter.wording import with_unit
from tests.exporter.benchmark_page.serving import Client, get, serving
from tests.support.documents import perf_suite, result
from tests.support.histories import STEADY
from tests.support.page_reading import ReadPage
from tests.support.triaged import regress, said
from tests.support.wired import Wired

# A day after the runs of `result`.
NOW = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
COLUMNS = ["Run at (UTC)", "Value", "Verdict"]


def tables(page: ReadPage, *heads: str) -> list[list[str]]:
    """The rows of the first table that begins with these heads, without its head."""
    starts = [at for at, row in enumerate(page.rows) if row[: len(heads)] == list(heads)]
    begin = starts[0] + 1
    width = len(page.rows[begin - 1])
    ends = [at for at in range(begin, len(page.rows)) if not is_row(page.rows[at], width)]
    return page.rows[begin : ends[0] if ends else len(page.rows)]


def is_row(row: list[str], width: int) -> bool:
    return len(row) == width and not row[0].endswith("(UTC)")


async def page_of(wired: Wired, name: str, status: int = 200, **query: str) -> ReadPage:
    async with serving(wired.ledger_path, NOW) as client:
        return await asked(client, name, status, **query)


async def asked(client: Client, name: str, status: int = 200, **query: str) -> ReadPage:
    more = "".join(f"&{key}={value}" for key, value in query.items())
    return await get(client, f"{address(name)}{more}", status)


def take_together(wired: Wired, documents: Mapping[str, object]) -> None:
    for name, document in documents.items():
        wired.drop(f"{name}.json", document)
    wired.settle()


@pytest.mark.parametrize(("at", "is_said"), [("2099-01-01T00:00:00Z", True), (None, False)])
async def test_a_run_from_the_future_is_named(wired: Wired, at: str | None, is_said: bool) -> None:
    document = result(0, {"parsing": 1.0})
    wired.take("a.json", document | ({} if at is None else {"timestamp": at}))
    page = await page_of(wired, "parsing")
    assert ("The newest run is dated later than now" in page.text) is is_said


async def test_a_regression_is_shown_with_all_that_leads_on(wired: Wired) -> None:
    regress(wired)
    wired.search_changes()
    page = await page_of(wired, "parsing")
    assert page.headings[0] == "parsing critical, 50.0% worse"
    for words in ("1.5 ms, median of 1 sample", "the last good one", "1 ms, the median of"):
        assert words in page.text
    last_good = f"commit-{len(STEADY) - 1}"
    assert f"after commit {last_good}" in page.text
    changes = tables(page, "First run (UTC)")
    assert [row[1:] for row in changes] == [
        ["+50.0%, worse", "1 ms → 1.5 ms", last_good, "commit-100"]
    ]
    links = {text: href for href, text in page.links}
    assert links["Runbook"] == "runbooks/PerformanceRegression"
    assert links["Dashboard in Grafana"].startswith(
        "http://grafana.example:3000/d/benchmark?var-project=router&var-environment=ci&"
    )
    assert "benchmark_judged_value%7Bbenchmark_name%3D%22parsing%22" in links["Graph in Prometheus"]
    assert (
        "benchmark-exporter triage set acknowledged --project=router --environment=ci "
        "'--machine-class=linux x86_64 4 cpus' --branch=main -- parsing"
    ) in page.text
    assert links["By a form"].startswith("triage?benchmark_name=parsing&project=router")


async def test_what_is_said_of_it_stands_there(wired: Wired) -> None:
    regress(wired)
    said(wired, "fixing", why="larger <input>", ticket="T-17")
    page = await page_of(wired, "parsing")
    assert "critical, 50.0% worse, fixing by ann" in page.text
    assert "larger <input>, T-17" in page.text


async def test_the_chart_has_each_run_and_says_the_same_as_its_table(wired: Wired) -> None:
    regress(wired)
    page = await page_of(wired, "parsing")
    assert {"svg", "title", "desc", "figure"} <= page.tags
    count = len(STEADY) + 2
    assert f"{count} runs, 980 µs to 1.5 ms; the newest 1.5 ms; baseline 1 ms; limit" in page.text
    rows = tables(page, "Run at (UTC)", "Value", "Baseline")
    assert len(rows) == count
    assert [row[1] for row in rows[:3]] == [
        "1.5 ms",
        "1.5 ms",
        with_unit(STEADY[-1] / 1000, "seconds"),
    ]
    assert rows[0][4] == "critical"


async def test_days_select_what_the_charts_show_and_not_the_runs(wired: Wired) -> None:
    take_together(wired, {str(number): result(number, {"parsing": 1.0}) for number in range(12)})
    async with serving(wired.ledger_path, NOW + 40 * 86_400) as client:
        month = await asked(client, "parsing")
        assert "No run has a value in the last 30 days." in month.text
        assert len(tables(month, *COLUMNS)) == 12
        for days in ("90", "all"):
            page = await asked(client, "parsing", days=days)
            assert "12 runs, 1 ms to 1 ms" in page.text


async def test_runs_come_once_each_the_newest_first(wired: Wired) -> None:
    take_together(wired, {str(n): result(n, {"parsing": 1.0, "other": 2.0}) for n in range(60)})
    async with serving(wired.ledger_path, NOW) as client:
        page, commits, sizes = await asked(client, "parsing"), [], []
        while True:
            rows = tables(page, *COLUMNS)
            sizes.append(len(rows))
            commits += [row[3] for row in rows]
            if "Older runs" not in {text: href for href, text in page.links}:
                break
            page = await get(client, page.address_of("Older runs"))
    assert sizes == [25, 25, 10]
    assert commits == [f"commit-{number}" for number in reversed(range(60))]


async def test_a_name_may_be_a_results(wired: Wired) -> None:
    wired.take("a.json", perf_suite(project="router"))
    for name in ("router", "router/compiled"):
        assert (await page_of(wired, name)).headings[0].startswith("router ")
    alone = await page_of(wired, "router/compiled")
    assert not any("router/fallback" in heading for heading in alone.headings)
    assert alone.address_of("All 2 results of this benchmark").startswith("benchmark?name=router&")


async def test_of_several_scopes_one_is_chosen(wired: Wired) -> None:
    for environment in ("ci", "nightly"):
        document = result(1, {"parsing": 1.0}, environment=environment)
        wired.take(f"{environment}.json", document)
    async with serving(wired.ledger_path, NOW) as client:
        choice = await asked(client, "parsing")
        assert len([href for href, _ in choice.links if href.startswith("benchmark?")]) == 2
        page = await get(client, choice.address_of("router · nightly · linux x86_64 4 cpus · main"))
        assert "Newest run" in page.text
        assert (await asked(client, "parsing", environment="ci")).headings[0].startswith("parsing")
        elsewhere = await asked(client, "parsing", 404, environment="none")
        assert "has no runs there" in elsewhere.text


async def test_an_unknown_name_is_answered_with_the_nearest(wired: Wired) -> None:
    wired.take("a.json", result(1, {"parsing": 1.0, "rendering": 1.0, "zip/parsing": 1.0}))
    page = await page_of(wired, "pasring", 404)
    shown = [text for href, text in page.links if href.startswith("benchmark?")]
    assert shown == ["parsing", "zip/parsing"]
    page = await page_of(wired, "arsin", 404)
    shown = [text for href, text in page.links if href.startswith("benchmark?")]
    assert shown[:2] == ["parsing", "zip/parsing"]


async def test_an_errored_benchmark_says_so_and_what_it_ended_with(wired: Wired) -> None:
    wired.take("a.json", result(1, {"parsing": 1.0}))
    failed = result(2, {}) | {"failures": [{"benchmark": "parsing", "error": "out of memory"}]}
    wired.take("b.json", failed)
    page = await page_of(wired, "parsing")
    assert page.headings[0] == "parsing ended with an error"
    assert "out of memory" in page.text
    assert page.address_of("Runbook") == "runbooks/BenchmarkFailing"
    assert [row[2] for row in tables(page, *COLUMNS)] == [
        "ended with an error",
        "insufficient data",
    ]


async def test_a_failed_gate_says_by_what(wired: Wired) -> None:
    wired.take("a.json", perf_suite(project="orbit", speedup=5.0))
    page = await page_of(wired, "orbit")
    assert "failed, critical regression" in page.headings[0]
    assert "speedup p50 5×, at least" in page.text
    assert page.address_of("Runbook") == "runbooks/PerformanceGateFailed"


async def test_runs_of_another_branch_are_listed_and_not_drawn(wired: Wired) -> None:
    take_together(wired, {str(number): result(number, {"parsing": 1.0}) for number in (0, 2, 4)})
    for number in (3, 5):
        other = result(number, {"parsing": 9.0}) | {"branch": "feature", "base_branch": "main"}
        wired.take(f"other-{number}.json", other)
    page = await page_of(wired, "parsing")
    assert "3 runs, 1 ms to 1 ms" in page.text
    branches = [row[-1] for row in tables(page, *COLUMNS)]
    assert branches == ["feature", "", "feature", "", ""]


async def test_values_of_another_unit_are_not_in_the_chart(wired: Wired) -> None:
    wired.take("0.json", result(0, {"parsing": 5.0}, unit="bytes"))
    wired.take("1.json", result(1, {"parsing": 1.0}))
    assert "1 run, 1 ms to 1 ms" in (await page_of(wired, "parsing")).text


async def test_many_results_come_in_parts_each_once(wired: Wired) -> None:
    document = result(1, {})
    document["results"] = [
        {"benchmark": "parsing", "variant": f"v{n:02}", "unit": "seconds", "samples": [1.0 + n]}
        for n in range(45)
    ]
    wired.take("a.json", document)
    async with serving(wired.ledger_path, NOW) as client:
        names: list[str] = []
        for part in ("1", "2", "3"):
            page = await asked(client, "parsing", part=part)
            names += [each.split()[0] for each in page.headings if each.startswith("parsing/")]
    assert sorted(names) == [f"parsing/v{number:02}" for number in range(45)]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "name is missing"),
        ("name=", "name is missing"),
        ("name=a&days=3", "days must be one of 7, 30, 90, all"),
        ("name=a&part=0", "part must be a number"),
        ("name=a&part=x", "part must be a number"),
        ("name=a&name=b", "more than once"),
        ("name=a&odd=1", "'odd' is unknown"),
        ("name=a&runs_after=x", "runs_after must be"),
        (f"name=a&project={'x' * 2001}", "project is longer than 2000"),
        ("name=a&runs_after=WzEsOTk5OTk5OTk5OTk5OTk5OTk5OTksMV0", "runs_after must be"),
    ],
)
async def test_a_wrong_query_is_answered_400(wired: Wired, query: str, said: str) -> None:
    async with serving(wired.ledger_path, NOW) as client:
        assert said in (await get(client, f"benchmark?{query}", 400)).text
