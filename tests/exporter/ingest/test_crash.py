"""The process dies, at every step of the path; started again, it shows what one shows that never died."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.documents import bench_guard, changed, golden, perf_suite, pipeline
from tests.support.ledger_files import watched
from tests.support.wired import Wired

FILES = {
    "1.json": perf_suite(speedup=12.0),
    "2.json": perf_suite(speedup=12.0, verdict="FAIL"),
    "3.json": perf_suite(speedup=12.0),
    "4.json": bench_guard({"parsing": 4.0, "caching": 20.0}, passed=False),
    "5.json": pipeline(status="fail"),
    "6.json": changed(perf_suite(), "metrics.cv", -1),
    "7.json": perf_suite(p50_ms=0.07),
    "8.json": golden("hyperfine_2/1-run"),
}


def prepare(folder: Path) -> Wired:
    """Some files ingested and one of them rejected, others waiting, one of these grown meanwhile, one gone."""
    folder.mkdir()
    wired = Wired(folder)
    for name in ("0.json", "1.json"):
        wired.take(name, FILES["1.json"] | {"name": name})
    wired.take("bad.json", {})
    wired.take("8.json", changed(FILES["8.json"], "results", FILES["8.json"]["results"][:1]))
    (wired.results / "0.json").unlink()
    for name, document in FILES.items():
        wired.drop(name, document)
    return wired


def finished(wired: Wired) -> str:
    wired.settle()
    return wired.exposition()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    wired = prepare(tmp_path_factory.mktemp("undisturbed") / "stage")
    wired.restart()
    yield finished(wired)
    wired.ledger.close()


def die_in(
    wired: Wired,
    arrange: Callable[[Wired], None],
    act: Callable[[Wired], None] = lambda wired: wired.ingest.scan(),
) -> bool:
    """Scans, or acts, in a child process that dies as arranged; whether it did, so that the last step can be told."""
    wired.ledger.close()
    child = os.fork()
    if child == 0:
        # Nothing may return from here into the test session's copy.
        try:
            again = Wired.__new__(Wired)
            again.__dict__.update(wired.__dict__)
            arrange(again)
            again.restart()
            act(again)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    wired.restart()
    return os.WIFSIGNALED(status)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_statement(number: int) -> Callable[[Wired], None]:
    def arrange(wired: Wired) -> None:
        left = number

        def count_down(_: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                die()

        wired.connect = watched(count_down)

    return arrange


def test_killed_before_each_statement_of_the_ledger(tmp_path: Path, undisturbed: str) -> None:
    number = 1
    while True:
        wired = prepare(tmp_path / f"{number}")
        died = die_in(wired, die_at_statement(number))
        assert finished(wired) == undisturbed, f"killed before statement {number}"
        wired.ledger.close()
        if not died:
            break
        number += 1
    assert number > 100  # it did go through a batch's statements


def test_killed_between_commit_and_publish(tmp_path: Path, undisturbed: str) -> None:
    wired = prepare(tmp_path / "stage")

    def arrange(again: Wired) -> None:
        again.publish = die

    assert die_in(wired, arrange)
    assert finished(wired) == undisturbed
    wired.ledger.close()


def test_killed_again_and_again(tmp_path: Path, undisturbed: str) -> None:
    wired = prepare(tmp_path / "stage")
    for number in (40, 3, 90, 17, 60):
        die_in(wired, die_at_statement(number))
    assert finished(wired) == undisturbed
    wired.ledger.close()
