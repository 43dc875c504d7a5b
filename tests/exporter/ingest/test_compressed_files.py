"""Result files that are gzip, under the name that gzip gives them."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.documents import perf_suite
from tests.support.parsing import encoded
from tests.support.process import Exporter
from tests.support.series import REJECTED, ROUTER, RUNS
from tests.support.wired import Wired

PACKED = gzip.compress(encoded(perf_suite()))


def test_a_compressed_file_is_ingested(wired: Wired) -> None:
    (wired.results / "sub").mkdir()
    wired.take("sub/a.json.gz", PACKED)
    assert wired.value(RUNS, **ROUTER) == 1
    wired.take("sub/a.json", PACKED)  # as before, whatever its name
    assert wired.value(RUNS, **ROUTER) == 1
    assert REJECTED not in wired.samples()


def test_its_sidecar_completes_it(wired: Wired) -> None:
    wired.drop("a.meta.json", {"branch": "release/1"})
    wired.take("a.json.gz", PACKED)
    assert wired.query("SELECT line FROM runs") == [("release/1",)]


def test_a_sidecar_that_comes_later_is_late(wired: Wired) -> None:
    wired.take("a.json.gz", PACKED)
    wired.take("a.meta.json", {"branch": "release/1"})
    (rejected,) = wired.ledger.state().rejected_files
    assert (rejected.path, rejected.reason) == ("a.meta.json", "late_sidecar")
    assert rejected.detail.startswith("a.json.gz was ingested without it")


def test_a_sidecar_that_is_corrected_lets_it_in(wired: Wired) -> None:
    wired.drop("a.meta.json", {"wrong": 1})
    wired.take("a.json.gz", PACKED)
    assert {each.path for each in wired.ledger.state().rejected_files} >= {"a.json.gz"}
    wired.take("a.meta.json", {"branch": "release/1"})
    assert wired.ledger.state().rejected_files == []
    assert wired.value(RUNS, branch="release/1") == 1


def test_a_compressed_file_that_ends_early_is_waited_for(wired: Wired) -> None:
    wired.take("a.json.gz", PACKED[:-9])
    assert set(wired.ingest.unfinished) == {"a.json.gz"}
    wired.take("a.json.gz", PACKED)
    assert wired.value(RUNS, **ROUTER) == 1


@pytest.mark.parametrize("name", ["a.gz", "a.json.gzip", ".a.json.gz", "a.json.bz2"])
def test_other_names_are_not_read(wired: Wired, name: str) -> None:
    wired.take(name, PACKED)
    assert wired.value(RUNS, **ROUTER) is None


def test_a_running_exporter_finds_it_by_its_event(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    exporter = Exporter(tmp_path, free_port())
    try:
        (exporter.results / "a.json.gz").write_bytes(PACKED)
        exporter.until(lambda: exporter.value("benchmark_exporter_files_ingested_total") == 1)
    finally:
        exporter.stop()
