"""Files that are there whole or not at all."""

import os
from pathlib import Path

import pytest

from benchmark_exporter.atomic_write import is_part, write_file


def test_a_file_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"before")
    write_file(path, b"after")
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


def test_mode_and_time_are_those_asked_for(tmp_path: Path) -> None:
    write_file(tmp_path / "secret", b"x", mode=0o600, mtime_ns=1_000_000_000)
    status = (tmp_path / "secret").stat()
    assert (status.st_mode & 0o777, status.st_mtime_ns) == (0o600, 1_000_000_000)


def test_a_failure_leaves_the_old_file_and_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(28, os.strerror(28))

    path = tmp_path / "a.json"
    path.write_bytes(b"before")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_file(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_the_name_of_an_unfinished_file_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    replace = Path.replace

    def noting(self: Path, target: Path) -> Path:
        names.append(self.name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", noting)
    write_file(tmp_path / "a.json", b"x")
    assert [is_part(name) for name in names] == [True]
    assert not is_part("a.json")
