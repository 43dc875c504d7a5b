"""What is collected from made folders is placed into others, as it was."""

import io
import json
import os
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from stack.backup import sqlite_copy
from stack.backup.layout import COLLECTED, DATA, NEW, OLD, PLAN, CollectError, tar_stream
from tests.support.paths import REPOSITORY

# Nothing that the exporter itself writes is called like this, but people copy files.
ODD_NAMES = ("ünïcode.json", "two\nlines.json", "-rf.json", "a" * 200 + ".json", " .json")
# Not UTF-8.
ODD_BYTES = b"\xff\xfe.json"


def run(module: str, *words: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run `collect` or `place` with standard input that stays open, as whoever starts it does."""
    command = [sys.executable, "-m", f"stack.backup.{module}", *words]
    with subprocess.Popen(
        command,
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        if data:
            process.stdin.write(data)
            process.stdin.close()
        output, errors = process.stdout.read(), process.stderr.read()
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def database(path: Path, table: str, rows: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f'CREATE TABLE "{table}" (run_id TEXT, timestamp_seconds REAL, id INT)')
        connection.executemany(
            f'INSERT INTO "{table}" VALUES (?, ?, ?)',  # noqa: S608
            [(f"run-{number}", float(number), number) for number in range(rows)],
        )
        connection.commit()


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """What the parts of a stack have stored, with what nobody needs."""
    folder = tmp_path / "stored"
    database(folder / "exporter/ledger.sqlite3", "runs", 5)
    database(folder / "grafana/grafana.db", "dashboard", 3)
    for name in (
        *(f"exporter/uploads/{name}" for name in ODD_NAMES),
        "exporter/uploads/.half.json.part",
        "exporter/ledger.sqlite3.damaged-x",
        "alertmanager/nflog",
        "alertmanager/silences",
        "grafana/plugins/clock/module.js",
        "grafana/png/picture.png",
        "prometheus/wal/00000000",
        "prometheus/chunks_head/000001",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    (folder / "exporter/uploads" / os.fsdecode(ODD_BYTES)).write_bytes(b"odd")
    (folder / "exporter/uploads/link.json").symlink_to("/etc/passwd")
    os.mkfifo(folder / "exporter/uploads/pipe.json")
    os.utime(folder / "alertmanager/nflog", ns=(1, 1_700_000_000_123_456_789))
    return folder


def stores(folder: Path) -> list[str]:
    return [
        f"{name}={folder / name}" for name in ("alertmanager", "prometheus", "exporter", "grafana")
    ]


def collected(folder: Path, staging: Path) -> bytes:
    done = run("collect", *stores(folder), "--stopped", "--staging", str(staging))
    assert done.returncode == 0, done.stderr
    return done.stdout


def data_of(stream: bytes) -> bytes:
    """The stream without what is for the other side only."""
    out = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(stream)) as source,
        tar_stream(out, "w|") as target,
    ):
        for info in source:
            if info.name not in (PLAN, COLLECTED):
                target.addfile(info, source.extractfile(info))
    return out.getvalue()


def test_what_is_collected_is_placed_as_it_was(stored: Path, tmp_path: Path) -> None:
    stream = collected(stored, tmp_path)
    here = tmp_path / "here"
    (here / "exporter").mkdir(parents=True)
    (here / "exporter/ledger.sqlite3").write_bytes(b"old")
    unpacked = run("place", "unpack", *stores(here), data=data_of(stream))
    assert unpacked.returncode == 0, unpacked.stderr
    facts = json.loads(unpacked.stdout)
    assert facts["exporter"] == {
        "runs": 5,
        "schema": 0,
        "newest_run": "run-4",
        "newest_run_seconds": 4.0,
    }
    assert facts["grafana"] == {"dashboard": 3, "schema": 0}
    assert (here / "exporter/ledger.sqlite3").read_bytes() == b"old"

    assert run("place", "swap", *stores(here)).returncode == 0
    found = {
        os.fsencode(path.relative_to(here))
        for path in here.rglob("*")
        if path.is_file() and OLD not in path.parts
    }
    assert found == {
        *(os.fsencode(f"exporter/uploads/{name}") for name in ODD_NAMES),
        b"exporter/uploads/" + ODD_BYTES,
        b"exporter/ledger.sqlite3",
        b"alertmanager/nflog",
        b"alertmanager/silences",
        b"grafana/grafana.db",
        b"grafana/plugins/clock/module.js",
        b"prometheus/wal/00000000",
    }
    for name in ODD_NAMES:
        assert (
            here / "exporter/uploads" / name
        ).read_bytes() == f"exporter/uploads/{name}".encode()
    assert (here / "alertmanager/nflog").stat().st_mtime_ns == 1_700_000_000_123_456_789
    assert (here / "exporter" / OLD / "ledger.sqlite3").read_bytes() == b"old"
    assert json.loads(run("place", "keep", *stores(here)).stdout) == 3

    assert run("place", "undo", *stores(here)).returncode == 0
    assert [path.name for path in (here / "exporter").iterdir()] == ["ledger.sqlite3"]
    assert (here / "exporter/ledger.sqlite3").read_bytes() == b"old"


def test_a_member_that_leads_elsewhere_is_not_placed(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tar_stream(out, "w|") as stream:
        info = tarfile.TarInfo(f"{DATA}/exporter/../../x")
        info.size = 1
        stream.addfile(info, io.BytesIO(b"x"))
    done = run("place", "unpack", *stores(tmp_path / "here"), data=out.getvalue())
    assert done.returncode == 1
    assert b"not a file below data/" in done.stderr
    assert not list(tmp_path.rglob("x"))


def test_a_stream_that_is_cut_is_not_placed(stored: Path, tmp_path: Path) -> None:
    stream = data_of(collected(stored, tmp_path))
    done = run("place", "unpack", *stores(tmp_path / "here"), data=stream[: len(stream) // 2])
    assert done.returncode == 1
    assert not (tmp_path / "here/exporter/ledger.sqlite3").exists()


def test_a_collector_ends_with_whoever_started_it(stored: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "stack.backup.collect",
        *stores(stored),
        "--staging",
        str(tmp_path),
    ]
    with subprocess.Popen(
        [*command, "--stopped"], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=30) in (0, 3)
        assert process.stdout is not None
        process.stdout.read()


def test_a_ledger_is_copied_as_of_one_moment_while_it_is_written(tmp_path: Path) -> None:
    source, target = tmp_path / "ledger.sqlite3", tmp_path / "copy.sqlite3"
    with closing(sqlite3.connect(source, isolation_level=None)) as connection:
        connection.executescript(
            "PRAGMA journal_mode = WAL; CREATE TABLE runs (run_id, timestamp_seconds, id);"
            "CREATE TABLE results (run, filler);"
        )
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO results VALUES (0, ?)", ((os.urandom(2000),) for _ in range(20_000))
        )
        connection.execute("COMMIT")
    stop, written = threading.Event(), 0

    def write() -> None:
        nonlocal written
        with closing(sqlite3.connect(source, isolation_level=None)) as connection:
            while not stop.is_set():
                connection.execute("BEGIN")
                connection.execute("INSERT INTO runs VALUES (?, ?, ?)", (str(written), written, 0))
                connection.execute("INSERT INTO results VALUES (?, ?)", (written, b""))
                connection.execute("COMMIT")
                written += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        while written < 10:
            time.sleep(0.001)
        before = written
        steps: list[int] = []
        sqlite_copy.copy(source, target, lambda done, _: steps.append(done))
        after = written
    finally:
        stop.set()
        thread.join()
    facts = sqlite_copy.facts(target)
    assert len(steps) > 1
    assert after > before
    assert before <= int(facts["runs"]) <= after
    assert facts["results"] == 20_000 + int(facts["runs"])


def test_a_damaged_ledger_is_no_backup(tmp_path: Path) -> None:
    source = tmp_path / "ledger.sqlite3"
    database(source, "runs", 5_000)
    data = bytearray(source.read_bytes())
    data[8_192:40_960] = os.urandom(32_768)
    source.write_bytes(data)
    with pytest.raises(CollectError, match=r"damaged|cannot be copied"):
        sqlite_copy.copy(source, tmp_path / "copy", lambda _done, _total: None)


def test_what_is_unpacked_is_removed_by_discard(stored: Path, tmp_path: Path) -> None:
    stream = data_of(collected(stored, tmp_path))
    here = tmp_path / "here"
    assert run("place", "unpack", *stores(here), data=stream).returncode == 0
    assert (here / "exporter" / NEW).exists()
    assert run("place", "discard", *stores(here)).returncode == 0
    assert [list((here / name).iterdir()) for name in ("exporter", "grafana")] == [[], []]


def test_what_runs_in_the_exporters_container_needs_the_standard_library_only() -> None:
    program = "import stack.backup.collect, stack.backup.place"
    # -S leaves out everything that is installed.
    subprocess.run([sys.executable, "-S", "-c", program], cwd=REPOSITORY, check=True)
