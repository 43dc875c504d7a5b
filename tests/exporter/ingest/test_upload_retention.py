"""When uploaded files go: with what the ledger forgets of them, whatever happens in between, and never earlier."""

import json
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from benchmark_exporter.config import Config
from benchmark_exporter.ingest.inbox import UPLOADS_PREFIX
from benchmark_exporter.ledger.retention import STEP_ROWS
from tests.exporter.ingest.test_crash import die, die_in
from tests.exporter.ledger.test_retention import DAY_SECONDS, RETENTION_SECONDS, rows
from tests.support.documents import Json, perf_suite, pipeline
from tests.support.killed import comparable
from tests.support.ledger_files import read_rows, watched
from tests.support.process import Exporter
from tests.support.wired import Samples, Wired

SIZE = [{"name": "binary", "unit": "bytes", "value": 4096}]
SHOWN_FOR_LONG = Config(series_max_age_days=2000)
INGESTED, DUPLICATE = (
    "benchmark_exporter_files_ingested_total",
    "benchmark_exporter_files_duplicate_total",
)


def upload(wired: Wired, document: object, side: Json | None = None, key: bytes = b"") -> Path:
    """Keeps a document as an upload of this moment, and takes it in."""
    said = b"" if side is None else json.dumps(side).encode()
    _, path, _ = wired.uploads.keep(json.dumps(document).encode(), said, int(wired.now * 1e9), key)
    wired.ingest.scan()
    wired.now += 1
    return path


def forget(wired: Wired) -> int:
    """What the running exporter does each hour, and the scan after it; how many files it removed."""
    before = wired.now - RETENTION_SECONDS
    sum(wired.ledger.prune(before))
    removed = sum(map(wired.uploads.remove, wired.ledger.old_uploads(UPLOADS_PREFIX, before)))
    wired.ingest.scan()
    return removed


def kept(wired: Wired) -> set[str]:
    return {path.name for path in wired.uploads.path.iterdir()}


def names(*paths: Path) -> set[str]:
    return {path.name for path in paths}


def test_an_upload_goes_with_its_side_file_when_its_run_is_forgotten(wired: Wired) -> None:
    old = upload(wired, SIZE, {"commit": "a1b2c3d"})
    new = upload(wired, SIZE, {"commit": "b1b2c3d"})
    wired.now += RETENTION_SECONDS - DAY_SECONDS
    assert forget(wired) == 0
    wired.now += 2 * DAY_SECONDS
    before = wired.exposition()
    assert forget(wired) == 1
    assert kept(wired) == names(new, new.with_suffix(".meta.json"))
    assert not old.exists()
    assert wired.exposition() == before.replace("ledger_commits 2", "ledger_commits 3")
    assert forget(wired) == 0
    assert rows(wired, "files") == 2


def test_the_upload_of_a_run_that_is_kept_stays(wired: Wired) -> None:
    """So that a damaged ledger that is rebuilt shows what the old one did."""
    wired.restart(SHOWN_FOR_LONG)
    for number in range(3):
        upload(wired, perf_suite(f"{number}", timestamp=f"2026-03-01T12:00:0{number}Z"))
    for number in range(30):
        upload(
            wired,
            pipeline(f"{number:02}", timestamp=f"2026-03-01T12:00:{number:02}Z"),
            key=f"github {number}".encode(),
        )
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    # Kept are the newest run of the benchmark, and of the pipeline the 20 behind its failure ratio.
    assert forget(wired) == 2 + 10
    before = comparable(wired.exposition())
    wired.ledger.close()
    for path in wired.folder.glob("ledger.sqlite3*"):
        path.unlink()
    wired.restart()
    wired.settle()
    after = comparable(wired.exposition())
    shown = (
        "benchmark_time_seconds",
        "benchmark_last_run_timestamp_seconds",
        "speedup_ratio",
        "ci_pipeline_status",
        "ci_pipeline_failure_ratio",
    )
    assert {name: after.get(name) for name in shown} == {name: before[name] for name in shown}


