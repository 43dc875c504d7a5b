"""Commits as links: from an alert's link to the commit, what lies between, and the runbook."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from benchmark_exporter.benchmark_page import address
from benchmark_exporter.benchmark_page.addresses import commit_address
from tests.support.asking import ask
from tests.support.browsing import drop
from tests.support.documents import result
from tests.support.histories import STEADY
from tests.support.paths import REPOSITORY
from tests.support.process import Exporter

CODE = "https://code.example"
CONFIG = f"""
commit_url: {CODE}/commit/{{commit}}
compare_url: {CODE}/compare/{{base}}...{{head}}
repositories: {{internal: {{}}}}
"""
# What the alert's message has as its runbook, on the exporter's own address.
ALERT_LINK = "runbooks/CriticalPerformanceRegression"
HOSTILE = 'javascript:alert(1)//"><img src=x>'


def commit_of(number: int) -> str:
    return f"{number + 10:03x}{number:037x}"


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    """A regression of two runs, and the same in a project without links."""
    folder = tmp_path_factory.mktemp("commits")
    (folder / "commits.yaml").write_text(CONFIG)
    running = Exporter(
        folder,
        free_port(),
        f"--runbooks-dir={REPOSITORY / 'docs' / 'runbooks'}",
        f"--config={folder / 'commits.yaml'}",
        stream_port=free_port(),
    )
    for number, value in enumerate([*STEADY, 1.5, 1.5]):
        for project in ("router", "internal"):
            document = result(number, {f"{project}-parsing": value}) | {"project": project}
            document["commit"] = commit_of(number)
            drop(running, f"{project}-{number}.json", document)
    odd = result(1, {"odd": 1.0})
    odd["commit"] = HOSTILE
    drop(running, "odd.json", odd)
    running.until(lambda: running.get("/benchmarks").count(b"critical, 50.0% worse") == 2)
    running.until(lambda: b"odd" in running.get("/benchmarks"))
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture
def page(context: BrowserContext, exporter: Exporter) -> Iterator[Page]:
    """Opened by the link of an alert, with a repository on the web."""
    context.route(f"{CODE}/**", lambda route: route.fulfill(body=f"<h1>{route.request.url}</h1>"))
    opened = context.new_page()
    opened.goto(f"http://127.0.0.1:{exporter.port}/{ALERT_LINK}")
    expect(opened.locator("h1")).to_have_text("CriticalPerformanceRegression")
    yield opened
    opened.close()


NEWEST, GOOD = commit_of(len(STEADY) + 1), commit_of(len(STEADY) - 1)


def test_from_an_alerts_link_to_the_commit_in_two_more_clicks(page: Page) -> None:
    page.get_by_role("link", name="Start").click()
    group = page.locator(".entry").filter(has_text="router-parsing")
    group.get_by_role("link", name=NEWEST[:12]).click()
    expect(page.locator("h1")).to_have_text(f"{CODE}/commit/{NEWEST}")


def test_what_lies_between_the_last_good_commit_and_the_newest_is_as_near(page: Page) -> None:
    page.get_by_role("link", name="Start").click()
    page.locator(".entry").filter(has_text="router-parsing").get_by_role(
        "link", name="compare"
    ).click()
    expect(page.locator("h1")).to_have_text(f"{CODE}/compare/{GOOD}...{NEWEST}")


@pytest.mark.parametrize(
    ("path", "hash_shown"),
    [
        ("benchmarks", NEWEST),
        (f"{address('router-parsing')}&days=all", GOOD),
        (f"{address('router-parsing')}&days=all", commit_of(3)),
    ],
)
def test_a_commit_is_a_link_wherever_it_is_shown(
    page: Page, exporter: Exporter, path: str, hash_shown: str
) -> None:
    page.goto(f"http://127.0.0.1:{exporter.port}/{path}")
    link = page.get_by_role("link", name=hash_shown[:12]).filter(has=page.locator("code")).first
    expect(link).to_have_attribute("href", f"{CODE}/commit/{hash_shown}")
    expect(link).to_have_attribute("rel", "noopener noreferrer")


def test_the_live_page_has_them_too(page: Page, exporter: Exporter) -> None:
    page.goto(f"http://127.0.0.1:{exporter.stream_port}/live")
    row = page.get_by_role("row").filter(has_text="router-parsing")
    link = row.get_by_role("link", name=NEWEST[:12])
    expect(link).to_have_attribute("href", f"{CODE}/commit/{NEWEST}")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    others = page.get_by_role("row").filter(has_text="internal-parsing")
    expect(others).to_contain_text(NEWEST[:12])
    expect(others.get_by_role("link", name=NEWEST[:12])).to_have_count(0)


@pytest.mark.parametrize("port", ["exporter", "stream"])
def test_the_address_of_a_commit_leads_to_its_repository(exporter: Exporter, port: str) -> None:
    """Followed as the links of messages and of Grafana's tables are."""
    number = exporter.port if port == "exporter" else exporter.stream_port
    here = f"/{commit_address(NEWEST, 'router')}"
    site = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    for link, there in (
        (here, f"{CODE}/commit/{NEWEST}"),
        (f"{here}&after={GOOD}", f"{CODE}/compare/{GOOD}...{NEWEST}"),
    ):
        answer = ask(number, link, {**site, "Sec-Fetch-Dest": "document"})
        assert (answer.status, answer.headers["Location"]) == (302, there)


@pytest.mark.parametrize("width", [1280, 390])
def test_without_a_repository_it_leads_to_the_benchmarks_of_the_commit(
    page: Page, exporter: Exporter, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    where = commit_address(NEWEST, "internal")
    page.goto(f"http://127.0.0.1:{exporter.port}/{where}&after={GOOD}")
    expect(page.locator("h1")).to_have_text(f"Commit {NEWEST}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.get_by_text("critical, 50.0% worse")).to_be_visible()
    page.get_by_role("link", name="internal-parsing").click()
    expect(page.locator("h1")).to_contain_text("internal-parsing")
    page.go_back()
    page.get_by_role("link", name=GOOD[:12]).click()
    expect(page.locator("h1")).to_have_text(f"Commit {GOOD}")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "benchmarks",
        address("odd"),
        address("internal-parsing"),
        commit_address(HOSTILE, "router"),
    ],
)
def test_no_other_text_and_no_other_project_leads_there(
    page: Page, exporter: Exporter, path: str
) -> None:
    page.goto(f"http://127.0.0.1:{exporter.port}/{path}")
    expect(page.locator("h1")).to_be_visible()
    outward = page.evaluate(
        "[...document.links].map(each => each.href).filter(each => !each.startsWith(origin))"
    )
    assert all(each.startswith(f"{CODE}/") for each in outward)
    if path.startswith("benchmark?"):
        assert outward == []
    assert page.locator("img").count() == 0
