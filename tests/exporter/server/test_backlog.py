"""Many changed paths at once: what they take is bounded, and other work is done in between."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

from benchmark_exporter.ingest.ingest import BATCH_FILES, STEP_FILES
from benchmark_exporter.server.ingest_loop import MOST_CHANGED_PATHS, IngestLoop
from tests.support.documents import numbered_run
from tests.support.killed import Process
from tests.support.series import DUPLICATE, INGESTED, RUNS
from tests.support.wired import Wired

PATHS = 100_000


def test_the_paths_of_a_burst_take_little_memory() -> None:
    loop = IngestLoop(Mock(), Mock(), Mock(), Mock(), Mock(), Mock())
    tracemalloc.start()
    try:
        for number in range(PATHS):
            loop.add_changed(f"/results/some/folder/of/a/team/run-{number:08}.json")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A path and its place in the set take 170 bytes; the set is held twice while it grows.
    assert peak_bytes < MOST_CHANGED_PATHS * 400


def test_a_check_is_made_in_steps(wired: Wired) -> None:
    paths = [wired.drop(f"{number}.json", numbered_run(number % 60)) for number in range(2500)]
    paths += [wired.results / f"gone-{number}.json" for number in range(5000)]
    handled = [0]
    for _ in wired.ingest.check_in_steps(paths):
        rows = wired.query("SELECT count(*) FROM files")
        handled.append(rows[0][0])
    wired.ingest.check([])
    (total,) = wired.query("SELECT count(*) FROM files")[0]
    steps = [after - before for before, after in zip(handled, [*handled[1:], total], strict=True)]
    assert max(steps) <= BATCH_FILES
    assert len(steps) >= len(paths) / STEP_FILES
    assert total == 2500
    assert wired.value(RUNS) == 60


def test_a_scan_ingests_in_steps(wired: Wired) -> None:
    for number in range(2500):
        wired.drop(f"{number}.json", numbered_run(number % 60))
    before, most = 0, 0
    for _ in wired.ingest.scan_in_steps():
        ((files,),) = wired.query("SELECT count(*) FROM files")
        most, before = max(most, files - before), files
    assert 0 < most <= BATCH_FILES
    assert wired.query("SELECT count(*) FROM files") == [(2500,)]


def test_a_file_that_changes_between_the_steps_of_a_scan_is_not_read_as_it_was(
    wired: Wired,
) -> None:
    paths = [wired.drop(f"{number}.json", numbered_run(number % 60)) for number in range(1500)]
    steps = wired.ingest.scan_in_steps()
    while not wired.query("SELECT count(*) FROM files WHERE path = '0.json'")[0][0]:
        next(steps)
    last = paths[-1]
    last.write_text(json.dumps(numbered_run(7)))
    wired.ingest.check([last])
    read = wired.query("SELECT * FROM files WHERE path = '1499.json'")
    assert len(read) == 1
    for _ in steps:
        pass
    assert wired.query("SELECT * FROM files WHERE path = '1499.json'") == read


def test_everything_is_ingested_while_the_exporter_answers(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    exporter = Process(tmp_path, free_port())
    documents = [json.dumps(numbered_run(number)).encode() for number in range(60)]
    files = MOST_CHANGED_PATHS + 2000
    for number in range(files):
        (exporter.results / f"{number}.json").write_bytes(documents[number % 60])

    def known() -> float:
        return (exporter.value(f'{INGESTED}{{format="perf_suite"}}') or 0) + (
            exporter.value(DUPLICATE) or 0
        )

    exporter.until(lambda: known() == files)
    assert exporter.value(f'{INGESTED}{{format="perf_suite"}}') == 60
    assert exporter.stop() == 0