def test_age_counts_from_when_an_upload_came_in_not_from_when_it_was_touched(wired: Wired) -> None:
    old = upload(wired, SIZE, {"commit": "a1b2c3d"})
    upload(wired, SIZE, {"commit": "b1b2c3d"})
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    old.chmod(0o600)  # as one who mends permissions does, or a backup that is brought back
    wired.settle()
    assert forget(wired) == 1
    assert not old.exists()


def test_the_same_bytes_of_another_commit_have_an_age_of_their_own(wired: Wired) -> None:
    upload(wired, SIZE, {"commit": "a1b2c3d", "timestamp": "2026-03-01T12:00:00Z"})
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    young = upload(wired, SIZE, {"commit": "b1b2c3d", "timestamp": "2026-03-02T12:00:00Z"})
    assert forget(wired) == 1
    assert kept(wired) == names(young, young.with_suffix(".meta.json"))


def test_a_verdict_that_came_later_goes_at_its_own_age(wired: Wired) -> None:
    upload(wired, perf_suite("1"))
    wired.now += 2 * DAY_SECONDS
    verdict = upload(wired, perf_suite("1", verdict="FAIL"))
    upload(wired, perf_suite("2", timestamp="2026-03-02T12:00:00Z"))
    wired.now += RETENTION_SECONDS - DAY_SECONDS
    assert forget(wired) == 1
    assert verdict.exists()
    wired.now += 2 * DAY_SECONDS
    assert forget(wired) == 1
    assert not verdict.exists()


def test_what_was_rejected_or_is_not_yet_taken_in_stays(wired: Wired) -> None:
    wired.uploads.path.mkdir()
    bad = wired.uploads.path / f"{'0' * 64}.json"
    bad.write_text("{}")
    wired.settle()
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    _, waiting, _ = wired.uploads.keep(json.dumps(SIZE).encode(), b"", 0)
    before = wired.now - RETENTION_SECONDS
    assert sum(map(wired.uploads.remove, wired.ledger.old_uploads(UPLOADS_PREFIX, before))) == 0
    assert kept(wired) == names(bad, waiting)


def test_files_of_the_results_folder_are_left_alone(wired: Wired) -> None:
    for number in range(2):
        wired.take(
            f"{number}.json", perf_suite(f"{number}", timestamp=f"2026-03-01T12:00:0{number}Z")
        )
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    assert forget(wired) == 0
    assert sorted(path.name for path in wired.results.iterdir()) == ["0.json", "1.json"]


def test_what_is_removed_comes_in_again_as_known_until_its_digest_is_forgotten_too(
    wired: Wired,
) -> None:
    document = perf_suite("1")
    old = upload(wired, document)
    upload(wired, perf_suite("2", timestamp="2026-03-02T12:00:00Z"))
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    assert forget(wired) == 1
    assert upload(wired, document) == old
    assert (wired.value(INGESTED, format="perf_suite"), wired.value(DUPLICATE)) == (2, 1)
    assert forget(wired) == 1
    assert forget(wired) == 0
    assert rows(wired, "documents") == 1
    upload(wired, document)
    assert wired.value(INGESTED, format="perf_suite") == 3


