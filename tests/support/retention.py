"""Uploads of an exporter whose clock the test moves, and their pruning."""

import json
from pathlib import Path

from benchmark_exporter.config import Config
from benchmark_exporter.ingest.inbox import UPLOADS_PREFIX
from tests.support.documents import Json
from tests.support.wired import Wired

DAY_SECONDS = 86_400.0
RETENTION_SECONDS = 400 * DAY_SECONDS
# With this, benchmarks stay in the exposition for longer than their runs are kept.
SHOWN_FOR_LONG = Config(series_max_age_days=2000)
SIZE = [{"name": "binary", "unit": "bytes", "value": 4096}]


def upload(wired: Wired, document: object, sidecar: Json | None = None, key: bytes = b"") -> Path:
    """Keeps a document as an upload of this moment, and ingests it."""
    context = b"" if sidecar is None else json.dumps(sidecar).encode()
    _, path, _ = wired.uploads.keep(
        json.dumps(document).encode(), context, int(wired.now * 1e9), key
    )
    wired.ingest.scan()
    wired.now += 1
    return path


def prune_uploads(wired: Wired) -> int:
    """Does what the running exporter does each hour, then scans; returns the files removed."""
    before = wired.now - RETENTION_SECONDS
    sum(wired.ledger.prune(before))
    removed = sum(map(wired.uploads.remove, wired.ledger.old_uploads(UPLOADS_PREFIX, before)))
    wired.ingest.scan()
    return removed


def kept(wired: Wired) -> set[str]:
    """The names of all files in the folder of uploads."""
    return {path.name for path in wired.uploads.path.iterdir()}


def names(*paths: Path) -> set[str]:
    return {path.name for path in paths}


def rows(wired: Wired, table: str) -> int:
    """How many rows a table of the ledger has."""
    ((count,),) = wired.query(f"SELECT count(*) FROM {table}")  # noqa: S608  # the test names it
    return int(count)
