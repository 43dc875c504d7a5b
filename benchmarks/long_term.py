"""Measure the long-term store, and its absence: `python -m benchmarks.long_term`.

Real servers on made-up load, that of so many benchmarks: first without remote write, then with it,
then with the store away (10 minutes by default), then until Prometheus has caught up. CPU time is
that of the processes, which do not depend on what else the machine does as much as times do.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.long_term_load import NAMES
from benchmarks.long_term_servers import SENT, Servers, running, wait_for
from benchmarks.report import RESULTS, Figure, progress, write
from benchmarks.servers import WORK, BenchmarkError
from stack.settings import StackError

SETTLE_SECONDS = 65.0  # each sparse series was there once
DEADLINE_SECONDS = 600.0
# Up to date is what was scraped this long ago: a batch is sent after 5 s at the latest.
CURRENT_SECONDS = 12.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    options = _parser().parse_args(arguments)
    WORK.mkdir(parents=True, exist_ok=True)
    try:
        with running(options.benchmarks) as servers:
            figures = _costs(servers, options.seconds) + _absence(servers, options.away)
        shutil.rmtree(servers.folder)
    except (BenchmarkError, StackError) as error:
        print(f"benchmarks.long_term: {error}", file=sys.stderr)
        return 1
    words = (
        f"--benchmarks={options.benchmarks} --seconds={options.seconds:g} --away={options.away:g}"
    )
    write(options.output, f"python -m benchmarks.long_term {words}", figures)
    return 1 if any(figure.missed for figure in figures) else 0


def _costs(servers: Servers, seconds: float) -> list[Figure]:
    """CPU of everything for a time without remote write, and with it; then memory."""
    time.sleep(SETTLE_SECONDS)
    progress("without remote write")
    before, appended = _cpu(servers, seconds)
    servers.write_to_store(is_on=True)
    time.sleep(SETTLE_SECONDS)
    progress("with remote write")
    after, written = _cpu(servers, seconds)
    rate, written_rate = appended / seconds, written / seconds
    sending = max(0.0, after["prometheus"] / written - before["prometheus"] / appended)
    series = servers.metric("prometheus", "prometheus_tsdb_head_series")
    stored = servers.query("vmauth", "count({__name__!=''})")
    memory = {name: process.memory_info().rss for name, process in servers.processes.items()}
    return [
        Figure("load: series", series, ""),
        Figure("load: samples a second", (rate + written_rate) / 2, ""),
        _microseconds("Prometheus without remote write", before["prometheus"], appended),
        Figure("Prometheus: remote write, in addition", sending * 1e6, "µs CPU a sample"),
        _microseconds("vmauth", after["vmauth"], written),
        _microseconds("VictoriaMetrics", after["victoriametrics"], written),
        Figure("VictoriaMetrics: series", stored, ""),
        *(
            Figure(f"{name}: memory", memory[part] / 1e6, "MB")
            for part, name in (
                ("prometheus", "Prometheus"),
                ("vmauth", "vmauth"),
                ("victoriametrics", "VictoriaMetrics"),
            )
        ),
    ]


def _absence(servers: Servers, seconds: float) -> list[Figure]:
    """The store away for a time, and what it takes to catch up."""
    progress(f"the store is away for {seconds:.0f} s")
    began, wal = time.time(), servers.wal_bytes()
    servers.stop("victoriametrics")
    cpu = servers.cpu_seconds()
    time.sleep(seconds)
    away = _difference(cpu, servers.cpu_seconds())
    grown, memory = servers.wal_bytes() - wal, servers.processes["prometheus"].memory_info().rss
    servers.start("victoriametrics")
    cpu, back = servers.cpu_seconds(), time.monotonic()
    wait_for(servers, "vmauth", "/api/v1/query?query=1")
    ready = time.monotonic() - back
    while servers.metric("prometheus", SENT) < time.time() - CURRENT_SECONDS:
        if time.monotonic() - back > DEADLINE_SECONDS:
            raise BenchmarkError(f"not caught up after {DEADLINE_SECONDS:g} s")
        time.sleep(0.1)
    caught_up = time.monotonic() - back
    used = _difference(cpu, servers.cpu_seconds())
    time.sleep(CURRENT_SECONDS * 2)
    end = time.time() - CURRENT_SECONDS
    here, there = (
        sum(
            servers.query(name, f"sum(count_over_time({metric}[{end - began:.0f}s]))", end)
            for metric in ("up", *NAMES)
        )
        for name in ("prometheus", "vmauth")
    )
    return [
        Figure("away", seconds, "s"),
        Figure("away: Prometheus", away["prometheus"] / seconds * 1e3, "ms CPU a second"),
        Figure("away: write-ahead log grew by", grown / 1e6, "MB"),
        Figure("away: memory of Prometheus", memory / 1e6, "MB"),
        Figure("back: the store answers after", ready, "s"),
        Figure("back: caught up after", caught_up, "s"),
        Figure("back: Prometheus until then", used["prometheus"], "s CPU"),
        Figure("back: vmauth until then", used["vmauth"], "s CPU"),
        Figure("back: VictoriaMetrics until then", used["victoriametrics"], "s CPU"),
        Figure("samples of the absence in Prometheus", here, ""),
        Figure("of these missing in the store", here - there, "", at_most=0),
        Figure(
            "samples that the store refused",
            servers.metric("prometheus", "prometheus_remote_storage_samples_failed_total"),
            "",
            at_most=0,
        ),
    ]


def _cpu(servers: Servers, seconds: float) -> tuple[dict[str, float], float]:
    """The CPU time of each process, and the samples that Prometheus took, within a time."""
    appended = "prometheus_tsdb_head_samples_appended_total"
    cpu, samples = servers.cpu_seconds(), servers.metric("prometheus", appended)
    time.sleep(seconds)
    return (
        _difference(cpu, servers.cpu_seconds()),
        servers.metric("prometheus", appended) - samples,
    )


def _difference(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}


def _microseconds(what: str, seconds: float, samples: float) -> Figure:
    return Figure(what, seconds / samples * 1e6, "µs CPU a sample")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure the long-term store and its absence.")
    parser.add_argument("--benchmarks", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=180, help="of each measurement of CPU")
    parser.add_argument("--away", type=float, default=600, help="seconds without the store")
    parser.add_argument("--output", type=Path, default=RESULTS / "long_term.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
