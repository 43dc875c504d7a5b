"""Measure what a backup costs, and how soon a month is restored: `python -m benchmarks.backup`.

A separate stack, as processes, gets a month of made-up runs of some benchmarks, and blocks of the
size that Prometheus has after a month. It is scraped for a while, backed up, destroyed (`make
clean`) and restored. The blocks are copies of one with random values, each under a time of its own:
their size is real, and so is the time to copy and to open them.
"""

import argparse
import json
import math
import random
import re
import resource
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark_exporter.commands.remote_write import Point, RemoteWriter
from benchmarks import servers
from benchmarks.alert_latency import own_stack
from benchmarks.report import RESULTS, Figure, progress, write
from benchmarks.servers import BenchmarkError, request
from stack.demo_documents import PerfSuiteBenchmark, perf_suite_document
from stack.settings import EXPORTER, PROMETHEUS, Settings, StackError

SEED = 17
DAYS = 27
# What Prometheus merges its blocks into at most: a tenth of the retention.
BLOCK_HOURS = 72
SERIES, SAMPLES_A_WRITE = 1_000, 60
BYTES_A_SAMPLE = 8
MEGABYTE = 10**6
BEFORE_SECONDS, AFTER_SECONDS = 20.0, 15.0
INGEST_SECONDS = 300.0
ULID = "01M{:023}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    options = _parser().parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(prefix="backup-", dir=servers.WORK) as name:
            folder = Path(name)
            block = _block(folder, options.megabytes)
            with own_stack(folder / "checkout") as settings:
                figures = _drill(settings, folder, block, options)
    except (BenchmarkError, StackError, OSError) as error:
        print(f"benchmarks.backup: {error}", file=sys.stderr)
        return 1
    words = f"--benchmarks={options.benchmarks} --megabytes={options.megabytes:g}"
    write(options.output, f"python -m benchmarks.backup {words}", figures)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backup", description=__doc__)
    parser.add_argument("--benchmarks", type=int, default=20, metavar="N", help="(%(default)s)")
    parser.add_argument(
        "--megabytes",
        type=float,
        default=500,
        metavar="MB",
        help="size of Prometheus' blocks (%(default)s)",
    )
    parser.add_argument("--output", type=Path, default=RESULTS / "backup.md", metavar="FILE")
    return parser


def _block(folder: Path, megabytes: float) -> Path:
    """Make a block with a share of the bytes, of random values."""
    progress("making a block of samples")
    dice = random.Random(SEED)  # noqa: S311  # no secret
    blocks = DAYS * 24 // BLOCK_HOURS
    seconds = round(megabytes * MEGABYTE / blocks / BYTES_A_SAMPLE / SERIES)
    # From the beginning of a block of two hours, so that all samples are in one.
    begin = int(time.time()) // 7200 * 7200 - 7200
    (folder / "prometheus").mkdir()
    names = [(("__name__", "filler"), ("series", str(number))) for number in range(SERIES)]
    with (
        servers.prometheus(folder / "prometheus") as server,
        RemoteWriter(f"http://127.0.0.1:{server.port}") as writer,
    ):
        for first in range(0, seconds, SAMPLES_A_WRITE):
            times = range(begin + first, begin + min(first + SAMPLES_A_WRITE, seconds))
            writer.write([Point(name, at * 1000, dice.random()) for at in times for name in names])
        connection = server.connect()
        answer = request(connection, "/api/v1/admin/tsdb/snapshot", method="POST")
        connection.close()
    snapshot: Path = folder / "prometheus/data/snapshots" / json.loads(answer)["data"]["name"]
    largest: Path = max(snapshot.iterdir(), key=_size)
    return largest


