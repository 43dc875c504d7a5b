"""Verdicts do not depend on restarts, kills, or the order in which files are found."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark_exporter.ingest.judging import judge_run
from tests.support.documents import Json, result
from tests.support.examples import wired_in_a_new_folder
from tests.support.histories import LEAST, STEADY, judged, take, verdict
from tests.support.process import Exporter
from tests.support.wired import Wired


def test_a_restart_between_any_two_runs_changes_nothing(tmp_path: Path) -> None:
    values = [*STEADY, 1.5, 1.0, 1.5, 1.5, 1.5, 0.5]
    expositions = []
    for restarts in (False, True):
        folder = tmp_path / str(restarts)
        folder.mkdir()
        wired = Wired(folder)
        for number, milliseconds in enumerate(values):
            take(wired, [milliseconds], start=number)
            if restarts:
                wired.restart()
        expositions.append(wired.exposition())
        wired.ledger.close()
    assert expositions[0] == expositions[1]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.sampled_from([1.0, 1.02, 0.97, 1.3, 1.5, 3.0]), min_size=LEAST, max_size=LEAST + 12
    ),
    st.randoms(use_true_random=False),
)
def test_files_that_arrive_at_once_are_judged_as_if_one_by_one(
    values: list[float], dice: Random
) -> None:
    documents = [
        result(number, {"parsing": milliseconds, "drawing": milliseconds})
        for number, milliseconds in enumerate(values)
    ]
    names = [f"{number}.json" for number in range(len(values))]
    dice.shuffle(names)
    with wired_in_a_new_folder() as one, wired_in_a_new_folder() as other:
        for name, document in zip(names, documents, strict=True):
            one.take(name, document)
        for name, document in sorted(zip(names, documents, strict=True), key=lambda pair: pair[0]):
            other.drop(name, document)
        other.settle()
        assert judged(one) == judged(other)


def test_a_file_that_cannot_be_recorded_leaves_no_trace_in_the_histories(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(wired, STEADY)
    before = judged(wired)
    wired.drop("bad.json", result(100, {"parsing": 9.0}))

    def judge_and_fail(*arguments: Any) -> None:
        judge_run(*arguments)
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("benchmark_exporter.ingest.recording.judge_run", judge_and_fail)
        wired.settle()
    assert judged(wired) == before
    take(wired, [1.0], start=101)
    assert verdict(wired) == "ok"


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    running = Exporter(tmp_path, free_port())
    yield running
    if running.process.poll() is None:
        assert running.stop() == 0, running.log.read_text()


def drop(exporter: Exporter, number: int, document: Json) -> None:
    path = exporter.results / f".{number}.json"
    path.write_text(json.dumps(document))
    path.rename(exporter.results / f"{number}.json")
    made = f'commit_hash="commit-{number}"'.encode()
    exporter.until(lambda: made in exporter.get("/metrics"))


def test_a_killed_exporter_continues_where_it_stopped(exporter: Exporter) -> None:
    def state(name: str) -> float | None:
        return exporter.value(
            f'benchmark_verdict{{benchmark_name="parsing",environment="ci",state="{name}"}}'
        )

    for number, milliseconds in enumerate(STEADY):
        drop(exporter, number, result(number, {"parsing": milliseconds}))
    assert (state("ok"), state("warning"), state("critical")) == (1, 0, 0)
    drop(exporter, 100, result(100, {"parsing": 1.5}))
    assert (state("ok"), state("suspect"), state("critical")) == (None, 1, 0)
    (shown,) = json.loads(exporter.get("/api/v1/status"))["runs"][0]["verdicts"]
    assert (shown["name"], shown["state"], shown["commit_hash"]) == (
        "parsing",
        "suspect",
        "commit-100",
    )
    assert "suspect, 50.0% worse" in exporter.get("/").decode()
    exporter.process.kill()
    exporter.process.wait()
    config = exporter.folder / "config.yaml"
    config.write_text("histogram_hold_seconds: 1.0\n")  # how long the counter below is held at 0
    exporter.options = (*exporter.options, f"--config={config}")
    exporter.start()
    assert (state("ok"), state("suspect"), state("critical")) == (None, 1, 0)
    drop(exporter, 101, result(101, {"parsing": 1.5}))
    assert (state("suspect"), state("warning"), state("critical")) == (0, 0, 1)
    series = 'benchmark_regressions_confirmed_total{benchmark_name="parsing",environment="ci"}'
    exporter.until(lambda: exporter.value(series) == 1)
    assert "critical, 50.0% worse" in exporter.get("/").decode()
    drop(exporter, 102, result(102, {"parsing": 1.0}))
    assert (state("ok"), state("warning"), state("critical")) == (1, 0, 0)
