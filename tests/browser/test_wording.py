"""The pages of both ports, the live page and `watch` say the same in the same words."""

import json
import subprocess
import threading

import pytest
from playwright.sync_api import BrowserContext, expect

from benchmark_exporter.wording import gate_said, run_said, verdict_said, with_unit
from tests.support.browsing import drop
from tests.support.command import run
from tests.support.documents import perf_suite, result
from tests.support.histories import LEAST
from tests.support.process import COMMAND, DEADLINE_SECONDS, Exporter


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        ([2.0], "suspect, 100.0% worse"),
        ([2.0, 2.0], "critical, 100.0% worse"),
        ([0.5, 0.5], "improved, 50.0% better"),
        ([1.0], "ok"),
    ],
)
def test_a_verdict(
    context: BrowserContext, exporter: Exporter, milliseconds: list[float], words: str
) -> None:
    for number, value in enumerate([*[1.0] * LEAST, *milliseconds]):
        drop(exporter, f"{number}.json", result(number, {"parse": value}))
    assert_both_show(context, exporter, "parse", words)


def test_times_of_any_size(context: BrowserContext, exporter: Exporter) -> None:
    every = [10_811.0, 1e12, 2e-12, 123_456.7, 999.96, 0.5, 2e-6]
    times = {f"of-{number}": seconds for number, seconds in enumerate(every)}
    drop(exporter, "a.json", result(0, times, unit="seconds"))
    for benchmark, seconds in times.items():
        assert_pages_show(context, exporter, benchmark, with_unit(seconds, "seconds"))


@pytest.mark.parametrize(
    ("speedup", "words"),
    [
        (5.0, "failed, critical regression"),
        (12.0, "failed, warning regression"),
        (30.0, "passed"),
    ],
)
def test_a_gate_outcome(
    context: BrowserContext, exporter: Exporter, speedup: float, words: str
) -> None:
    drop(exporter, "a.json", perf_suite(project="orbit", speedup=speedup))
    assert_both_show(context, exporter, "orbit", words)


def test_what_a_person_said_of_a_regression(context: BrowserContext, exporter: Exporter) -> None:
    for number, value in enumerate([*[1.0] * LEAST, 2.0, 2.0]):
        drop(exporter, f"{number}.json", result(number, {"parse": value}))
    exporter.until(lambda: exporter.value("benchmark_regression_triage_info"))
    assert_both_show(context, exporter, "parse", "critical, 100.0% worse")
    ledger = f"--ledger={exporter.folder / 'ledger.sqlite3'}"
    said = run("triage", "set", "fixing", "parse", "--who=<b>ann", ledger)
    assert said.returncode == 0, said.stderr
    assert_both_show(context, exporter, "parse", "critical, 100.0% worse, fixing by <b>ann")


def test_too_few_runs(context: BrowserContext, exporter: Exporter) -> None:
    drop(exporter, "a.json", result(0, {"parse": 1.0}))
    assert_both_show(context, exporter, "parse", "insufficient data")


def test_an_error(context: BrowserContext, exporter: Exporter) -> None:
    document = result(0, {"parse": 1.0}) | {"failures": [{"benchmark": "lex", "error": "oops"}]}
    drop(exporter, "a.json", document)
    assert_both_show(context, exporter, "lex", "ended with an error")


def assert_both_show(
    context: BrowserContext, exporter: Exporter, benchmark: str, words: str
) -> None:
    assert_pages_show(context, exporter, benchmark, words)
    assert said_by_status(exporter, benchmark) == words
    if words not in ("ok", "insufficient data"):  # no news
        assert words in watched(exporter, benchmark)


def assert_pages_show(
    context: BrowserContext, exporter: Exporter, benchmark: str, words: str
) -> None:
    for address in (
        f"{exporter.port}/",
        f"{exporter.stream_port}/",
        f"{exporter.stream_port}/live",
    ):
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{address}")
        row = page.get_by_role("row").filter(has_text=benchmark)
        expect(row.get_by_text(words, exact=True)).to_be_visible()
        page.close()


def said_by_status(exporter: Exporter, benchmark: str) -> str:
    """The state that the status API gives, in the words that there are for it."""
    runs = json.loads(exporter.get("/api/v1/status"))["runs"]
    (run,) = [each for each in runs if each["benchmark"] == benchmark]
    worst = next(iter(run["verdicts"]), None)
    verdict = None
    if worst is not None:
        triage = worst.get("triage", ""), worst.get("triaged_by", "")
        verdict = verdict_said(worst["state"], worst["worsening_ratio"], *triage)
    return run_said(run["failed"], gate_said(run["passed"], run["severity"]), verdict).text


def watched(exporter: Exporter, benchmark: str) -> str:
    """What `watch` says of a benchmark when it joins."""
    command = [*COMMAND, "watch", "--plain", f"--url=ws://127.0.0.1:{exporter.stream_port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        deadline = threading.Timer(DEADLINE_SECONDS, process.terminate)
        deadline.start()
        try:
            return next((line for line in process.stdout if f"newest   {benchmark} " in line), "")
        finally:
            deadline.cancel()
            process.terminate()