def _drill(
    settings: Settings, folder: Path, block: Path, options: argparse.Namespace
) -> list[Figure]:
    _command(settings, "down")
    data = settings.state_dir / "prometheus/data"
    end = int(time.time() - 86_400) // (BLOCK_HOURS * 3600) * BLOCK_HOURS * 3600
    for number in range(DAYS * 24 // BLOCK_HOURS):
        _place(block, data / ULID.format(number), end - number * BLOCK_HOURS * 3600)
    files = _write_runs(settings, options.benchmarks)
    _command(settings, "up")
    progress(f"ingesting {files:,} runs")
    _until_ingested(settings, files)
    time.sleep(BEFORE_SECONDS)
    progress("backing up")
    begun, cpu_before = time.time(), _cpu_seconds()
    _command(settings, "backup", "--to", str(folder / "backups"))
    ended, cpu_after = time.time(), _cpu_seconds()
    time.sleep(AFTER_SECONDS)
    figures = _cost(settings, begun, ended, cpu_after - cpu_before)
    (archive,) = (folder / "backups").iterdir()
    stored = _size(settings.state_dir / "prometheus") + _size(settings.state_dir / "exporter")
    progress("destroying and restoring")
    _command(settings, "clean", "--yes")
    begun = time.time()
    _command(settings, "restore", "--from", str(archive), "--yes")
    restored = time.time() - begun
    _until_ingested(settings, files)
    return [
        Figure("runs in the ledger", files, ""),
        Figure("stored: ledger and Prometheus", stored / MEGABYTE, "MB"),
        Figure("the backup", archive.stat().st_size / MEGABYTE, "MB"),
        *figures,
        Figure("restored, proven and answering", restored, "s", at_most=60),
    ]


def _place(block: Path, target: Path, max_seconds: int) -> None:
    """Copy a block under another name and time."""
    shutil.copytree(block, target)
    meta = json.loads((block / "meta.json").read_text(encoding="utf-8"))
    meta["ulid"] = target.name
    meta["minTime"], meta["maxTime"] = (max_seconds - BLOCK_HOURS * 3600) * 1000, max_seconds * 1000
    meta["compaction"] = {"level": 4, "sources": [target.name]}
    (target / "meta.json").write_text(json.dumps(meta), encoding="utf-8")


def _write_runs(settings: Settings, benchmarks: int) -> int:
    """Write one run of each benchmark for each hour of a month; return how many there are."""
    dice = random.Random(SEED)  # noqa: S311  # no secret
    aside = settings.results_dir / ".month"
    aside.mkdir(parents=True)
    now, count = datetime.now(UTC), 0
    for hour in range(30 * 24, 1, -1):
        for number in range(benchmarks):
            made = now - timedelta(hours=hour, seconds=number)
            benchmark = PerfSuiteBenchmark(f"month-{number}", 0.05, 1.0, 0.02)
            run = perf_suite_document(benchmark, f"{hour:07x}", made, dice.lognormvariate)
            (aside / f"run-{count:06}.json").write_text(json.dumps(run), encoding="utf-8")
            count += 1
    aside.rename(settings.results_dir / "month")
    return count


def _until_ingested(settings: Settings, files: int) -> None:
    deadline = time.monotonic() + INGEST_SECONDS
    name = "benchmark_exporter_files_ingested_total"
    while time.monotonic() < deadline:
        text = _get(EXPORTER.url(settings, "/metrics?collect[]=state")).decode()
        lines = (line for line in text.splitlines() if line.startswith(f"{name}{{"))
        if sum(float(line.rpartition(" ")[2]) for line in lines) == files:
            return
        time.sleep(0.5)
    raise BenchmarkError(f"not all of {files} files were ingested, each once")


def _cost(settings: Settings, begun: float, ended: float, cpu: float) -> list[Figure]:
    during, before = (begun, ended), (begun - BEFORE_SECONDS, begun)
    job = '{job="benchmark-exporter"}'
    ups = _samples(settings, f"up{job}", begun - BEFORE_SECONDS, ended + AFTER_SECONDS)
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(ups)]
    missed = sum(math.floor(gap - 0.5) for gap in gaps) + sum(1 for _, value in ups if not value)
    figures = [
        Figure("duration of the backup", ended - begun, "s"),
        Figure("CPU of the backup", cpu, "s"),
        Figure("scrapes of the exporter missed", missed, "", at_most=0),
        Figure("longest time between two scrapes", max(gaps), "s"),
    ]
    for what, (start, end) in (("before", before), ("during", during)):
        took = _samples(settings, f"scrape_duration_seconds{job}", start, max(end, start + 2))
        values = sorted(value for _, value in took)
        p99 = values[max(0, math.ceil(0.99 * len(values)) - 1)]
        figures.append(Figure(f"scrape {what}, p99 of {len(values)}", p99 * 1e3, "ms"))
    return figures


def _samples(
    settings: Settings, selector: str, start: float, end: float
) -> list[tuple[float, float]]:
    """Return the samples of the one series between two times: seconds since 1970, and value."""
    words = urllib.parse.urlencode(
        {"query": f"{selector}[{math.ceil(end - start)}s]", "time": f"{end:.3f}"}
    )
    answer = json.loads(_get(PROMETHEUS.url(settings, f"/api/v1/query?{words}")))
    (series,) = answer["data"]["result"]
    return [(float(at), float(value)) for at, value in series["values"]]


def _command(settings: Settings, *words: str) -> None:
    done = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-m", "stack", *words],
        cwd=settings.root,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchmarkError(f"the stack's {words[0]} failed: {done.stdout}{done.stderr}")
    for line in re.findall(r"(?m)^(wrote .*|restored .*)$", done.stdout):
        progress(line)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310  # our own address
        body: bytes = answer.read()
    return body


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    sys.exit(main())
