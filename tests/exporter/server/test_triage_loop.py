"""A level that is expected until a date, in a running exporter."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from benchmark_exporter.config import Config
from benchmark_exporter.ingest.triaging import TriageSelection, triage
from benchmark_exporter.ledger import Ledger
from benchmark_exporter.triage.rule import Saying
from tests.exporter.server.test_triage_door import API, started

UNTIL_SECONDS = 0.5


def test_it_ends_while_the_exporter_is_down(tmp_path: Path, free_port: Callable[[], int]) -> None:
    exporter = started(tmp_path, free_port())
    exporter.until(lambda: json.loads(exporter.get(API)))
    assert exporter.stop() == 0
    ledger, now = Ledger(tmp_path / "ledger.sqlite3"), time.time()
    with ledger.transaction() as transaction:
        saying = Saying("expected", "ann", now, until_seconds=now + UNTIL_SECONDS)
        triage(transaction, TriageSelection("parsing"), saying, Config().limits_for)
    ledger.close()
    time.sleep(max(now + UNTIL_SECONDS - time.time(), 0.0))  # its date has to come
    exporter.start()
    exporter.until(lambda: json.loads(exporter.get(API)) == [])
    exporter.until(lambda: "a level is expected no longer" in exporter.log.read_text())
    assert exporter.stop() == 0
