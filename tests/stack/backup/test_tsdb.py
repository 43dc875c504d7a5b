"""Prometheus' files while it writes, moves and removes them."""

import os
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from stack.backup import tsdb
from stack.backup.layout import CollectError, Held, hold

ULID = "01M8FWGMYX0GKF43PXRWHE3BD{}"


def record(kind: int, data: bytes) -> bytes:
    """A fragment of a record, as prometheus/tsdb/docs/format/wal.md describes it."""
    return struct.pack(">BHI", kind, len(data), 0) + data


def complete(path: Path, data: bytes) -> int:
    path.write_bytes(data)
    with path.open("rb") as file:
        return tsdb.complete_bytes(file.fileno(), len(data))


def test_a_log_that_ends_anywhere_is_cut_behind_its_last_whole_record(tmp_path: Path) -> None:
    full, first, last = record(1, b"a" * 20), record(2, b"b" * 30), record(4, b"c" * 5)
    ends = [0, len(full), len(full) + len(first) + len(last)]
    data = full + first + last
    for size in range(len(data) + 1):
        expected = max(end for end in ends if end <= size)
        assert complete(tmp_path / "segment", data[:size]) == expected


def test_a_log_goes_on_after_the_padding_of_a_page(tmp_path: Path) -> None:
    first = record(1, b"a" * 32_700)
    padded = first + b"\0" * (32_768 - len(first))
    assert complete(tmp_path / "segment", padded) == 32_768
    second = record(1 | 1 << 3, b"snappy")
    assert complete(tmp_path / "segment", padded + second) == 32_768 + len(second)
    assert complete(tmp_path / "segment", padded + second[:-1]) == 32_768
    # Fewer bytes than a header's are left in the page.
    almost = record(1, b"a" * (32_768 - 7 - 3))
    assert complete(tmp_path / "segment", almost + b"\0" * 3 + second) == 32_768 + len(second)


def lay_out(root: Path) -> None:
    """A data folder as Prometheus has it while it compacts."""
    for name in (
        "wal/00000001",
        "wal/00000002",
        "wal/checkpoint.00000000/00000000",
        "wal/checkpoint.00000003.tmp/00000000",
        "wbl/00000000",
        "chunks_head/000001",
        "queries.active",
        "lock",
        *(f"{ULID.format(one)}/{name}" for one in "XY" for name in ("meta.json", "index")),
        f"{ULID.format('X')}/chunks/000001",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(record(1, name.encode()))


def names(held: Sequence[Held]) -> list[str]:
    return [one.path for one in held]


def test_what_a_restored_one_needs_is_held_and_nothing_else(tmp_path: Path) -> None:
    lay_out(tmp_path)
    found = names(tsdb.hold_all(tmp_path, runs=True))
    assert found == [
        "wbl/00000000",
        "wal/checkpoint.00000000/00000000",
        "wal/00000001",
        "wal/00000002",
        f"{ULID.format('X')}/index",
        f"{ULID.format('X')}/meta.json",
        f"{ULID.format('X')}/chunks/000001",
        f"{ULID.format('Y')}/index",
        f"{ULID.format('Y')}/meta.json",
    ]


def test_blocks_that_are_merged_meanwhile_are_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path)
    merged = ULID.format("Z")

    def merge_first(root: Path, path: str) -> Held | None:
        # At the last moment before the second block is opened.
        if path.startswith(ULID.format("Y")) and not (root / merged).exists():
            (root / merged).mkdir()
            (root / merged / "meta.json").write_bytes(b"{}")
            for one in "XY":
                shutil.rmtree(root / ULID.format(one))
        return hold(root, path)

    monkeypatch.setattr("stack.backup.tsdb.hold", merge_first)
    found = names(tsdb.hold_all(tmp_path, runs=True))
    assert found[:4] == ["wbl/00000000", "wal/checkpoint.00000000/00000000", *found[2:4]]
    assert found[4:] == [f"{merged}/meta.json"]


def test_files_are_held_between_two_compactions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks that are being written, and two segments out of order, are signs of one."""
    lay_out(tmp_path)
    unfinished = tmp_path / f"{ULID.format('Z')}.tmp-for-creation"
    unfinished.mkdir()
    (tmp_path / "wbl/00000001").touch()
    waited: list[int] = []

    def sleep(_: float) -> None:
        waited.append(len(waited))
        if len(waited) == 3:
            unfinished.rmdir()
        if len(waited) == 6:
            (tmp_path / "wbl/00000000").unlink()

    monkeypatch.setattr("stack.backup.tsdb.time.sleep", sleep)
    found = names(tsdb.hold_all(tmp_path, runs=True))
    assert len(waited) == 6
    assert found[0] == "wbl/00000001"


def test_a_large_log_that_stays_the_same_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path)
    (tmp_path / "wbl/00000001").touch()
    monkeypatch.setattr(tsdb, "STILL_SECONDS", 0.05)
    found = names(tsdb.hold_all(tmp_path, runs=True))
    assert found[:2] == ["wbl/00000000", "wbl/00000001"]


def test_a_compaction_without_end_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(tmp_path)
    (tmp_path / f"{ULID.format('Z')}.tmp-for-creation").mkdir()
    monkeypatch.setattr(tsdb, "PATIENCE_SECONDS", 0.05)
    with pytest.raises(CollectError, match="has compacted"):
        tsdb.hold_all(tmp_path, runs=True)
    # What a crash has left is nothing to wait for.
    assert names(tsdb.hold_all(tmp_path, runs=False))


def test_a_file_that_is_removed_stays_readable(tmp_path: Path) -> None:
    lay_out(tmp_path)
    held = tsdb.hold_all(tmp_path, runs=True)
    shutil.rmtree(tmp_path)
    assert os.pread(held[0].descriptor, 100, 0) == record(1, b"wbl/00000000")
