"""An import beside a running exporter: neither loses anything, and the exporter shows it."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from sqlite3 import connect

from tests.support.action_history import DAY_SECONDS, history, times_of, write
from tests.support.documents import result
from tests.support.process import COMMAND, Exporter

ENTRIES, DROPPED = 1500, 30


def runs(ledger: Path) -> Counter[str]:
    """How many runs of each project are in a ledger."""
    with closing(connect(ledger)) as connection:
        return Counter(dict(connection.execute("SELECT project, count(*) FROM runs GROUP BY 1")))


def has_runs(ledger: Path, count: int) -> bool:
    return runs(ledger)["router"] == count


def test_what_is_dropped_and_what_is_imported_meanwhile_count_once(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    values = [100 + number % 7 for number in range(ENTRIES)]
    # Its last run was made within the time that /metrics shows.
    data = write(
        tmp_path / "data.js",
        history(Benchmark=times_of(values, time.time() - DAY_SECONDS, DAY_SECONDS / 4)),
    )
    exporter = Exporter(tmp_path, free_port())
    try:
        ledger = tmp_path / "ledger.sqlite3"
        words = ["import", f"--ledger={ledger}", "--ledger-only", str(data)]
        with subprocess.Popen([*COMMAND, *words], stderr=subprocess.DEVNULL) as importing:
            for number in range(DROPPED):
                document = result(number, {"live": 1.0 + number % 3})
                (exporter.results / f"{number}.json").write_text(json.dumps(document))
                exporter.until(partial(has_runs, ledger, number + 1))
            assert importing.wait(120) == 0
        exporter.until(
            lambda: exporter.value('benchmark_verdict{benchmark_name="bench_fib",state="ok"}') == 1
        )
        assert exporter.value("benchmark_exporter_ingest_failing") == 0
        assert exporter.value('benchmark_runs_total{project="orbit"}') == 0
        assert runs(ledger) == {"orbit": ENTRIES, "router": DROPPED}
        assert "error" not in exporter.log.read_text()
        assert exporter.stop() == 0
    finally:
        exporter.process.kill()
        exporter.process.wait()
