"""What is in a folder that cannot be read is unknown: nothing of it has gone."""

import errno
import logging
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from benchmark_exporter.ingest.reading import UNFINISHED_SETTLE_SECONDS
from tests.support.documents import numbered_run, perf_suite
from tests.support.series import DUPLICATE, REJECTED, REJECTED_NOW, ROUTER, RUNS
from tests.support.wired import Wired

NOBODY = 65534
Harm = Callable[[Path], AbstractContextManager[None]]


@pytest.fixture
def below() -> Iterator[Wired]:
    """With a run and a rejected file in a subfolder of a subfolder, which all users can reach."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o777)
        wired = Wired(root)
        wired.results.chmod(0o777)
        (wired.results / "team/day").mkdir(parents=True)
        wired.drop("team/day/good.json", perf_suite())
        wired.drop("team/day/bad.json", b"[]")
        wired.settle()
        for path in root.glob("ledger.sqlite3*"):
            path.chmod(0o666)
        yield wired
        wired.ledger.close()


@contextmanager
def _as_other_user(folder: Path, mode: int) -> Iterator[None]:
    before, user = stat.S_IMODE(folder.stat().st_mode), os.geteuid()
    folder.chmod(mode)
    if user == 0:  # to whom permissions do not apply
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(before)


def closed(folder: Path) -> AbstractContextManager[None]:
    return _as_other_user(folder, 0o000)


def listed_only(folder: Path) -> AbstractContextManager[None]:
    """Its names can be read, its files not be reached."""
    return _as_other_user(folder, 0o744 if os.geteuid() == 0 else 0o400)


def _failing(number: int, *, at_once: bool) -> Harm:
    @contextmanager
    def fail(folder: Path) -> Iterator[None]:
        scandir = os.scandir

        def scan(path: str) -> object:
            if Path(path) != folder:
                return scandir(path)
            if at_once:
                raise OSError(number, os.strerror(number), path)
            return _Breaking(scandir(path), number)

        os.scandir = scan  # type: ignore[assignment]
        try:
            yield
        finally:
            os.scandir = scandir

    return fail


class _Breaking:
    """A folder of which reading fails after its first entry."""

    def __init__(self, entries: object, number: int) -> None:
        self._entries: Iterator[os.DirEntry[str]] = entries  # type: ignore[assignment]
        self._number = number

    def __enter__(self) -> Iterator[os.DirEntry[str]]:
        return self._read()

    def __exit__(self, *_: object) -> None:
        self._entries.close()  # type: ignore[attr-defined]

    def _read(self) -> Iterator[os.DirEntry[str]]:
        yield next(self._entries)
        raise OSError(self._number, os.strerror(self._number))


HARMS: dict[str, Harm] = {
    "closed": closed,
    "listed only": listed_only,
    "EIO": _failing(errno.EIO, at_once=True),
    "ESTALE": _failing(errno.ESTALE, at_once=True),
    "EIO in the middle": _failing(errno.EIO, at_once=False),
}


@pytest.mark.parametrize("harm", HARMS)
def test_nothing_of_it_is_forgotten(
    below: Wired, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    known = "SELECT path FROM files WHERE path LIKE 'team/day/%' ORDER BY path"
    before = below.query(known)
    assert len(before) == 2
    with HARMS[harm](below.results / "team/day"):
        for _ in range(3):
            below.settle()
        assert below.query(known) == before
        assert below.value(REJECTED_NOW, reason="unknown_format") == 1
        assert below.value(REJECTED_NOW, reason="unreadable") == 1
        told = [each for each in caplog.records if each.levelno >= logging.WARNING]
        assert [each.__dict__["fields"] for each in told] == [{"file": "team/day"}]
        # The rest goes on.
        below.take("other.json", numbered_run(1))
    below.settle()
    assert below.value(REJECTED_NOW, reason="unreadable") == 0
    assert below.value(REJECTED, reason="unknown_format") == 1
    assert below.value(DUPLICATE) in (0, None)
    assert below.value(RUNS, **ROUTER) == 2


def test_a_folder_above_it_counts_as_well(below: Wired) -> None:
    with closed(below.results / "team"):
        below.settle()
        assert below.query("SELECT count(*) FROM files WHERE path LIKE 'team/day/%'") == [(2,)]
        assert below.query("SELECT path FROM files WHERE reason = 'unreadable'") == [("team",)]


def test_what_goes_meanwhile_is_noticed_afterwards(below: Wired) -> None:
    with closed(below.results / "team/day"):
        below.settle()
    (below.results / "team/day/bad.json").unlink()
    below.settle()
    assert below.value(REJECTED_NOW, reason="unknown_format") == 0


def test_a_folder_with_a_longer_name_is_another(below: Wired) -> None:
    (below.results / "team/day2").mkdir()
    path = below.drop("team/day2/bad.json", b"[1]")
    below.settle()
    path.unlink()
    with closed(below.results / "team/day"):
        below.settle()
        assert below.value(REJECTED_NOW, reason="unknown_format") == 1


def test_an_incomplete_file_is_read_when_it_can_be_reached_again(below: Wired) -> None:
    """Its status does not change with the folder's permissions."""
    below.drop("team/day/more.json", b'{"run": ')
    below.ingest.scan()
    assert below.ingest.pending_files == 1
    with closed(below.results / "team/day"):
        below.ingest.scan()
        assert below.ingest.pending_files >= 1
        for _ in range(3):
            below.now += below.config.settle_seconds
            below.ingest.check([])
        with_inode = "SELECT count(*) FROM files WHERE path = 'team/day/more.json' AND reason = ?"
        assert below.query(with_inode.replace("?", "'truncated'")) == [(0,)]
    below.settle()
    below.now += UNFINISHED_SETTLE_SECONDS
    below.settle()
    assert below.query(with_inode.replace("?", "'truncated'")) == [(1,)]
    assert below.value(REJECTED_NOW, reason="unreadable") == 0
