"""Makes tests/upgrades/NAME.tar.xz: what a version of this project leaves behind for the next.

    python tools/make_upgrade_fixture.py 0.6.0            # of this checkout
    python tools/make_upgrade_fixture.py 0.5.0 095c1e0    # of an earlier commit

Runs the exporter of that version over documents (upgrade_documents.py) with a configuration that an
operator has changed, and keeps its ledger, configuration, `.env` and what it showed on /metrics.
`make release` makes one of each version.
"""

import argparse
import io
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from tools.upgrade_documents import Document, documents, rejected

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "upgrades"
DEADLINE_SECONDS = 60.0
POLL_SECONDS = 0.1
# What the operator changed: nothing is to become too old to be shown, however old the fixture is.
CONFIG_CHANGES = {
    "series_max_age_days": "100000.0",
    "retention_days": "36500",
    "settle_seconds": "0.2",
    "counter_hold_seconds": "0",
    "histogram_hold_seconds": "0",
    "upload_burst": "50",
}
ENV_CHANGES = {"BENCHMARK_ENVIRONMENT": "lab", "PROMETHEUS_RETENTION_TIME": "20d"}


class FixtureError(Exception):
    """Why there is no fixture."""


def make(name: str, source: Path, folder: Path = FOLDER) -> Path:
    """Runs the exporter in `source`, a checkout, and packs what it leaves; gives the fixture.

    Raises:
        FixtureError: it does not do what is needed.
    """
    with tempfile.TemporaryDirectory() as made:
        home = Path(made)
        (home / "results").mkdir()
        (home / "config.yaml").write_text(_config(source), encoding="utf-8")
        earlier, later = documents()
        with _running(source, home) as port:
            _ingest(home / "results", earlier, port)
            _pin(source, home)
            for file, data in rejected():
                (home / "results" / file).write_bytes(data)
            _ingest(home / "results", later, port)
            metrics = _get(port, "/metrics")
        content = {
            "ledger.sqlite3": _one_file(home / "ledger.sqlite3"),
            "config.yaml": (home / "config.yaml").read_bytes(),
            "env": _env(source).encode(),
            "metrics.txt": metrics.encode(),
        }
        with closing(sqlite3.connect(home / "ledger.sqlite3")) as ledger:
            (schema,) = ledger.execute("PRAGMA user_version").fetchone()
        content["version.json"] = json.dumps({"version": name, "schema": schema}).encode()
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.tar.xz"
    _pack(path, content)
    return path


def _config(source: Path) -> str:
    """The version's config.yaml with an operator's changes."""
    for place in ("exporter/benchmark_exporter/config.yaml", "exporter/config.yaml"):
        # A link was there before the file moved.
        if (source / place).is_file() and not (source / place).is_symlink():
            text = (source / place).read_text(encoding="utf-8")
            break
    else:
        raise FixtureError(f"{source} has no config.yaml")
    for key, value in CONFIG_CHANGES.items():
        text = re.sub(rf"(?m)^{key}: .*$", f"{key}: {value}", text)
    return text


def _env(source: Path) -> str:
    """The version's .env.example with an operator's changes."""
    text = (source / ".env.example").read_text(encoding="utf-8")
    for key, value in ENV_CHANGES.items():
        text = re.sub(rf"(?m)^{key}=.*$", f"{key}={value}", text)
    return text


def _ingest(results: Path, files: Sequence[Document], port: int) -> None:
    """Writes documents, and waits until they and all others in the folder are dealt with."""
    for name, document in files:
        (results / name).write_text(json.dumps(document), encoding="utf-8")
    _await(
        lambda: _count(_get(port, "/metrics")) >= len(list(results.iterdir())),
        f"{len(files)} documents",
    )


def _count(metrics: str) -> float:
    """How many files were ingested or rejected."""
    found = re.findall(
        r"(?m)^benchmark_exporter_files_(?:ingested|rejected)_total\{.*\} (\S+)$", metrics
    )
    return sum(map(float, found))


@contextmanager
def _running(source: Path, home: Path) -> Iterator[int]:
    """The version's exporter, once it has ingested everything; gives its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = [
        *("serve", f"--listen=127.0.0.1:{port}", "--stream-listen=off"),
        *(f"--ledger={home / 'ledger.sqlite3'}", f"--results-dir={home / 'results'}"),
        f"--config={home / 'config.yaml'}",
    ]
    with (
        (home / "log").open("wb") as log,
        subprocess.Popen(  # noqa: S603  # our own program
            [sys.executable, "-m", "benchmark_exporter", *words],
            env=_environment(source),
            stderr=log,
        ) as process,
    ):
        try:
            _await(lambda: _is_ready(port), "the exporter", process)
            yield port
        except FixtureError as error:
            raise FixtureError(f"{error}\n{(home / 'log').read_text()}") from error
        finally:
            process.terminate()


def _pin(source: Path, home: Path) -> None:
    """Pins a run, as an operator does."""
    with closing(sqlite3.connect(home / "ledger.sqlite3")) as ledger:
        (row,) = ledger.execute(
            "SELECT id FROM runs WHERE project = 'cache' ORDER BY timestamp_seconds LIMIT 1"
        ).fetchone()
    words = ("baseline", "set", str(row), "--version=v1", f"--ledger={home / 'ledger.sqlite3'}")
    done = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-m", "benchmark_exporter", *words, f"--config={home / 'config.yaml'}"],
        env=_environment(source),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise FixtureError(f"baseline set: {done.stderr}")


def _environment(source: Path) -> Mapping[str, str]:
    return {**os.environ, "PYTHONPATH": str(source / "exporter")}


def _is_ready(port: int) -> bool:
    try:
        return _get(port, "/-/ready") == "ready\n"
    except OSError:
        return False


def _get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return str(answer.read().decode())


def _await(
    condition: Callable[[], bool], what: str, process: subprocess.Popen[bytes] | None = None
) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline or (process is not None and process.poll() is not None):
            raise FixtureError(f"waited in vain for {what}")
        time.sleep(POLL_SECONDS)


def _one_file(ledger: Path) -> bytes:
    """The ledger without its write-ahead log."""
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return ledger.read_bytes()


def _pack(path: Path, content: Mapping[str, bytes]) -> None:
    with tarfile.open(path, "w:xz", preset=9) as archive:
        for name, data in content.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))


@contextmanager
def _exported(commit: str) -> Iterator[Path]:
    """The files of a commit, in a folder that goes again."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(  # noqa: S603
            ["git", "archive", commit],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


def main() -> int:
    """Makes one fixture and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("commit", nargs="?", help="default: this checkout")
    options = parser.parse_args()
    try:
        if options.commit is None:
            path = make(options.name, ROOT)
        else:
            with _exported(options.commit) as source:
                path = make(options.name, source)
    except FixtureError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{path} ({path.stat().st_size} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
