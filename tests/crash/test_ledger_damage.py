"""A damaged ledger is reported, set aside, and rebuilt from the results folder.

That holds for damage to any part of it, whenever it is found.
"""

import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmark_exporter.ledger.witnesses import NONCE_BYTES
from tests.support.killed import Process, drop_batch, undisturbed

REPORT = "the ledger is damaged: it was set aside and is being rebuilt from the results folder"
PAGE_BYTES = 4096
NOISE = random.Random(0)  # noqa: S311  # noise, not secrets


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Process]:
    """One that has ingested a batch and was stopped properly, so that the ledger is one file."""
    process = Process(tmp_path, free_port())
    drop_batch(process.results, 1)
    process.until(
        lambda: process.value('benchmark_exporter_files_ingested_total{format="pipeline"}') == 1
    )
    assert process.stop() == 0
    yield process
    if process.process.poll() is None:
        process.kill()


def assert_rebuilt(
    exporter: Process, folder: Path, damaged: bytes, part: slice = slice(None)
) -> None:
    exporter.until_shown(undisturbed(exporter.results, folder / "undisturbed"))
    assert exporter.logged(REPORT) == 1
    (aside,) = [
        path
        for path in folder.glob("ledger.sqlite3.damaged-*")
        if not path.name.endswith(("-wal", "-shm"))
    ]
    kept = aside.read_bytes()[part]
    differing = sum(one != other for one, other in zip(kept, damaged[part], strict=True))
    # The witnesses (ledger/witnesses.py), which are renewed before the damage is found.
    assert differing <= 2 * NONCE_BYTES
    assert str(aside) in exporter.log.read_text()


def not_a_database(ledger: bytes) -> bytes:
    return b"not a database, but long enough to be taken for one" * len(ledger)


def cut_off(ledger: bytes) -> bytes:
    return ledger[: len(ledger) // 2]


def first_page_lost(ledger: bytes) -> bytes:
    return b"\0" * PAGE_BYTES + ledger[PAGE_BYTES:]


def tables_overwritten(ledger: bytes) -> bytes:
    """All but the page that lists the tables."""
    return ledger[:PAGE_BYTES] + NOISE.randbytes(len(ledger) - PAGE_BYTES)


def counters_are_not_text(ledger: bytes) -> bytes:
    """SQLite does not check text, so only the reader can find this."""
    assert ledger.count(b'"nightly","pass"]') > 0
    return ledger.replace(b'"nightly","pass"]', b'"nightly","\xff\xff\xff\xff"]')


def counters_are_not_json(ledger: bytes) -> bytes:
    assert ledger.count(b'"nightly","pass"]') > 0
    return ledger.replace(b'"nightly","pass"]', b'"nightly","pass"}')


DAMAGES = [
    not_a_database,
    cut_off,
    first_page_lost,
    tables_overwritten,
    counters_are_not_text,
    counters_are_not_json,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_found_at_the_start(
    exporter: Process, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    damaged = damage(exporter.ledger.read_bytes())
    exporter.ledger.write_bytes(damaged)
    drop_batch(exporter.results, 2)
    exporter.start()
    assert_rebuilt(exporter, tmp_path, damaged)


def test_found_when_a_file_arrives(exporter: Process, tmp_path: Path) -> None:
    """What no scrape shows is not read at the start, but only when a document is looked up."""
    connection = sqlite3.connect(exporter.ledger)
    ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'documents'")
    connection.close()
    damaged = bytearray(exporter.ledger.read_bytes())
    damaged[(page - 1) * PAGE_BYTES : page * PAGE_BYTES] = NOISE.randbytes(PAGE_BYTES)
    exporter.ledger.write_bytes(damaged)
    exporter.start()
    assert exporter.logged(REPORT) == 0
    drop_batch(exporter.results, 2)
    # Until then, what is done in idle time may be stored elsewhere in it.
    assert_rebuilt(
        exporter, tmp_path, bytes(damaged), slice((page - 1) * PAGE_BYTES, page * PAGE_BYTES)
    )
