"""Imports of folders of result files, and what was dropped into the results folder as well."""

import json
import os
from pathlib import Path

import pytest

from benchmark_exporter.__main__ import EXIT_OK
from benchmark_exporter.ledger import DeletionSelection
from tests.support.action_history import DAY_SECONDS, bench, commit, entry, history, times_of, write
from tests.support.documents import google_benchmark, perf_suite
from tests.support.importing import RUNS, imported
from tests.support.wired import START_SECONDS, Wired


def dated(folder: Path, number: int, value: float) -> Path:
    """A result whose document states neither a time nor a commit, while its name does."""
    path = folder / f"2026-04-{number:02}-{commit(0xABC0000 + number)[-7:]}.json"
    path.write_text(json.dumps([{"name": "size", "unit": "bytes", "value": value}]))
    return path


def test_a_folder_of_dated_files_is_recorded_by_their_names(wired: Wired, tmp_path: Path) -> None:
    folder = tmp_path / "old" / "sub"
    folder.mkdir(parents=True)
    for number in (3, 1, 2):  # of which nothing has changed
        dated(folder, number, 1000)
    (folder / "of_the_document.json").write_text(json.dumps(perf_suite("run-9")))
    (folder / "jquery.js").write_text("function f() {}")
    undated = folder / "undated.json"
    undated.write_text(json.dumps([{"name": "size", "unit": "bytes", "value": 1}]))
    os.utime(undated, (START_SECONDS - 60, START_SECONDS - 60))
    for _ in range(2):
        assert imported(wired, tmp_path / "old", "--project=web") == EXIT_OK
        found = wired.query(
            "SELECT datetime(timestamp_seconds, 'unixepoch'), commit_hash FROM runs "
            "WHERE project = 'web' ORDER BY 1"
        )
        assert found == [
            ("2026-04-01 00:00:00", "abc0001"),
            ("2026-04-02 00:00:00", "abc0002"),
            ("2026-04-03 00:00:00", "abc0003"),
            ("2026-05-28 20:25:40", ""),
        ]
    assert len(wired.query("SELECT 1 FROM runs WHERE project <> 'web'")) == 1


@pytest.mark.parametrize("dropped_first", [True, False])
def test_a_file_that_was_dropped_as_well_counts_once(
    wired: Wired, tmp_path: Path, dropped_first: bool
) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    paths = [dated(folder, number, 1000) for number in (1, 2, 3)]
    other = folder / "other.json"
    other.write_text(json.dumps(perf_suite("run-9")))

    def drop() -> None:
        for path in (paths[-1], other):
            wired.take(path.name, path.read_bytes())

    if dropped_first:
        drop()
    assert imported(wired, folder) == EXIT_OK
    assert imported(wired, folder) == EXIT_OK
    if not dropped_first:
        drop()
    assert len(wired.query(RUNS)) == 4


def test_a_result_that_was_dropped_is_known_in_what_the_action_has_made_of_it(
    wired: Wired, capsys: pytest.CaptureFixture[str]
) -> None:
    made = START_SECONDS - DAY_SECONDS
    sidecar = {"project": "orbit", "commit": commit(1), "timestamp": "2026-05-27T19:00:00Z"}
    wired.drop("a.meta.json", sidecar)
    wired.take("a.json", [{"name": "load", "unit": "ms", "value": 12.5}])
    entries = [entry(each, made, [bench("load", 12.5, "ms")]) for each in (1, 2)]
    data = write(wired.folder / "data.js", history(Benchmark=entries))
    for known in ("1 was", "2 were"):
        assert imported(wired, data) == EXIT_OK
        assert f"{known} known already" in capsys.readouterr().out
    assert [row[2] for row in wired.query(RUNS)] == [commit(1), commit(2)]


def load(value: float, number: int = 1) -> list[dict[str, object]]:
    """What a tool writes of a commit, and the action extracts."""
    return [
        {"name": "load", "unit": "ms", "value": value},
        {"name": "size", "unit": "bytes", "value": 64 * number},
    ]


def take_load(wired: Wired, name: str, value: float, number: int = 1, **more: object) -> None:
    sidecar = {"project": "orbit", "commit": commit(number), "timestamp": "2026-05-27T19:00:00Z"}
    wired.drop(f"{name}.meta.json", sidecar | more)
    wired.take(f"{name}.json", load(value, number))


