"""The list of benchmarks: order, filters, counts and pages."""

from collections.abc import Sequence

import pytest

from benchmark_exporter.benchmark_page import list_places, list_reading
from benchmark_exporter.benchmark_page.list_query import ListQuery
from benchmark_exporter.ingest.triaging import TriageSelection
from benchmark_exporter.ledger.benchmark_list import TREND_RUNS, ListReader
from tests.exporter.benchmark_page.serving import get, serving
from tests.support.documents import perf_suite, result
from tests.support.histories import STEADY
from tests.support.triaged import said
from tests.support.wired import Wired


def names(rows: list[list[str]]) -> list[str]:
    return [row[0] for row in rows[1:]]


def fill(wired: Wired) -> Wired:
    """Six benchmarks of two projects, of which one errors, two are worse and one fails its gate."""
    for number, value in enumerate(STEADY):
        times = {"calm": value, "slow": value, "slower": value}
        wired.drop(f"{number}.json", result(number, times))
    wired.settle()
    for number in (100, 101):
        document = result(number, {"calm": 1.0, "slow": 1.5, "slower": 1.9})
        wired.take(f"{number}.json", document)
    broken = result(50, {"young": 1.0}) | {"failures": [{"benchmark": "broken", "error": "x"}]}
    wired.take("b.json", broken)
    wired.take("g.json", perf_suite(project="orbit", speedup=5.0))
    return wired


async def test_the_worst_come_first_with_counts_of_all(wired: Wired) -> None:
    async with serving(fill(wired).ledger_path, wired.now) as client:
        page = await get(client, "benchmarks")
        found = names(page.rows)
        assert (found[0], found[-1]) == ("broken", "young")
        assert found.index("slower") < found.index("slow") < found.index("calm")
        assert found.index("orbit") < found.index("calm")
        for words in ("1 ended with an error", "3 critical", "1 ok", "1 insufficient data"):
            assert words in page.text
        critical = await get(client, page.address_of("3 critical"))
        assert set(names(critical.rows)) == {"slow", "slower", "orbit"}
        assert "1 ended with an error" in critical.text  # one click leads to the others


async def test_filters_stay_in_the_address_of_every_link(wired: Wired) -> None:
    async with serving(fill(wired).ledger_path, wired.now) as client:
        page = await get(client, "benchmarks?q=sl&project=router&sort=name")
        assert names(page.rows) == ["slow", "slower"]
        assert page.address_of("2 critical") == (
            "benchmarks?q=sl&project=router&state=critical&sort=name"
        )
        assert names((await get(client, "benchmarks?q=orbit")).rows) == ["orbit"]
        assert names((await get(client, "benchmarks?environment=self-hosted")).rows) == ["orbit"]
        assert "None of 6 benchmarks" in (await get(client, "benchmarks?branch=none")).text


async def test_a_state_that_people_gave_is_shown(wired: Wired) -> None:
    fill(wired)
    said(wired, "fixing", selection=TriageSelection("slow"))
    async with serving(wired.ledger_path, wired.now) as client:
        (row,) = [row for row in (await get(client, "benchmarks")).rows if row[0] == "slow"]
    assert row[1] == "critical, 50.0% worse, fixing"


async def test_small_charts_have_the_newest_runs(wired: Wired) -> None:
    async with serving(fill(wired).ledger_path, wired.now) as client:
        answer = await client.get("/benchmarks?q=calm")
        assert f'aria-label="{len(STEADY) + 2} runs, 1 ms to 1 ms"' in await answer.text()


async def test_a_benchmark_that_runs_rarely_has_its_chart_among_others_that_run_often(
    wired: Wired,
) -> None:
    for number in range(3):
        wired.drop(f"rare-{number}.json", result(number, {"rare": 1.0}))
    for number in range(TREND_RUNS + 5):
        wired.drop(f"often-{number}.json", result(10 + number, {"often": 1.0}))
    wired.settle()
    async with serving(wired.ledger_path, wired.now) as client:
        html = await (await client.get("/benchmarks")).text()
    assert html.count(f'aria-label="{TREND_RUNS} runs, 1 ms to 1 ms"') == 1
    assert html.count('aria-label="3 runs, 1 ms to 1 ms"') == 1


async def test_each_row_has_its_chart_however_many_projects_there_are(wired: Wired) -> None:
    for number in range(2):
        for project in range(20):
            document = result(number, {"parsing": 1.0}) | {"project": f"project-{project}"}
            wired.drop(f"{number}-{project}.json", document)
    wired.settle()
    async with serving(wired.ledger_path, wired.now) as client:
        html = await (await client.get("/benchmarks")).text()
    assert html.count('aria-label="2 runs, 1 ms to 1 ms"') == 20


