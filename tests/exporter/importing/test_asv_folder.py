"""What asv's own files of a folder of results add: the units of benchmarks that state none."""

import json
from pathlib import Path

import pytest

from benchmark_exporter.__main__ import EXIT_OK
from benchmark_exporter.importing.asv_folder import AsvFolders
from benchmark_exporter.model import Result, Run, Statistics
from tests.support.importing import RUNS, imported
from tests.support.wired import Wired

# As asv 0.6 writes it.
BENCHMARKS = {
    "bench.time_sum": {"name": "bench.time_sum", "type": "time", "unit": "seconds", "version": "1"},
    "bench.track_size": {"name": "bench.track_size", "type": "track", "unit": "KiB"},
    "bench.track_rate": {"name": "bench.track_rate", "type": "track", "unit": "ops/s"},
    "version": 2,
}
MACHINE = {"arch": "x86_64", "cpu": "AMD EPYC", "machine": "ci", "num_cpu": "4", "version": 1}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "results/ci").mkdir(parents=True)
    (tmp_path / "results/benchmarks.json").write_text(json.dumps(BENCHMARKS))
    (tmp_path / "results/ci/machine.json").write_text(json.dumps(MACHINE))
    return tmp_path / "results"


def run(*results: Result, of_format: str = "asv") -> Run:
    return Run(of_format, "1", 1.0, results, ())


def of(name: str, value: float, unit: str = "unit") -> Result:
    return Result(name, "", Statistics(mean=value), unit=unit, better=None, samples=(value,))


def test_a_unit_that_the_folder_states_is_that_of_the_result(folder: Path) -> None:
    found = AsvFolders().with_units(
        run(of("bench.track_size(10)", 2.0), of("bench.track_rate", 5.0), of("bench.other", 1.0)),
        folder / "ci/9f2e9b5-env.json",
    )
    assert [(each.unit, each.better, each.samples) for each in found.results] == [
        ("bytes", "lower", (2048.0,)),
        ("per_second", "higher", (5.0,)),
        ("unit", None, (1.0,)),
    ]


def test_what_a_result_states_itself_stays(folder: Path) -> None:
    stated = run(of("bench.track_size", 2.0, unit="seconds"))
    assert AsvFolders().with_units(stated, folder / "ci/x.json") == stated
    other = run(of("bench.track_size", 2.0), of_format="other")
    assert AsvFolders().with_units(other, folder / "ci/x.json") == other


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": "2"}'])
def test_a_file_of_that_name_may_be_anything(folder: Path, text: str) -> None:
    (folder / "benchmarks.json").write_text(text)
    stated = run(of("bench.track_size", 2.0))
    assert AsvFolders().with_units(stated, folder / "ci/x.json") == stated
    assert not AsvFolders().describes(folder / "benchmarks.json")


def test_these_files_are_no_results(wired: Wired, folder: Path) -> None:
    assert imported(wired, folder) == EXIT_OK
    assert wired.query(RUNS) == []
