"""Projects, branches and machine classes on both pages."""

import re
from collections.abc import Sequence

from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browsing import drop
from tests.support.documents import perf_suite, result
from tests.support.process import Exporter


def drop_run(exporter: Exporter, name: str, *, project: str, branch: str, cpus: int = 2) -> None:
    document = result(len(name) + cpus, {"parsing": 1.0}, cpus=cpus)
    drop(exporter, f"{name}.json", document | {"project": project, "branch": branch})


def cells(rows: Locator, columns: Sequence[int]) -> list[tuple[str, ...]]:
    """The texts of these cells of each row, sorted."""
    texts = [row.locator("th, td").all_inner_texts() for row in rows.all()]
    return sorted(tuple(text[column] for column in columns) for text in texts)


def test_two_projects_have_a_row_each_and_a_branch_is_shown_once_there_are_two(
    live_page: Page, exporter: Exporter
) -> None:
    rows = live_page.locator("#benchmarks tbody tr")
    drop_run(exporter, "one", project="one", branch="main")
    drop_run(exporter, "two", project="two", branch="main")
    expect(rows).to_have_count(2)
    assert cells(rows, (0, 1)) == [("parsing", "one"), ("parsing", "two")]
    branch = live_page.get_by_role("columnheader", name="Branch")
    machine = live_page.get_by_role("columnheader", name="Machine class")
    expect(branch).to_have_count(0)
    drop_run(exporter, "feature", project="one", branch="feature/x")
    expect(rows).to_have_count(3)
    expect(branch).to_be_visible()
    assert cells(rows, (0, 1, 2)) == [
        ("parsing", "one", "feature/x (against main)"),
        ("parsing", "one", "main"),
        ("parsing", "two", "main"),
    ]
    expect(machine).to_have_count(0)
    drop_run(exporter, "machine", project="one", branch="main", cpus=16)
    expect(rows).to_have_count(4)
    expect(machine).to_be_visible()
    live_page.reload()  # a snapshot shows the same as the messages did
    expect(rows).to_have_count(4)


def test_each_project_has_its_own_gate(live_page: Page, exporter: Exporter) -> None:
    for project, speedup in (("one", 20.0), ("two", 5.0)):
        document = perf_suite(project, project=project, speedup=speedup)
        document["run"]["project"] = project
        drop(exporter, f"{project}.json", document)
    for project, outcome in (("one", "passed"), ("two", "failed, critical regression")):
        row = live_page.locator("#benchmarks tbody tr").filter(has_text=project)
        expect(row).to_contain_text(outcome)


def test_the_start_page_has_a_row_for_each_scope(browser: Browser, exporter: Exporter) -> None:
    page = browser.new_page()
    address = f"http://127.0.0.1:{exporter.port}/"
    rows = page.locator("table").first.locator("tbody tr")
    for project in ("one", "two"):
        drop_run(exporter, project, project=project, branch="main")
    exporter.until(lambda: exporter.get("/").count(b">parsing</a></th>") == 2)
    page.goto(address)
    assert cells(rows, (0, 1)) == [("parsing", "one"), ("parsing", "two")]
    expect(page.get_by_role("columnheader", name=re.compile("Branch|Machine"))).to_have_count(0)
    drop_run(exporter, "feature", project="one", branch="feature/x", cpus=16)
    exporter.until(lambda: exporter.get("/").count(b">parsing</a></th>") == 3)
    page.goto(address)
    assert cells(rows, (0, 1, 2, 7)) == [
        ("parsing", "one", "feature/x (against main)", "linux x86_64 16 cpus"),
        ("parsing", "one", "main", "linux x86_64 2 cpus"),
        ("parsing", "two", "main", "linux x86_64 2 cpus"),
    ]
    page.close()
