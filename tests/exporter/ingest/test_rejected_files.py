"""Files that cannot be ingested are rejected with a reason; everything else goes on."""

import logging
import os

import pytest

from benchmark_exporter.config import Config
from tests.support.documents import bench_guard, changed, numbered_run, perf_suite
from tests.support.series import REJECTED, REJECTED_NOW, ROUTER, RUNS
from tests.support.wired import Wired


def test_a_rejected_file_is_counted_once_whatever_happens_to_it(wired: Wired) -> None:
    path = wired.drop("a.json", b"[]")
    wired.settle()
    before = wired.exposition()
    wired.settle()
    wired.restart()
    wired.settle()
    assert wired.exposition() == before
    os.utime(path)
    wired.settle()
    assert wired.value(REJECTED, reason="unknown_format") == 1


def test_a_fixed_file_is_ingested_and_no_longer_among_the_rejected(wired: Wired) -> None:
    wired.take("a.json", b"[]")
    wired.take("a.json", perf_suite())
    assert wired.value(RUNS, **ROUTER) == 1
    assert wired.value(REJECTED_NOW, reason="unknown_format") == 0
    assert wired.value(REJECTED, reason="unknown_format") == 1


@pytest.mark.parametrize("while_down", [False, True])
def test_a_removed_file_is_no_longer_among_the_rejected(wired: Wired, while_down: bool) -> None:
    path = wired.drop("a.json", b"[]")
    wired.settle()
    path.unlink()
    if while_down:
        wired.restart()
    wired.ingest.scan()
    assert wired.value(REJECTED_NOW, reason="unknown_format") == 0


def test_a_rejected_file_is_read_again_after_a_start(wired: Wired) -> None:
    wired.restart(Config(max_file_bytes=100))
    wired.take("a.json", perf_suite())
    assert wired.value(REJECTED_NOW, reason="too_large") == 1
    wired.restart(Config())
    wired.settle()
    assert wired.value(REJECTED_NOW, reason="too_large") == 0
    assert wired.value(RUNS, **ROUTER) == 1


def test_a_rejection_is_logged_once_with_file_reason_and_json_path(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    wired.take("bad.json", changed(perf_suite(), "metrics.cv", -1))
    wired.settle()
    (record,) = caplog.records
    assert record.getMessage() == "rejected: invalid_value at $.metrics.cv: Expected `float` >= 0.0"
    assert record.__dict__["fields"] == {"file": "bad.json"}


def drop_bad_files(wired: Wired) -> dict[str, str]:
    """Drops a file of every kind that must be rejected; returns names and expected reasons."""
    os.mkfifo(wired.results / "fifo.json")
    (wired.results / "folder.json").mkdir()
    (wired.results / "outside.json").symlink_to("/etc/passwd")
    (wired.results / "dangling.json").symlink_to("nowhere")
    wired.drop("huge.json", b" " * (wired.config.max_file_bytes + 1))
    wired.drop("cut.json", b'{"run":]')
    wired.drop("malformed.json", b"{]")
    wired.drop("latin1.json", '{"name": "é"}'.encode("latin-1"))
    wired.drop("nan.json", changed(perf_suite(), "metrics.speedup_p50", float("nan")))
    wired.drop("negative.json", changed(perf_suite(), "metrics.compiled.p50_ms", -1))
    wired.drop("wrong-type.json", changed(perf_suite(), "metrics", {"compiled": 3}))
    wired.drop("long-name.json", bench_guard({"x" * 10_000: 20.0}, passed=True))
    wired.drop("surrogate.json", changed(perf_suite(), "run.git_sha", "\ud800"))
    wired.drop("deep.json", b"[" * 1_000_000)
    wired.drop("alien.json", {"hello": "world"})
    return {
        "fifo.json": "not_a_file",
        "folder.json": "not_a_file",
        "outside.json": "link_outside",
        "dangling.json": "unreadable",
        "huge.json": "too_large",
        "cut.json": "malformed_json",
        "malformed.json": "malformed_json",
        "latin1.json": "not_utf8",
        "nan.json": "not_finite",
        "negative.json": "invalid_value",
        "wrong-type.json": "invalid_value",
        "long-name.json": "invalid_value",
        "surrogate.json": "malformed_json",
        "deep.json": "malformed_json",
        "alien.json": "unknown_format",
    }


def test_bad_files_are_listed_and_counted_and_the_next_good_one_is_ingested(wired: Wired) -> None:
    expected = drop_bad_files(wired)
    wired.settle()
    wired.take("good.json", perf_suite())
    rejected = {file.path: file.reason for file in wired.ledger.state().rejected_files}
    assert rejected == expected
    for reason in set(rejected.values()):
        assert wired.value(REJECTED, reason=reason) == list(rejected.values()).count(reason)
    assert wired.value(RUNS, **ROUTER) == 1


def test_bad_files_do_not_spoil_the_good_ones_of_their_batch(wired: Wired) -> None:
    wired.drop("a.json", perf_suite())
    drop_bad_files(wired)
    wired.drop("z.json", numbered_run(2))
    wired.settle()
    assert wired.value(RUNS, **ROUTER) == 2