async def test_fifty_a_page_each_once(wired: Wired) -> None:
    every = [f"case/{number:03}" for number in range(125)]
    wired.take("a.json", result(0, dict.fromkeys(every, 1.0)))
    async with serving(wired.ledger_path, wired.now) as client:
        pages = [await get(client, f"benchmarks?sort=name&page={page}") for page in (1, 2, 3)]
        assert [names(page.rows) for page in pages] == [every[:50], every[50:100], every[100:]]
        assert pages[0].address_of("3") == "benchmarks?sort=name&page=3"
        assert "101 to 125 of 125" in pages[2].text
        assert "There are only 125." in (await get(client, "benchmarks?page=9")).text


async def test_all_benchmarks_are_read_once_for_each_published_state(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, published = 0, 1

    def counted(listed: ListReader) -> Sequence[list_places.Place]:
        nonlocal reads
        reads += 1
        return list_places.read_places(listed)

    monkeypatch.setattr(list_reading, "read_places", counted)
    wired.take("a.json", result(0, {"parsing": 1.0, "printing": 1.0}))
    async with serving(wired.ledger_path, wired.now, version=lambda: published) as client:
        for query in ("", "?q=pars", "?sort=name", "?page=2"):
            await get(client, f"benchmarks{query}")
        assert reads == 1
        wired.take("b.json", result(1, {"sorting": 1.0}))
        published = 2
        assert "sorting" in names((await get(client, "benchmarks")).rows)
        assert reads == 2


async def test_nothing_is_kept_before_a_state_is_published(wired: Wired) -> None:
    async with serving(wired.ledger_path, wired.now) as client:
        for number, name in enumerate(("parsing", "printing")):
            wired.take(f"{name}.json", result(number, {name: 1.0}))
            assert name in names((await get(client, "benchmarks")).rows)


async def test_rows_are_those_of_the_ledger_also_between_two_published_states(
    wired: Wired,
) -> None:
    fill(wired)
    async with serving(wired.ledger_path, wired.now, version=lambda: 1) as client:
        assert "3 critical" in (await get(client, "benchmarks")).text
        said(wired, "fixing", selection=TriageSelection("slow"))
        (row,) = [row for row in (await get(client, "benchmarks")).rows if row[0] == "slow"]
        assert row[1] == "critical, 50.0% worse, fixing"
        wired.ledger.delete(["orbit"], [])
        page = await get(client, "benchmarks")
        assert "orbit" not in names(page.rows)
        assert "2 critical" in page.text


async def test_benchmarks_of_one_name_are_told_apart_next_to_it(wired: Wired) -> None:
    for environment, cpus in (("ci", 4), ("laptop", 8)):
        document = result(0, {"parsing": 1.0}, environment=environment, cpus=cpus)
        wired.take(f"{environment}.json", document)
    # What these differ in from others is in a column.
    wired.take("c.json", result(1, {"printing": 1.0}) | {"project": "orbit"})
    async with serving(wired.ledger_path, wired.now) as client:
        assert sorted(names((await get(client, "benchmarks")).rows)) == [
            "parsing ci · linux x86_64 4 cpus",
            "parsing laptop · linux x86_64 8 cpus",
            "printing",
        ]
        assert names((await get(client, "benchmarks?environment=ci&q=pars")).rows) == ["parsing"]


async def test_what_stands_next_to_every_name_has_no_column(wired: Wired) -> None:
    for environment in ("ci", "laptop"):
        document = result(0, {"parsing": 1.0, "printing": 1.0}, environment=environment)
        wired.take(f"{environment}.json", document)
    async with serving(wired.ledger_path, wired.now) as client:
        page = await get(client, "benchmarks")
        assert sorted(names(page.rows)) == [
            *("parsing ci", "parsing laptop", "printing ci", "printing laptop"),
        ]
        assert "Environment" not in page.rows[0]
        # One that has its name alone has its environment in a column.
        wired.take("other.json", result(1, {"sorting": 1.0}, environment="ci"))
        assert "Environment" in (await get(client, "benchmarks")).rows[0]


async def test_with_nothing_yet_it_says_what_will_come(wired: Wired) -> None:
    async with serving(wired.ledger_path, wired.now) as client:
        assert "No benchmarks yet" in (await get(client, "benchmarks")).text


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("state=bad", "state must be one of"),
        ("sort=bad", "sort must be one of"),
        ("page=0", "page must be a number"),
        ("page=1&page=2", "more than once"),
        ("odd=1", "is unknown"),
        (f"q={'x' * 2001}", "q is longer than 2000"),
    ],
)
async def test_a_wrong_query_is_answered_400(wired: Wired, query: str, why: str) -> None:
    async with serving(wired.ledger_path, wired.now) as client:
        assert why in (await get(client, f"benchmarks?{query}", 400)).text


def test_the_first_page_is_not_in_addresses() -> None:
    assert ListQuery(q="a", page=4).address(sort="name") == "benchmarks?q=a&sort=name"
    assert ListQuery().address() == "benchmarks"