@pytest.fixture
def with_history(wired: Wired) -> Wired:
    """Two commits' results were imported, as the action has extracted them."""
    made = START_SECONDS - DAY_SECONDS
    entries = [
        entry(
            number,
            made + number,
            [bench("load", 12.5 + number, "ms"), bench("size", 64 * number, "bytes")],
            "customSmallerIsBetter",
        )
        for number in (1, 2)
    ]
    data = write(wired.folder / "data.js", history(Benchmark=entries))
    assert imported(wired, data) == EXIT_OK
    return wired


def test_a_file_of_a_run_that_was_imported_counts_once(with_history: Wired) -> None:
    before = with_history.query(RUNS)
    for number in (1, 2):
        take_load(with_history, f"run-{number}", 12.5 + number, number)
    assert with_history.query(RUNS) == before
    assert with_history.value("benchmark_exporter_files_duplicate_total") == 2
    # Read again after a start, or copied: the same file.
    with_history.take("copy.json", load(13.5))
    with_history.drop("run-1.json", load(13.5))
    with_history.settle()
    assert [row for row in with_history.query(RUNS) if row[0] == "orbit"] == before


def test_another_measurement_of_a_commit_that_was_imported_is_another_run(
    with_history: Wired,
) -> None:
    """It has another value, or, of a size, the same one again."""
    before = len(with_history.query(RUNS))
    for number, value in enumerate((13.6, 13.5, 13.5), 1):
        take_load(with_history, f"run-{number}", value, run_id=f"ci-{number}")
    assert len(with_history.query(RUNS)) == before + 2


@pytest.mark.parametrize("more", [{"project": "other"}, {"commit": commit(9)}, {"commit": ""}])
def test_a_file_that_states_another_commit_or_project_is_another_run(
    with_history: Wired, more: dict[str, object]
) -> None:
    before = len(with_history.query(RUNS))
    take_load(with_history, "run", 13.5, 1, **more)
    assert len(with_history.query(RUNS)) == before + 1


def test_a_file_of_a_run_that_was_imported_and_deleted_is_recorded(with_history: Wired) -> None:
    with_history.delete_runs(DeletionSelection(run="1"))
    before = len(with_history.query(RUNS))
    take_load(with_history, "run", 13.5)
    assert len(with_history.query(RUNS)) == before + 1


def test_a_file_with_variants_is_known_by_its_benchmarks(wired: Wired) -> None:
    """Of what Google Benchmark measures, the action has the real time alone."""
    document = google_benchmark(0, "copy_bench", {"BM_Copy": 2.5, "BM_Find": 4.0})
    benches = [bench("BM_Copy", 2.5), bench("BM_Find", 4.0)]
    entries = [entry(1, START_SECONDS - DAY_SECONDS, benches, "googlecpp")]
    data = write(wired.folder / "data.js", history(Benchmark=entries))
    assert imported(wired, data) == EXIT_OK
    before = wired.query(RUNS)
    wired.drop("run.meta.json", {"project": "orbit", "commit": commit(1)})
    wired.take("run.json", document)
    assert wired.query(RUNS) == before


def test_a_sidecar_states_what_the_history_does_not(wired: Wired) -> None:
    data = write(
        wired.folder / "data.js", history(Benchmark=times_of([1, 2, 3], START_SECONDS - 60))
    )
    sidecar = {"project": "web", "environment": "ci", "branch": "release/1", "machine": {"os": "x"}}
    write(wired.folder / "data.meta.json", json.dumps(sidecar).encode())
    assert imported(wired, data) == EXIT_OK
    found = wired.query("SELECT DISTINCT project, environment, machine, line FROM runs")
    assert found == [("web", "ci", "x", "release/1")]


def test_histories_of_one_project_with_the_same_names_are_named(
    wired: Wired, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a repository has that keeps one for each machine."""
    for number, name in enumerate(("a", "b")):
        entries = times_of([1 + number, 2 + number], START_SECONDS - 60 - number)
        write(tmp_path / f"{name}.js", history(Benchmark=entries))
    assert imported(wired, tmp_path / "a.js", tmp_path / "b.js") == EXIT_OK
    out = capsys.readouterr().out
    assert "1 benchmark of orbit, such as bench_fib, in several files" in out
    assert imported(wired, tmp_path / "a.js") == EXIT_OK
    assert "several files" not in capsys.readouterr().out
