"""The demo's history: of real documents, in order, and with what there is to find in it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from stack import demo, settings
from stack.demo_documents import (
    CONFIG_COMPILATION,
    KERNEL_CACHE,
    PATTERN_EXPANSION,
    PIPELINES,
    PROJECTS,
)
from stack.demo_history import DAYS, DRIFT, STEP, documents
from stack.local import LocalStack
from tests.support.wired import Wired

NOW = datetime(2026, 3, 18, 14, 30, 15, tzinfo=UTC)  # a Wednesday
DOCUMENTS = list(documents(NOW))


def made(document: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(document.get("timestamp") or document["run"]["timestamp"])


def medians(project: str, first_day: int, last_day: int) -> float:
    """The median compiled time of the runs that were made between two ages in days."""
    ages = (timedelta(days=last_day), timedelta(days=first_day))
    runs = [
        document for _, document in DOCUMENTS if document.get("run", {}).get("project") == project
    ]
    return float(
        median(
            run["metrics"]["compiled"]["p50_ms"]
            for run in runs
            if ages[0] < NOW - made(run) < ages[1]
        )
    )


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "clean", lambda *_: "")
    monkeypatch.setattr(demo, "_files_ingested", lambda _: 0)
    monkeypatch.setattr(demo, "history", lambda _: [("/dev/full", {"any": "document"})])
    values = settings.Settings(tmp_path, settings.defaults().values)
    with pytest.raises(OSError, match="No space left on device") as raised:
        demo.run(values, LocalStack(values))
    assert raised.value.filename == str(tmp_path / "results/demo/.history.part")


def test_every_document_is_a_run_of_its_own(tmp_path: Path) -> None:
    wired = Wired(tmp_path)
    wired.now = NOW.timestamp()
    for name, document in DOCUMENTS:
        wired.drop(name, document)
    wired.settle()
    samples = wired.samples()
    assert sum(samples["benchmark_exporter_files_ingested_total"].values()) == len(DOCUMENTS)
    assert samples["benchmark_exporter_run_conflicts_total"] == {frozenset(): 0.0}
    assert {dict(labels)["project"] for labels in samples["benchmark_run_info"]} == set(PROJECTS)
    assert {dict(labels)["pipeline"] for labels in samples["ci_pipeline_status"]} == set(PIPELINES)
    assert {
        (dict(labels)["environment"], dict(labels)["machine_class"])
        for labels in samples["benchmark_run_info"]
    } == {("demo", "linux x86_64 8 cpus"), ("demo-ci", "linux x86_64 4 cpus")}
    wired.ledger.close()


def test_it_is_a_month_in_order_and_leaves_the_last_hour_to_the_live_part() -> None:
    begun = [
        made(document) for name, document in DOCUMENTS if not name.startswith(("ci-", "nightly-"))
    ]
    assert begun == sorted(begun)
    assert timedelta(days=DAYS - 1) < NOW - begun[0] < timedelta(days=DAYS)
    assert timedelta(hours=1) < NOW - begun[-1] < timedelta(days=1)
    working, weekend = (
        [at for at in begun if (at.weekday() >= 5) is rest] for rest in (False, True)
    )
    assert len(working) / 21 > 4 * len(weekend) / 8


def test_there_is_a_step_that_is_fixed() -> None:
    project = PATTERN_EXPANSION.project
    during = medians(project, 9, 6)
    assert during / medians(project, 16, 9) > 0.95 * STEP
    assert during / medians(project, 6, 0) > 0.95 * STEP


def test_there_is_a_drift() -> None:
    project = CONFIG_COMPILATION.project
    assert medians(project, 4, 0) / medians(project, 29, 25) > 0.9 * DRIFT


def test_there_is_a_noisy_week_in_one_environment() -> None:
    caches = [
        document for _, document in DOCUMENTS if document.get("project") == KERNEL_CACHE.project
    ]

    def spread(environment: str) -> float:
        runs = [
            run
            for run in caches
            if run["environment"] == environment
            and timedelta(days=14) < NOW - made(run) < timedelta(days=21)
        ]
        times = [median(run["results"][0]["samples"]) for run in runs]
        return float(max(times) / min(times))

    assert spread("demo-ci") > 1.25 > spread("demo")


def test_one_day_most_of_ci_fails_less_than_its_alert_asks_for_at_the_end() -> None:
    outcomes = [document["status"] for name, document in DOCUMENTS if name.startswith("ci-")]
    assert "fail" in outcomes
    assert outcomes[-20:].count("fail") <= 3


def test_another_demo_is_made_of_other_runs() -> None:
    again = list(documents(NOW + timedelta(seconds=1)))
    assert {made(document) for _, document in again}.isdisjoint(
        made(document) for _, document in DOCUMENTS
    )
