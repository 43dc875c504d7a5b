"""Measure the bytes that VictoriaMetrics needs for a sample: `python -m benchmarks.long_term_disk`.

A month of series is imported and merged. What Prometheus needs is of benchmarks/results/storage.md.
"""

import json
import random
import shutil
import sys
import time
from collections.abc import Iterator

from benchmarks.long_term_servers import Servers, running, wait_for
from benchmarks.report import RESULTS, Figure, progress, write
from benchmarks.servers import WORK, BenchmarkError
from stack.settings import StackError

SEED = 13
DAYS = 30
MINUTE_MS, HALF_MINUTE_MS = 60_000, 30_000
SERIES = 200
# A benchmark that runs once an hour: as often, a value changes.
RUN_SECONDS = 3600
MERGED_SECONDS = 300.0
# As Prometheus' blocks have them; benchmarks/results/storage.md.
PROMETHEUS = {"sparse": 0.401, "every 30 s": 0.651}


def main() -> int:
    """Measure, print and write the table; return the exit status."""
    WORK.mkdir(parents=True, exist_ok=True)
    try:
        with running(1) as servers:
            figures = bytes_a_sample(servers)
        shutil.rmtree(servers.folder)
    except (BenchmarkError, StackError) as error:
        print(f"benchmarks.long_term_disk: {error}", file=sys.stderr)
        return 1
    write(RESULTS / "long_term_disk.md", "python -m benchmarks.long_term_disk", figures)
    return 0


def bytes_a_sample(servers: Servers) -> list[Figure]:
    """Weigh a month of sparse series, whose values change, and of counters scraped every 30 s."""
    figures = []
    for kind, step_ms in (("sparse", MINUTE_MS), ("every 30 s", HALF_MINUTE_MS)):
        progress(f"a month of {SERIES} series, {kind}")
        servers.stop("victoriametrics")
        words = servers.commands["victoriametrics"]
        data = servers.folder / f"victoriametrics-{step_ms}"
        servers.commands = {
            **servers.commands,
            "victoriametrics": [
                f"-storageDataPath={data}" if word.startswith("-storageDataPath=") else word
                for word in words
            ],
        }
        servers.start("victoriametrics")
        wait_for(servers, "victoriametrics", "/health")
        samples = 0
        for line, count in _lines(step_ms):
            servers.request("victoriametrics", "/api/v1/import", "POST", line)
            samples += count
        stored = _merged(servers)
        figures += [
            Figure(f"{kind}: samples imported", samples, ""),
            Figure(f"{kind}: VictoriaMetrics, merged", stored / samples, "bytes a sample"),
            Figure(f"{kind}: Prometheus' blocks", PROMETHEUS[kind], "bytes a sample"),
        ]
    return figures


def _merged(servers: Servers) -> float:
    """The bytes of data and index once everything is one part a month."""
    servers.request("victoriametrics", "/internal/force_flush")
    servers.request("victoriametrics", "/internal/force_merge")
    deadline, before = time.monotonic() + MERGED_SECONDS, -1.0
    while time.monotonic() < deadline:
        time.sleep(5)
        merging = servers.metric("victoriametrics", "vm_active_force_merges")
        stored = servers.metric("victoriametrics", "vm_data_size_bytes")
        if not merging and stored == before:
            return stored
        before = stored
    raise BenchmarkError(f"the store still merges after {MERGED_SECONDS:g} s")


def _lines(step_ms: int) -> Iterator[tuple[bytes, int]]:
    """A line of VictoriaMetrics' import format for each series, and its samples.

    Half of them change at each run, like times, and half seldom, like states; of every 30 s, all
    are counts that grow with each run.
    """
    chance = random.Random(SEED)  # noqa: S311  # made-up measurements
    end = int(time.time() * 1000) // step_ms * step_ms
    for number in range(SERIES):
        offset = chance.randrange(step_ms)
        times = list(range(end - DAYS * 86_400_000 + offset, end, step_ms))
        value, values = 0.012, []
        for at in times:
            if (at // step_ms) % (RUN_SECONDS * 1000 // step_ms) == 0:
                if step_ms == HALF_MINUTE_MS:
                    value = round(value) + chance.randrange(20)
                elif number % 2 or chance.random() < 0.02:
                    value = chance.lognormvariate(-4.4, 0.02)
            values.append(value)
        metric = {"__name__": f"series_{number % 10}", "benchmark_name": f"suite/case-{number}"}
        document = {"metric": metric, "values": values, "timestamps": times}
        yield json.dumps(document).encode(), len(times)


if __name__ == "__main__":
    sys.exit(main())
