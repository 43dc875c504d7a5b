"""Past runs backfilled into a real Prometheus that also scrapes the same exporter."""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from benchmark_exporter.__main__ import EXIT_OK, EXIT_UNUSABLE, main
from benchmark_exporter.commands.past_samples import ScrapeLabels as Target
from benchmark_exporter.commands.past_samples import backfill
from benchmark_exporter.config import Config
from benchmark_exporter.ledger.history import RecordedRun
from benchmark_exporter.metrics.collector import Collector
from benchmark_exporter.model import Failure, PipelineRun, Result, Statistics
from tests.exporter.commands.test_backfill import NAMES
from tests.rules.prometheus_server import Server, prometheus, wait_until
from tests.support.documents import golden, perf_suite, pipeline
from tests.support.process import Exporter
from tests.support.wired import DEFINITIONS

DAY_SECONDS = 86400.0
COLLECTOR = Collector(DEFINITIONS, Config())
RECEIVER = "--web.enable-remote-write-receiver"
OF_A_RUN = f'{{job=~"benchmark-exporter(-slow)?", __name__=~"{"|".join(sorted(NAMES))}"}}'


def iso(seconds: float) -> str:
    return (
        datetime.fromtimestamp(seconds, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


@pytest.fixture(scope="module")
def server(
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """A server that accepts remote writes and scrapes itself."""
    port = free_port()
    with prometheus(
        programs["prometheus"],
        tmp_path_factory.mktemp("server"),
        port,
        RECEIVER,
        prometheus=f"127.0.0.1:{port}",
    ) as running:
        yield running


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Target:
    """An instance label of the test's own, so that tests can share a server."""
    return Target(instance=request.node.name)


def run(timestamp_seconds: float, p50_seconds: float = 1.0, run_id: str = "1") -> RecordedRun:
    result = Result("router", "compiled", Statistics(p50_seconds))
    return RecordedRun(
        row=0,
        project="router",
        run_id=run_id,
        format="test",
        environment="ci",
        commit_hash="",
        branch="",
        timestamp_seconds=timestamp_seconds,
        ingested_seconds=timestamp_seconds,
        suite_duration_seconds=None,
        results=[result],
        failures=[Failure("parsing", "TypeError")],
        gate_outcomes=[],
        verdicts={},
    )


def documents_of(timestamp: str) -> Sequence[object]:
    """Return one document of each kind, all from the same time."""
    failures = [{"benchmark": "rendering", "error": "TypeError"}]
    return [
        perf_suite(timestamp=timestamp, commit='a"b\\c\n\N{SNOWMAN}'),
        golden("result/1-run") | {"timestamp": timestamp, "failures": failures},
        pipeline(timestamp=timestamp),
    ]


def test_a_run_of_last_month_is_in_the_series_that_are_scraped_now(
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    then = round(time.time() - 30 * DAY_SECONDS, 3)
    (tmp_path / "exporter").mkdir()
    exporter = Exporter(tmp_path / "exporter", free_port())
    try:
        for number, document in enumerate(documents_of(iso(then))):
            write(exporter.results / f"{number}.json", document)
        exporter.until(
            lambda: (
                exporter.value(
                    'ci_pipeline_status{pipeline="nightly",branch="main",trigger="schedule"}'
                )
                == 1
            )
        )
        with prometheus(
            programs["prometheus"],
            tmp_path,
            free_port(),
            RECEIVER,
            exporter=f"127.0.0.1:{exporter.port}",
        ) as server:
            wait_until(
                lambda: server.value(f"count(count by (job) ({OF_A_RUN}))") == 2,
                "the live series of both jobs",
            )
            live = server.at(time.time(), OF_A_RUN)
            words = [
                "backfill",
                f"--url={server.url}",
                f"--ledger={exporter.folder / 'ledger.sqlite3'}",
            ]
            counts = []
            for _ in range(2):
                assert main(words) == EXIT_OK
                assert f"wrote {len(live)} samples of 3 runs" in capsys.readouterr().out
                assert server.at(then, OF_A_RUN) == live
                counts.append(server.samples(then, OF_A_RUN))
            assert counts == [len(live)] * 2
            # The same, from the files themselves.
            assert main([*words, str(exporter.results)]) == EXIT_OK
            assert server.at(then, OF_A_RUN) == live
            assert server.samples(then, OF_A_RUN) == len(live)
            # Totals are not backfilled.
            assert {dict(labels)["__name__"] for labels in server.at(then, '{__name__!=""}')} == {
                dict(each)["__name__"] for each in live
            }
    finally:
        exporter.stop()


def write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document), encoding="utf-8")


def test_samples_outside_the_window_are_counted_and_the_rest_is_written(
    server: Server, target: Target
) -> None:
    now = time.time()
    days = (400, 60, 40, 30, 20, 1)
    runs = [run(now - day * DAY_SECONDS, day) for day in days]
    each = len(COLLECTOR.samples(runs[0]))
    for _ in range(2):
        outcome = backfill(runs, server.url, COLLECTOR, target)
        assert (outcome.written, outcome.outside, outcome.conflicting) == (3 * each, 3 * each, 0)
        assert f"{3 * each} samples are too old for this Prometheus" in "\n".join(outcome.lines())
    shown = server.at(
        now, f'count_over_time(benchmark_time_seconds{{instance="{target.instance}"}}[500d])'
    )
    assert list(shown.values()) == [3.0]


def test_runs_of_the_last_hour_are_left_to_the_scrape(server: Server, target: Target) -> None:
    now = time.time()
    outcome = backfill(
        [run(now - 3700), run(now - 3500, run_id="2")],
        server.url,
        COLLECTOR,
        target,
        clock=lambda: now,
    )
    assert (outcome.runs, outcome.recent) == (1, 1)
    assert (
        len(
            server.at(
                now, f'count_over_time(benchmark_run_info{{instance="{target.instance}"}}[2h])'
            )
        )
        == 2
    )  # of router and parsing


def test_the_last_of_two_values_at_one_time_stays(server: Server, target: Target) -> None:
    then = time.time() - DAY_SECONDS
    later = run(then + 60, 3.0)  # so that `then` is not the newest sample
    for _ in range(2):
        backfill([run(then, 1.0), run(then, 2.0), later], server.url, COLLECTOR, target)
        assert list(
            server.at(then, f'benchmark_time_seconds{{instance="{target.instance}"}}').values()
        ) == [2.0]


def test_only_another_value_at_the_time_of_the_newest_sample_is_refused(
    programs: Mapping[str, Sequence[str]], free_port: Callable[[], int], tmp_path: Path
) -> None:
    then = time.time() - DAY_SECONDS
    # It scrapes nothing, so `then` is the time of its newest sample.
    with prometheus(programs["prometheus"], tmp_path, free_port(), RECEIVER) as server:
        backfill([run(then, 1.0)], server.url, COLLECTOR)
        outcome = backfill([run(then - 60, 1.0), run(then, 2.0)], server.url, COLLECTOR)
        assert (outcome.conflicting, outcome.outside) == (1, 0)
        assert list(server.at(then, "benchmark_time_seconds").values()) == [1.0]
        assert server.samples(then, "benchmark_time_seconds") == 2


def test_many_requests_leave_no_gap(server: Server, target: Target) -> None:
    now = time.time()
    runs = (
        PipelineRun(
            "test",
            "ci",
            f"branch {number % 3}",
            "push",
            str(number),
            passed=True,
            timestamp_seconds=now - 20_000 + number,
        )
        for number in range(12_000)
    )
    outcome = backfill(runs, server.url, COLLECTOR, target)
    assert (outcome.runs, outcome.written) == (12_000, 12_000)
    assert server.at(
        now, f'sum(count_over_time(ci_pipeline_status{{instance="{target.instance}"}}[1d]))'
    ) == {frozenset(): 12_000.0}


def test_without_a_receiver_there_is_an_error_and_blocks_work_instead(
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    then = round(time.time() - 10 * DAY_SECONDS, 3)
    document, blocks = tmp_path / "1.json", tmp_path / "blocks"
    write(document, perf_suite(timestamp=iso(then), commit='a"b\\c\n\N{SNOWMAN}'))
    words = ["backfill", str(document), f"--promtool={programs['promtool'][0]}"]
    assert main([*words, f"--blocks={blocks}"]) == EXIT_OK
    assert f"move the folders in {blocks} into Prometheus' data folder" in capsys.readouterr().out
    assert main([*words, f"--blocks={blocks}"]) == EXIT_UNUSABLE
    assert f"{blocks}: is not empty" in capsys.readouterr().err
    (tmp_path / "data").mkdir()
    for block in blocks.iterdir():
        assert (block / "meta.json").is_file()
        shutil.move(block, tmp_path / "data")
    with prometheus(programs["prometheus"], tmp_path, free_port()) as server:
        shown = server.at(then, OF_A_RUN)
        info = {
            "commit_hash": 'a"b\\c\n\N{SNOWMAN}',
            "run_id": "20260301T120000Z",
            "project": "router",
            "environment": "self-hosted",
            "machine_class": "linux x86_64 4 cpus",
            "branch": "main",
        }
        target = {"job": "benchmark-exporter-slow", "instance": "benchmark-exporter"}
        labels = frozenset(
            {"__name__": "benchmark_run_info", "benchmark_name": "router", **info, **target}.items()
        )
        assert shown[labels] == 1.0
        assert main([*words, f"--url={server.url}"]) == EXIT_UNUSABLE
        error = capsys.readouterr().err
        assert "--web.enable-remote-write-receiver" in error
        assert "--blocks FOLDER" in error
        assert requests.get(f"{server.url}/-/ready", timeout=30).ok
