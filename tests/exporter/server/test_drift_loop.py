"""A drift in a running exporter, as a process: from the files to the metrics page and back."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.command import run
from tests.support.documents import result
from tests.support.process import Exporter

SERIES = 'benchmark_drift_ratio{benchmark_name="parsing",window="30d"}'
RUNS = 150


def test_a_running_exporter_shows_a_drift_after_its_first_scan_until_it_is_accepted(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    last = datetime.now(UTC).replace(microsecond=0)
    for number in range(RUNS):
        at = last - timedelta(hours=6 * (RUNS - number))
        steady = (1.0, 1.01, 0.99, 1.02, 0.98)[number % 5] * (1 + 0.001 * max(0, number - 70))
        document = result(number, {"parsing": steady})
        document |= {"timestamp": at.isoformat(), "run_id": f"run-{number}"}
        (results / f"{number}.json").write_text(json.dumps(document))
    exporter = Exporter(tmp_path, free_port())
    exporter.until(lambda: exporter.value(SERIES) is not None)
    found = exporter.value(SERIES)
    assert found is not None
    assert 0.05 < found < 0.08
    assert "gradually became worse" in exporter.log.read_text()
    ledger = f"--ledger={tmp_path / 'ledger.sqlite3'}"
    pinned = run("baseline", "set", f"run-{RUNS - 1}", "--version=v1", "--reason=known", ledger)
    assert pinned.returncode == 0, pinned.stderr
    exporter.until(lambda: exporter.value(SERIES) is None)
    assert exporter.stop() == 0, exporter.log.read_text()
