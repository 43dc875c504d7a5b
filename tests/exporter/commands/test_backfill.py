"""A past run becomes the samples that a scrape shows of it.

tests/rules writes them to a real Prometheus.
"""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given

from benchmark_exporter.__main__ import EXIT_OK, EXIT_REJECTED, EXIT_UNUSABLE, main
from benchmark_exporter.commands.past_samples import PastRun, measure, runs_of_ledger
from benchmark_exporter.config import Config
from benchmark_exporter.ingest.result_files import runs_of_files
from benchmark_exporter.ledger.history import History
from benchmark_exporter.ledger.selection import RunSelection
from benchmark_exporter.metrics.collector import Collector
from tests.support.documents import Json, perf_suite, pipeline
from tests.support.examples import (
    EXAMPLES,
    GUARDS,
    PIPELINES,
    drop_all,
    results,
    suites,
    wired_in_a_new_folder,
)
from tests.support.paths import GOLDEN
from tests.support.wired import DEFINITIONS, Samples, Wired, samples

# The gauges of results: not totals, not the exporter's own, not what takes five runs, and not what
# a result's history says.
NAMES = {
    name
    for name, each in DEFINITIONS.items()
    if each.type == "gauge" and each.collect != "resources"
}
NAMES -= {
    "ci_pipeline_failure_ratio",
    "benchmark_verdict",
    "benchmark_verdict_info",
    "benchmark_environment_shift_active",
}
NAMES -= {
    f"benchmark_{each}"
    for each in ("judged_value", "reference_value", "limit_value", "worsening_ratio", "noise_ratio")
}
NAMES = {
    name
    for name in NAMES
    if not name.startswith(("benchmark_exporter_", "benchmark_regression_", "benchmark_baseline_"))
}


def shown(exposition: str) -> Samples:
    """The samples that a scrape would store of what is shown of results."""
    return {
        name: {
            frozenset(label for label in labels if label[1]): value
            for labels, value in series.items()
        }
        for name, series in samples(exposition).items()
        if name in NAMES
    }


def of(runs: Iterable[PastRun], config: Config) -> Samples:
    found: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    collector = Collector(DEFINITIONS, config)
    for run in runs:
        for sample in collector.samples(run):
            found.setdefault(sample.metric, {})[frozenset(sample.labels)] = sample.value
    return found


def of_ledger(wired: Wired) -> Samples:
    with History(wired.folder / "ledger.sqlite3") as history:
        return of(runs_of_ledger(history, RunSelection())[0], wired.config)


def of_files(wired: Wired) -> Samples:
    rejected: list[Path] = []
    runs, _ = runs_of_files(
        [wired.results],
        RunSelection(),
        wired.config,
        wired.config.policy,
        lambda path, _: rejected.append(path),
    )
    assert not rejected
    return of(runs, wired.config)


@EXAMPLES
@given(suites() | results() | GUARDS | PIPELINES)
def test_a_run_becomes_what_a_scrape_shows_of_it(document: Json) -> None:
    with wired_in_a_new_folder() as wired:
        drop_all(wired, [document])
        assert of_ledger(wired) == of_files(wired) == shown(wired.exposition())


CASES = [
    "bench_guard_fail",
    "github_action_benchmark",
    "golden_metrics",
    "hyperfine_with_sidecar",
    "jmh",
    "perf_guard_fail_amends_the_run",
]


@pytest.mark.parametrize("case", CASES)
def test_the_last_of_several_runs_of_other_tools_stays(wired: Wired, case: str) -> None:
    for path in sorted(
        (GOLDEN / case).rglob("*.json"), key=lambda path: path.name.replace(".meta.json", ".")
    ):
        shutil.copy(path, wired.results / path.name)
    wired.settle()
    found = shown(wired.exposition())
    for past in (of_ledger(wired), of_files(wired)):
        # Each run has its own series of the one that says which run it is.
        assert {name: past[name] for name in past if name != "benchmark_run_info"} == {
            name: series for name, series in found.items() if name != "benchmark_run_info"
        }
        assert found["benchmark_run_info"].items() <= past["benchmark_run_info"].items()


def test_runs_and_runs_of_pipelines_come_in_the_order_of_their_times(wired: Wired) -> None:
    wired.take("1.json", perf_suite("a", timestamp="2026-03-01T12:00:00Z"))
    wired.take("2.json", pipeline("b", timestamp="2026-03-02T12:00:00Z"))
    wired.take("3.json", perf_suite("c", timestamp="2026-03-03T12:00:00Z"))
    with History(wired.folder / "ledger.sqlite3") as history:
        runs, count = runs_of_ledger(history, RunSelection())
        assert ([run.run_id for run in runs], count) == (["a", "b", "c"], 3)
        runs, count = runs_of_ledger(history, RunSelection(until_seconds=1772539200.0))
        assert ([run.run_id for run in runs], count) == (["a", "b"], 2)


def test_a_dry_run_shows_what_would_be_written(
    wired: Wired, capsys: pytest.CaptureFixture[str]
) -> None:
    wired.take("1.json", perf_suite())
    words = [
        "backfill",
        "--dry-run",
        "--url=http://127.0.0.1:1",
        f"--ledger={wired.folder / 'ledger.sqlite3'}",
    ]
    assert main(words) == EXIT_OK
    count = sum(map(len, shown(wired.exposition()).values()))
    assert (
        capsys.readouterr().out == f"would write {count} samples of 1 run "
        "made between 2026-03-01 12:00 and 2026-03-01 12:00 UTC\n"
    )
    assert main([*words, "--since=2026-03-02"]) == EXIT_OK
    assert capsys.readouterr().out == "no such run\n"


def test_a_file_that_cannot_be_read_is_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good.json").write_text(json.dumps(perf_suite()))
    (tmp_path / "bad.json").write_text("{}")
    files = [str(tmp_path / name) for name in ("good.json", "bad.json", "missing.json")]
    assert main(["backfill", "--dry-run", *files]) == EXIT_REJECTED
    captured = capsys.readouterr()
    assert captured.out.startswith("would write ")
    assert f"{tmp_path}/bad.json: left out: unknown_format at $: " in captured.err
    assert f"{tmp_path}/missing.json: left out: " in captured.err


def test_a_run_of_the_last_hour_is_left_to_the_scrape(wired: Wired) -> None:
    wired.take("1.json", perf_suite(timestamp="2026-03-01T12:00:00Z"))
    with History(wired.folder / "ledger.sqlite3") as history:
        for age_seconds, (runs, recent) in ((3599, (0, 1)), (3601, (1, 0))):
            outcome = measure(
                runs_of_ledger(history, RunSelection())[0],
                wired.collector,
                clock=lambda: 1772366400.0 + age_seconds,  # noqa: B023  # called here
            )
            assert (outcome.runs, outcome.recent) == (runs, recent)


def test_blocks_need_promtool(wired: Wired, capsys: pytest.CaptureFixture[str]) -> None:
    wired.take("1.json", perf_suite())
    words = [
        "backfill",
        f"--ledger={wired.folder / 'ledger.sqlite3'}",
        f"--blocks={wired.folder / 'blocks'}",
    ]
    assert main([*words, "--promtool=/nowhere/promtool"]) == EXIT_UNUSABLE
    assert (
        "/nowhere/promtool: program not found; it comes with Prometheus, name it with --promtool"
        in capsys.readouterr().err
    )
