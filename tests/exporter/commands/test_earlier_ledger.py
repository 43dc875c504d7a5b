"""Commands do not migrate the ledger of an earlier version: its exporter may still be running."""

import json
from pathlib import Path

import pytest

from benchmark_exporter.ledger.schema import MIGRATIONS
from tests.support.command import run
from tests.support.documents import result
from tests.support.ledger_files import read_rows
from tests.support.upgrades import unpack


@pytest.mark.parametrize(
    "words",
    [
        ("baseline", "set", "1", "--version=v2"),
        ("delete", "--project", "cache"),
        ("rename", "parsing", "reading"),
        ("check", "--gate", "RESULT"),
        ("import", "--ledger-only", "RESULT"),
        ("history",),
        ("history", "--changes"),
        ("diff", "run:1", "run:2"),
        ("digest",),
        ("triage", "list"),
        ("backfill", "--dry-run"),
    ],
)
def test_an_earlier_ledger_is_refused_and_left_as_it_is(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    earlier = unpack("0.5.0", tmp_path)
    document = tmp_path / "result.json"
    document.write_text(json.dumps(result(1, {"parsing": 1.0})))
    named = [str(document) if word == "RESULT" else word for word in words]
    done = run(*named, f"--ledger={earlier.ledger}")
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"schema 1, this one reads {len(MIGRATIONS)}" in done.stderr
    assert "start `benchmark-exporter serve` of this version with it once" in done.stderr
    assert read_rows(earlier.ledger, "PRAGMA user_version") == [(1,)]
