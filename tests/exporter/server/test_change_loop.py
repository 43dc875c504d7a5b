"""The running exporter finds change points by itself, beside everything else."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.documents import result
from tests.support.process import Exporter

QUIET = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2, 99.8, 100.1, 100.7, 99.3, 100.4, 99.6]
INFO = 'benchmark_change_info{benchmark_name="%s",commit_hash="commit-%d",direction="%s"}'


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    running = Exporter(tmp_path, free_port())
    yield running
    assert running.stop() == 0, running.log.read_text()


def drop(
    exporter: Exporter, values: Sequence[float], first: int = 0, names: Sequence[str] = ("parsing",)
) -> None:
    for number, value in enumerate(values, first):
        document = result(number, dict.fromkeys(names, value))
        path = exporter.results / f"{number}.json"
        path.with_suffix(".tmp").write_text(json.dumps(document))
        path.with_suffix(".tmp").rename(path)


def shows(exporter: Exporter, name: str, number: int, direction: str) -> bool:
    return exporter.value(INFO % (name, number, direction)) == 1


def test_changes_in_both_directions_are_found(exporter: Exporter) -> None:
    drop(exporter, [*QUIET, *(value * 1.2 for value in QUIET)])
    exporter.until(lambda: shows(exporter, "parsing", 12, "worse"))
    begin = 'benchmark_regression_change_info{benchmark_name="parsing",commit_hash="commit-12"}'
    exporter.until(lambda: exporter.value(begin) == 1)
    both = '<code title="commit-11">commit-11</code>..<code title="commit-12">commit-12</code>'
    assert both in exporter.get("/").decode()
    (change,) = json.loads(exporter.get("/api/v1/status"))["changes"]
    assert (change["name"], change["commit_hash"]) == ("parsing", "commit-12")
    drop(exporter, QUIET, first=24)
    exporter.until(lambda: shows(exporter, "parsing", 24, "better"))
    assert exporter.value(begin) is None


def test_many_series_are_searched_and_go_on_after_a_restart(exporter: Exporter) -> None:
    names = [f"b{number}" for number in range(300)]
    drop(exporter, [*QUIET, *(value * 1.2 for value in QUIET)], names=names)
    exporter.until(lambda: exporter.value("benchmark_last_run_timestamp_seconds") is not None)
    assert exporter.stop() == 0
    exporter.start()
    series = b'commit_hash="commit-12",previous_commit_hash="commit-11",direction="worse"'
    exporter.until(lambda: exporter.get("/metrics").count(series) == len(names))
