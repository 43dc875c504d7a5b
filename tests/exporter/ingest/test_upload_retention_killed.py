"""The process dies at every step of pruning uploads; what remains is the same."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.documents import perf_suite, pipeline
from tests.support.dying import before_each_statement, die_at_call, die_in
from tests.support.killed import comparable
from tests.support.retention import (
    DAY_SECONDS,
    RETENTION_SECONDS,
    SHOWN_FOR_LONG,
    SIZE,
    kept,
    prune_uploads,
    upload,
)
from tests.support.wired import Samples, Wired


def prepare(folder: Path) -> Wired:
    """Old uploads of all kinds, to be pruned, and a new one."""
    folder.mkdir()
    wired = Wired(folder, SHOWN_FOR_LONG)
    upload(wired, perf_suite("1"))
    upload(wired, perf_suite("1", verdict="FAIL"))
    for commit in ("a1b2c3d", "b1b2c3d"):
        upload(wired, SIZE, {"commit": commit})
    for number in range(21):
        upload(
            wired,
            pipeline(f"{number:02}", timestamp=f"2026-03-01T12:00:{number:02}Z"),
            key=f"github {number}".encode(),
        )
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    upload(wired, perf_suite("2", timestamp="2026-03-02T12:00:00Z"))
    return wired


def die_at_step(number: int) -> Callable[[Wired], None]:
    """Dies before a statement of the ledger, or the removal or sync of uploads, all counted."""

    def arrange(wired: Wired) -> None:
        count_down = die_at_call(number)

        def on_event(event: str, arguments: tuple[object, ...]) -> None:
            if event in ("os.remove", "open") and str(arguments[0]).startswith(
                str(wired.uploads.path)
            ):
                count_down()

        before_each_statement(wired, count_down)
        sys.addaudithook(on_event)

    return arrange


def prune_all(wired: Wired) -> None:
    """First prunes the runs and their files, then, an hour later, the digests of these."""
    prune_uploads(wired)
    prune_uploads(wired)


def finished(wired: Wired) -> tuple[Samples, set[str], set[bytes]]:
    """What is shown, kept and known once all that is old has been pruned after a start."""
    wired.uploads.clean()
    wired.ingest.scan()
    prune_all(wired)
    digests = {digest for (digest,) in wired.query("SELECT digest FROM documents")}
    return comparable(wired.exposition()), kept(wired), digests


def test_killed_at_each_step_of_pruning(tmp_path: Path) -> None:
    stage = prepare(tmp_path / "stage")
    before = comparable(stage.exposition())
    stage.ledger.close()
    never_killed = copied(stage, tmp_path / "undisturbed")
    undisturbed = finished(never_killed)
    never_killed.ledger.close()
    assert undisturbed[0] == before
    assert len(undisturbed[1]) == 1 + 2 + 20
    number, died = 0, True
    while died:
        number += 1
        wired = copied(stage, tmp_path / f"{number}")
        died = die_in(wired, die_at_step(number), prune_all)
        assert finished(wired) == undisturbed, f"killed before step {number}"
        wired.ledger.close()
    assert number > 50  # it reached the statements and files of a whole hour


def copied(stage: Wired, folder: Path) -> Wired:
    shutil.copytree(stage.folder, folder)
    wired = Wired(folder, SHOWN_FOR_LONG)
    wired.now = stage.now
    wired.ingest.scan()  # the copies are other files with the same bytes
    return wired
