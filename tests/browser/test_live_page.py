"""The live page in a browser, over a real exporter: what appears on it."""

import re

from playwright.sync_api import Page, expect

from tests.support.browsing import drop, notify
from tests.support.documents import perf_suite
from tests.support.live_files import LiveFile
from tests.support.process import Exporter

NAME = "<img src=x onerror=document.title='taken'>"


def test_a_run_is_shown_while_it_runs_and_when_it_ends(live_page: Page, exporter: Exporter) -> None:
    expect(live_page.get_by_text("Nothing is running.")).to_be_visible()
    file = LiveFile(exporter.results, iterations=40)
    for number in range(1, 11):
        file.iteration(number)
    card = live_page.locator(".card")
    expect(card).to_contain_text("10 of 40")
    expect(card).to_contain_text("500 µs")
    expect(card).to_contain_text("51.2 MB")
    assert (
        card.get_by_role("progressbar", name="Progress of router").get_attribute("value") == "0.25"
    )
    expect(card.get_by_role("img")).to_have_accessible_name(re.compile("last 10 iterations"))
    file.end("failed", error="ValueError: too slow")
    expect(card).to_contain_text("failed")
    expect(card).to_contain_text("ValueError: too slow")


def test_a_new_run_appears_with_its_gate_outcome_and_trend(
    live_page: Page, exporter: Exporter
) -> None:
    for number, speedup in enumerate((20.0, 21.0, 5.0)):
        timestamp = f"2026-03-01T12:00:0{number}Z"
        drop(
            exporter,
            f"{number}.json",
            perf_suite(f"r{number}", project="orbit", speedup=speedup, timestamp=timestamp),
        )
    row = live_page.get_by_role("row").filter(has_text="orbit")
    expect(row).to_contain_text("critical regression")
    expect(row).to_contain_text("5×")
    expect(row.get_by_role("img")).to_have_accessible_name(
        "Speedup of the last 3 runs, 20× to 5×, threshold 15×"
    )


def test_alerts_come_and_go(live_page: Page, exporter: Exporter) -> None:
    shown = live_page.get_by_role("listitem").filter(has_text="CriticalPerformanceRegression")
    notify(exporter, "firing")
    expect(shown).to_contain_text("orbit is slow")
    notify(exporter, "resolved")
    expect(shown).to_have_count(0)
    expect(live_page.get_by_text("Firing alerts")).to_be_hidden()


def test_a_rejected_file_is_named_with_its_reason(live_page: Page, exporter: Exporter) -> None:
    drop(exporter, "odd.json", {"keys": "of no format"})
    expect(live_page.get_by_role("listitem").filter(has_text="odd.json")).to_contain_text(
        "unknown_format"
    )
    (exporter.results / "odd.json").unlink()
    expect(live_page.get_by_text("Rejected files")).to_be_hidden()


def test_it_shows_that_no_results_are_ingested(live_page: Page, exporter: Exporter) -> None:
    heading, away = live_page.get_by_text("No results are ingested"), exporter.folder / "away"
    expect(heading).to_have_count(1)
    expect(heading).to_be_hidden()
    exporter.results.rename(away)
    expect(live_page.get_by_role("heading", name="No results are ingested")).to_be_visible()
    expect(
        live_page.get_by_role("listitem").filter(has_text="No such file or directory")
    ).to_contain_text("The results below are from before.")
    live_page.reload()
    expect(live_page.get_by_role("heading", name="No results are ingested")).to_be_visible()
    away.rename(exporter.results)
    expect(live_page.get_by_role("heading", name="No results are ingested")).to_have_count(0)


def test_names_are_text_and_never_markup(live_page: Page, exporter: Exporter) -> None:
    drop(exporter, "a.json", perf_suite(project=NAME))
    drop(exporter, f"{NAME.replace('/', '')}.json", {})
    LiveFile(exporter.results, benchmark=NAME).end("failed", error=NAME)
    expect(live_page.get_by_role("row").filter(has_text=NAME)).to_be_visible()
    expect(live_page.locator(".card .error")).to_have_text(NAME)
    expect(live_page.locator(".rejected code")).to_contain_text(NAME)
    assert live_page.locator("img").count() == 0
    assert live_page.title() == "Live · Benchmarks"
