"""Imports of folders of result files, and what was dropped into the results folder as well."""

import json
import os
from pathlib import Path

import pytest

from benchmark_exporter.__main__ import EXIT_OK
from tests.support.action_history import DAY_SECONDS, bench, commit, entry, history, times_of, write
from tests.support.documents import perf_suite
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
