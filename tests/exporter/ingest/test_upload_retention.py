"""Uploads are pruned with what the ledger prunes of them, and never earlier."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from benchmark_exporter.ingest.inbox import UPLOADS_PREFIX
from benchmark_exporter.ledger.retention import STEP_ROWS
from tests.support.documents import perf_suite, pipeline
from tests.support.killed import comparable
from tests.support.process import Exporter
from tests.support.retention import (
    DAY_SECONDS,
    RETENTION_SECONDS,
    SHOWN_FOR_LONG,
    SIZE,
    kept,
    names,
    prune_uploads,
    rows,
    upload,
)
from tests.support.series import DUPLICATE, INGESTED
from tests.support.wired import Wired


def test_an_upload_is_pruned_with_its_sidecar_when_its_run_is(wired: Wired) -> None:
    old = upload(wired, SIZE, {"commit": "a1b2c3d"})
    new = upload(wired, SIZE, {"commit": "b1b2c3d"})
    wired.now += RETENTION_SECONDS - DAY_SECONDS
    assert prune_uploads(wired) == 0
    wired.now += 2 * DAY_SECONDS
    before = wired.exposition()
    assert prune_uploads(wired) == 1
    assert kept(wired) == names(new, new.with_suffix(".meta.json"))
    assert not old.exists()
    assert wired.exposition() == before.replace("ledger_commits 2", "ledger_commits 3")
    assert prune_uploads(wired) == 0
    assert rows(wired, "files") == 2


def test_the_upload_of_a_run_that_is_kept_stays(wired: Wired) -> None:
    """A damaged ledger can then be rebuilt to show what the old one did."""
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
    # The benchmark's newest run is kept, and the 20 runs of the pipeline's failure ratio.
    assert prune_uploads(wired) == 2 + 10
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


def test_age_counts_from_the_upload_not_from_when_the_file_was_touched(wired: Wired) -> None:
    old = upload(wired, SIZE, {"commit": "a1b2c3d"})
    upload(wired, SIZE, {"commit": "b1b2c3d"})
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    old.chmod(0o600)  # as when permissions are fixed, or a backup is restored
    wired.settle()
    assert prune_uploads(wired) == 1
    assert not old.exists()


def test_the_same_bytes_with_another_commit_have_their_own_age(wired: Wired) -> None:
    upload(wired, SIZE, {"commit": "a1b2c3d", "timestamp": "2026-03-01T12:00:00Z"})
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    new = upload(wired, SIZE, {"commit": "b1b2c3d", "timestamp": "2026-03-02T12:00:00Z"})
    assert prune_uploads(wired) == 1
    assert kept(wired) == names(new, new.with_suffix(".meta.json"))


def test_an_outcome_that_was_uploaded_later_is_pruned_at_its_own_age(wired: Wired) -> None:
    upload(wired, perf_suite("1"))
    wired.now += 2 * DAY_SECONDS
    outcome = upload(wired, perf_suite("1", verdict="FAIL"))
    upload(wired, perf_suite("2", timestamp="2026-03-02T12:00:00Z"))
    wired.now += RETENTION_SECONDS - DAY_SECONDS
    assert prune_uploads(wired) == 1
    assert outcome.exists()
    wired.now += 2 * DAY_SECONDS
    assert prune_uploads(wired) == 1
    assert not outcome.exists()


def test_uploads_that_were_rejected_or_not_yet_ingested_are_kept(wired: Wired) -> None:
    wired.uploads.path.mkdir()
    bad = wired.uploads.path / f"{'0' * 64}.json"
    bad.write_text("{}")
    wired.settle()
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    _, waiting, _ = wired.uploads.keep(json.dumps(SIZE).encode(), b"", 0)
    before = wired.now - RETENTION_SECONDS
    assert sum(map(wired.uploads.remove, wired.ledger.old_uploads(UPLOADS_PREFIX, before))) == 0
    assert kept(wired) == names(bad, waiting)


def test_files_in_the_results_folder_are_never_removed(wired: Wired) -> None:
    for number in range(2):
        wired.take(
            f"{number}.json", perf_suite(f"{number}", timestamp=f"2026-03-01T12:00:0{number}Z")
        )
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    assert prune_uploads(wired) == 0
    assert sorted(path.name for path in wired.results.iterdir()) == ["0.json", "1.json"]


def test_a_removed_upload_is_a_duplicate_until_its_digest_is_pruned_too(
    wired: Wired,
) -> None:
    document = perf_suite("1")
    old = upload(wired, document)
    upload(wired, perf_suite("2", timestamp="2026-03-02T12:00:00Z"))
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    assert prune_uploads(wired) == 1
    assert upload(wired, document) == old
    assert (wired.value(INGESTED, format="perf_suite"), wired.value(DUPLICATE)) == (2, 1)
    assert prune_uploads(wired) == 1
    assert prune_uploads(wired) == 0
    assert rows(wired, "documents") == 1
    upload(wired, document)
    assert wired.value(INGESTED, format="perf_suite") == 3


def test_a_document_is_removed_before_its_sidecar(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone, it would be another document if the ledger were lost; a sidecar alone is nothing."""
    old = upload(wired, SIZE, {"commit": "a1b2c3d"})
    upload(wired, SIZE, {"commit": "b1b2c3d"})
    wired.now += RETENTION_SECONDS + DAY_SECONDS
    unlink = Path.unlink

    def fail_at_sidecars(path: Path, *, missing_ok: bool = False) -> None:
        if path.name.endswith(".meta.json"):
            raise PermissionError(path)
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", fail_at_sidecars)
        with pytest.raises(PermissionError):
            prune_uploads(wired)
    assert (old.exists(), old.with_suffix(".meta.json").exists()) == (False, True)
    wired.uploads.clean()
    assert not old.with_suffix(".meta.json").exists()


def test_a_file_that_cannot_be_removed_is_still_a_known_document(
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
                prune_uploads(wired)
    wired.restart()
    wired.settle()
    assert old.exists()
    assert (wired.value(INGESTED, format="perf_suite"), wired.value(DUPLICATE)) == (2, 0)


def test_pruning_proceeds_in_small_steps(wired: Wired) -> None:
    with wired.ledger.transaction() as transaction:
        for number in range(2 * STEP_ROWS):
            digest = number.to_bytes(32, "big")
            transaction.add_document(digest, digest, "test", 1.0)
            transaction.record_file(
                f"{UPLOADS_PREFIX}{digest.hex()}.json", (number, 0, 0), digest, None, 1.0
            )
    steps = [len(names) for names in wired.ledger.old_uploads(UPLOADS_PREFIX, 2.0)]
    assert steps == [STEP_ROWS, STEP_ROWS]


def test_the_running_exporter_prunes_uploads(tmp_path: Path, free_port: Callable[[], int]) -> None:
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
        lambda: (
            'message="pruned uploads older than retention_days" files=1' in exporter.log.read_text()
        )
    )
    assert kept(wired) == names(newest, newest.with_suffix(".meta.json"))
    exporter.until(
        lambda: exporter.value('benchmark_exporter_files_ingested_total{format="perf_suite"}') == 2
    )
    assert exporter.stop() == 0
    assert not old.exists()
