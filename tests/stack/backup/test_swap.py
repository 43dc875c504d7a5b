"""Exchanging the content of a folder: interrupted at any point, it goes on or back."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from stack.backup import swap
from stack.backup.layout import NEW, OLD

BEFORE = {"ledger": b"old", "wal/0": b"old", "only-before": b"1"}
AFTER = {"ledger": b"new", "wal/0": b"new", "wal/1": b"new", "only-after": b"2"}


class Killed(BaseException):
    """Instead of a kill: nothing in the code under test may catch it."""


def fill(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(".restore-")
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    fill(folder, BEFORE)
    fill(folder / NEW, AFTER)
    return folder


def killed_at(
    count: int, action: Callable[[Path], None], root: Path, monkeypatch: pytest.MonkeyPatch
) -> bool:
    """Call it, and end it at the nth call that changes the folder; False if it has fewer."""
    calls = 0

    def counted(original: Callable[..., object]) -> Callable[..., object]:
        def call(*words: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == count:
                raise Killed
            return original(*words, **options)

        return call

    with monkeypatch.context() as patch:
        for owner, name in (
            (Path, "rename"),
            (Path, "mkdir"),
            (Path, "touch"),
            (Path, "unlink"),
            (Path, "rmdir"),
            (os, "fsync"),
        ):
            patch.setattr(owner, name, counted(getattr(owner, name)))
        try:
            action(root)
        except Killed:
            return True
    return False


def test_a_swap_that_was_killed_anywhere_can_be_completed(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for count in range(1, 100):
        copy = tmp_path / f"copy-{count}"
        shutil.copytree(root, copy)
        was_killed = killed_at(count, swap.swap, copy, monkeypatch)
        swap.swap(copy)
        assert content(copy) == AFTER
        assert not (copy / NEW).exists()
        if not was_killed:
            assert count > 8
            return
    pytest.fail("it never ends")


def test_a_swap_that_was_killed_anywhere_can_be_undone(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for count in range(1, 100):
        copy = tmp_path / f"copy-{count}"
        shutil.copytree(root, copy)
        was_killed = killed_at(count, swap.swap, copy, monkeypatch)
        swap.undo(copy)
        assert content(copy) == BEFORE
        assert {path.name for path in copy.iterdir()} == {"ledger", "wal", "only-before"}
        if not was_killed:
            return
    pytest.fail("it never ends")


def test_an_undo_that_was_killed_anywhere_can_be_completed(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap.swap(root)
    fill(root, {"made-meanwhile": b"3"})
    for count in range(1, 100):
        copy = tmp_path / f"copy-{count}"
        shutil.copytree(root, copy)
        was_killed = killed_at(count, swap.undo, copy, monkeypatch)
        swap.undo(copy)
        assert content(copy) == BEFORE
        if not was_killed:
            assert count > 8
            return
    pytest.fail("it never ends")


def test_what_was_there_is_kept_until_it_is_discarded(root: Path) -> None:
    swap.swap(root)
    assert content(root / OLD) == {**BEFORE, swap.COMPLETE: b""}
    swap.discard(root, OLD)
    assert content(root) == AFTER
    assert not (root / OLD).exists()
