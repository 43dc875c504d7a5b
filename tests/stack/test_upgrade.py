"""A checkout that an earlier version was used in: `make upgrade-check`, then `make up`."""

import hashlib
import shutil
import sqlite3
import stat
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from benchmark_exporter.ledger.schema import MIGRATIONS
from stack import readiness, settings, upgrade_check
from stack.local import LocalStack
from stack.settings import EXPORTER, StackError
from tests.stack.checkouts import run_stack, write_env
from tests.support.upgrades import Earlier, changed_figures, unpack

CONFIG = Path("exporter/benchmark_exporter/config.yaml")


def take_over(folder: Path, name: str) -> Earlier:
    """Makes a checkout one in which an earlier version was used."""
    earlier = unpack(name, folder.parent / "earlier")
    ports = (folder / ".env").read_text(encoding="utf-8")
    (folder / ".env").write_text(f"{earlier.env.read_text(encoding='utf-8')}\n{ports}")
    shutil.copy(earlier.config, folder / CONFIG)
    (folder / ".local/exporter").mkdir(parents=True)
    shutil.copy(earlier.ledger, folder / ".local/exporter/ledger.sqlite3")
    return earlier


def tree(folder: Path) -> dict[str, str]:
    """Every file but Python's own, by digest."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "folder"
        for path in folder.rglob("*")
        if "__pycache__" not in path.parts and not path.name.endswith("-shm")
    }


def test_it_says_beforehand_what_changes_and_changes_nothing(folder: Path) -> None:
    take_over(folder, "0.5.0")
    ledger = folder / ".local/exporter/ledger.sqlite3"
    # As while the earlier version runs, with what only its write-ahead log has.
    with closing(sqlite3.connect(ledger, isolation_level=None)) as running:
        running.executescript("PRAGMA journal_mode = WAL; DELETE FROM runs WHERE id = 1;")
        before = tree(folder)
        checked = run_stack(folder, "upgrade-check")
        assert tree(folder) == before
    assert checked.returncode == 0, checked.stdout + checked.stderr
    said = checked.stdout
    assert f"migrate the ledger from schema 1 to {len(MIGRATIONS)}: 51 runs" in said
    assert "4 keeps projects, branches and machine classes apart" in said
    assert "keep a copy of it as ledger.sqlite3.schema-1" in said
    assert "warn that judgement.outlier_share is ignored" in said
    assert "judgement.shift_share" in said
    assert said.endswith("`make up` will work\n")


def test_what_would_keep_it_from_working_is_named_all_at_once(folder: Path) -> None:
    take_over(folder, "schema-4")
    with closing(sqlite3.connect(folder / ".local/exporter/ledger.sqlite3")) as ledger:
        ledger.execute("PRAGMA user_version = 99")
    (folder / CONFIG).write_text("upload_burst: -1\n")
    write_env(folder, "BIND_ADDRESS=203.0.113.7")
    before = tree(folder)
    checked = run_stack(folder, "upgrade-check")
    assert tree(folder) == before
    assert checked.returncode == 1
    assert "the ledger has schema 99, of a newer version" in checked.stderr
    assert "upload_burst: must be" in checked.stderr
    assert "BIND_ADDRESS must be an address of this machine" in checked.stderr


def test_a_disk_without_room_for_the_migration_is_a_problem(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_over(folder, "0.5.0")
    here = settings.load(folder, environ={})
    stack = LocalStack(here)
    found = upgrade_check._probe(here, stack)
    assert found is not None
    monkeypatch.setattr(upgrade_check, "_probe", lambda *_: found | {"free_bytes": 1000})
    with pytest.raises(StackError, match=r"0 MB free, and \d MB are needed"):
        upgrade_check.run(here, stack)


def test_up_takes_over_what_0_5_0_left(equipped: Path) -> None:
    earlier = take_over(equipped, "0.5.0")
    here = settings.load(equipped, environ={})
    up = run_stack(equipped, "up")
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        with urllib.request.urlopen(EXPORTER.url(here, "/metrics")) as answer:
            figures = answer.read().decode()
        assert changed_figures(earlier.metrics, figures) == {}
        log = (equipped / ".local/logs/exporter.log").read_text(encoding="utf-8")
        assert "migration 4 keeps projects, branches and machine classes apart" in log
        assert "judgement.outlier_share is ignored" in log
        assert "leave the ledger as it is" in run_stack(equipped, "upgrade-check").stdout
    finally:
        run_stack(equipped, "down")
    copy = equipped / ".local/exporter/ledger.sqlite3.schema-1"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


class Exporter(BaseHTTPRequestHandler):
    """Says that it migrates, for as long as `texts` has something to say."""

    texts: list[str]

    def do_GET(self) -> None:
        text = self.texts.pop(0) if self.texts else ""
        self.send_response(503 if text else 200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(port: int, texts: list[str]) -> Iterator[None]:
    handler = type("Handler", (Exporter,), {"texts": texts})
    with HTTPServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("text", "waits"), [("migrating the ledger: 3", True), ("a scan", False)])
def test_a_migration_is_waited_for_longer_than_anything_else(
    folder: Path, free_port: Callable[[], int], text: str, waits: bool
) -> None:
    port = free_port()
    write_env(folder, f"EXPORTER_PORT={port}")
    here = settings.load(folder, environ={})
    with answering(port, [f"not ready: {text}"] * 10):
        ready = list(readiness.wait_until_ready([EXPORTER], here, timeout_seconds=0.3))
    assert ready == ([EXPORTER] if waits else [])