def test_a_document_goes_before_its_side_file(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself it would be another document, should the ledger be lost just then; a side file by itself is nothing."""
    old = upload(wired, SIZE, {"commit": "a1b2c3d"})
    upload(wired, SIZE, {"commit": "b1b2c3d"})
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    unlink = Path.unlink

    def fail_at_side_files(path: Path, *, missing_ok: bool = False) -> None:
        if path.name.endswith(".meta.json"):
            raise PermissionError(path)
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", fail_at_side_files)
        with pytest.raises(PermissionError):
            forget(wired)
    assert (old.exists(), old.with_suffix(".meta.json").exists()) == (False, True)
    wired.uploads.clean()
    assert not old.with_suffix(".meta.json").exists()


def test_a_file_that_cannot_be_removed_stays_known(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = upload(wired, perf_suite("1"), {"branch": "main"})
    upload(wired, perf_suite("2", timestamp="2026-03-02T12:00:00Z"))
    wired.now += RETENTION_SECONDS + DAY_SECONDS

    def unlink(_: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(f"missing_ok={missing_ok}")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", unlink)
        for _ in range(2):
            with suppress(PermissionError):
                forget(wired)
    wired.restart()
    wired.settle()
    assert old.exists()
    assert (wired.value(INGESTED, format="perf_suite"), wired.value(DUPLICATE)) == (2, 0)


def test_steps_are_small(wired: Wired) -> None:
    with wired.ledger.transaction() as transaction:
        for number in range(2 * STEP_ROWS):
            digest = number.to_bytes(32, "big")
            transaction.add_document(digest, digest, "test", 1.0)
            transaction.record_file(
                f"{UPLOADS_PREFIX}{digest.hex()}.json", (number, 0, 0), digest, None, 1.0
            )
    steps = [len(names) for names in wired.ledger.old_uploads(UPLOADS_PREFIX, 2.0)]
    assert steps == [STEP_ROWS, STEP_ROWS]


# Killed


def prepare(folder: Path) -> Wired:
    """Old uploads of all kinds, to be forgotten, and a young one."""
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
    """Before a statement of the ledger, or before a file of the uploads goes or their folder is synced, counted together."""

    def arrange(wired: Wired) -> None:
        left = number

        def count_down(*_: object) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                die()

        def heard(event: str, arguments: tuple[object, ...]) -> None:
            if event in ("os.remove", "open") and str(arguments[0]).startswith(
                str(wired.uploads.path)
            ):
                count_down()

        wired.connect = watched(count_down)
        sys.addaudithook(heard)

    return arrange


def forget_all(wired: Wired) -> None:
    """First the runs and their files, an hour later the digests of these."""
    forget(wired)
    forget(wired)


def finished(wired: Wired) -> tuple[Samples, set[str], set[bytes]]:
    """What is shown, kept and known when all that is old has been forgotten after a start."""
    wired.uploads.clean()
    wired.ingest.scan()
    forget_all(wired)
    digests = {digest for (digest,) in read_rows(wired.ledger_path, "SELECT digest FROM documents")}
    return comparable(wired.exposition()), kept(wired), digests


def test_killed_at_each_step_of_forgetting(tmp_path: Path) -> None:
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
        died = die_in(wired, die_at_step(number), forget_all)
        assert finished(wired) == undisturbed, f"killed before step {number}"
        wired.ledger.close()
    assert number > 50  # it did go through the statements and files of a whole hour


def copied(stage: Wired, folder: Path) -> Wired:
    shutil.copytree(stage.folder, folder)
    wired = Wired(folder, SHOWN_FOR_LONG)
    wired.now = stage.now
    wired.ingest.scan()  # the copies are other files, of the same bytes
    return wired


def test_the_running_exporter_removes_them(tmp_path: Path, free_port: Callable[[], int]) -> None:
    wired = Wired(tmp_path)
    wired.now = time.time() - RETENTION_SECONDS - DAY_SECONDS
    old, newest = (
        upload(
            wired,
            perf_suite(f"{number}", timestamp=f"2020-03-01T12:00:0{number}Z"),
            {"branch": "main"},
        )
        for number in range(2)
    )
    wired.ledger.close()
    exporter = Exporter(tmp_path, free_port())
    exporter.until(
        lambda: 'message="removed uploads that are forgotten" files=1' in exporter.log.read_text()
    )
    assert kept(wired) == names(newest, newest.with_suffix(".meta.json"))
    exporter.until(
        lambda: exporter.value('benchmark_exporter_files_ingested_total{format="perf_suite"}') == 2
    )
    assert exporter.stop() == 0
    assert not old.exists()
