"""Measure how fast results are ingested: `python -m benchmarks.ingest`.

It is compared with pushes to Pushgateway.
"""

import argparse
import random
import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import documents, servers
from benchmarks.report import RESULTS, Figure, p50_and_p99, percentile, progress, write
from benchmarks.servers import BenchmarkError, Server, request
from stack.settings import StackError

SEED = 7
MEGABYTE = 10**6
_COUNTS = "SELECT name, sum(value) FROM counters WHERE name LIKE 'files_%' GROUP BY name"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    options = _parser().parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(prefix="ingest-", dir=servers.WORK) as folder:
            figures = _exporter(Path(folder), options)
        if options.peers:
            for check in (True, False):
                with TemporaryDirectory(prefix="pushgateway-", dir=servers.WORK) as folder:
                    figures.extend(
                        _pushgateway(Path(folder), options, figures[0], consistency_check=check)
                    )
    except (BenchmarkError, StackError) as error:
        print(f"benchmarks.ingest: {error}", file=sys.stderr)
        return 1
    write(
        options.output,
        f"python -m benchmarks.ingest --files={options.files} --singles={options.singles}",
        figures,
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument(
        "--files",
        type=int,
        default=20_000,
        metavar="N",
        help="result files to drop in one burst (%(default)s)",
    )
    parser.add_argument(
        "--benchmarks",
        type=int,
        default=20,
        metavar="N",
        help="benchmarks that the files are runs of (%(default)s)",
    )
    parser.add_argument(
        "--singles",
        type=int,
        default=200,
        metavar="N",
        help="files to drop one at a time (%(default)s)",
    )
    parser.add_argument(
        "--groups",
        type=int,
        default=1000,
        metavar="N",
        help="groups of 20 series in Pushgateway (%(default)s)",
    )
    parser.add_argument(
        "--push-seconds",
        type=float,
        default=10.0,
        metavar="S",
        help="time to push for each figure (%(default)s)",
    )
    parser.add_argument(
        "--peers",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also measure Pushgateway",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "ingest.md",
        metavar="FILE",
        help="file for the table (%(default)s)",
    )
    return parser


def _exporter(folder: Path, options: argparse.Namespace) -> list[Figure]:
    files = options.files
    progress(f"writing {files:,} result files to another folder")
    staged, results = folder / "staged", folder / "results"
    staged.mkdir()
    results.mkdir()
    for number in range(files):
        (staged / f"{number}.json").write_bytes(
            documents.perf_suite(f"project-{number % options.benchmarks}", number)
        )

    progress("dropping them all into a running exporter's folder")
    with servers.exporter(folder) as server:
        started = time.perf_counter()
        for number in range(files):
            (staged / f"{number}.json").rename(results / f"{number}.json")
        dropped_seconds = time.perf_counter() - started
        until_committed(folder / "ledger.sqlite3", files)
        burst_seconds = time.perf_counter() - started
        progress(f"dropping {options.singles} one at a time")
        latencies = [
            _drop_one(server, folder, files + number, random.Random(SEED + number))  # noqa: S311
            for number in range(options.singles)
        ]
        resident_bytes = server.process.memory_info().rss
    files += options.singles

    progress("restarting it with all files known")
    with servers.exporter(folder) as server:
        known_seconds = server.ready_seconds
    progress("starting it with no file known")
    for path in folder.glob("ledger.sqlite3*"):
        path.unlink()
    started = time.perf_counter()
    with servers.exporter(folder):
        until_committed(folder / "ledger.sqlite3", files)
        new_seconds = time.perf_counter() - started

    return [
        Figure(
            f"burst of {options.files:,} files, first drop to last commit",
            options.files / burst_seconds,
            "files/s",
            at_least=5000,
        ),
        Figure("the same, dropping alone", options.files / dropped_seconds, "files/s"),
        *p50_and_p99(
            f"file → /metrics, {options.singles} single files", latencies, p99_at_most_ms=200
        ),
        Figure(
            f"start with {files:,} files and no ledger, until all are committed",
            files / new_seconds,
            "files/s",
        ),
        Figure(f"start with {files:,} files, all known, until ready", known_seconds, "s"),
        Figure("resident memory after all this", resident_bytes / MEGABYTE, "MB"),
    ]


def until_committed(ledger: Path, files: int) -> None:
    """Wait until the ledger counts that many ingested files.

    Reading it does not block its writer (WAL).
    """
    deadline = time.perf_counter() + servers.DEADLINE_SECONDS
    connection = sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)
    try:
        while (counts := dict(connection.execute(_COUNTS))).get("files_ingested", 0) != files:
            if counts.keys() - {"files_ingested"} or time.perf_counter() > deadline:
                raise BenchmarkError(
                    f"{files} new files were dropped, but the ledger counts {counts}"
                )
            time.sleep(servers.WAIT_SECONDS)
    finally:
        connection.close()


def _drop_one(server: Server, folder: Path, number: int, dice: random.Random) -> float:
    """Return the seconds from a file's rename into the folder until its run is on /metrics."""
    path = folder / f"{number}.json"
    path.write_bytes(documents.perf_suite("single", number))
    wanted = f"}} {documents.timestamp_seconds(number)}\n".encode()
    connection = server.connect()
    time.sleep(dice.uniform(0.0, 0.2))  # not in step with the exporter's intervals
    started = time.perf_counter()
    path.rename(folder / "results" / path.name)
    while wanted not in request(connection, "/metrics?collect[]=state"):
        if time.perf_counter() - started > servers.DEADLINE_SECONDS:
            raise BenchmarkError(
                f"{path.name} is not on /metrics after {servers.DEADLINE_SECONDS:.0f} s"
            )
        time.sleep(servers.POLL_SECONDS)
    seconds = time.perf_counter() - started
    connection.close()
    return seconds


def _pushgateway(
    folder: Path, options: argparse.Namespace, ours: Figure, *, consistency_check: bool
) -> list[Figure]:
    kind = "with its consistency check" if consistency_check else "without its consistency check"
    progress(
        f"Pushgateway {kind}: {options.groups:,} groups, then pushes for {options.push_seconds:g} s"
    )
    servers.fill_pushgateway(folder, options.groups)
    dice, times = random.Random(SEED), list[float]()  # noqa: S311  # no secret
    with servers.pushgateway(folder, consistency_check=consistency_check) as server:
        connection = server.connect()
        started = time.perf_counter()
        while not times or time.perf_counter() - started < options.push_seconds:
            number = dice.randrange(options.groups)
            begun = time.perf_counter()
            servers.push(connection, number, dice.random())
            times.append(time.perf_counter() - begun)
        elapsed = time.perf_counter() - started
        connection.close()
    return [
        Figure(
            f"Pushgateway {kind}, {options.groups:,} groups, 1 connection",
            len(times) / elapsed,
            "pushes/s",
            ours=ours,
        ),
        Figure("the same, one push, p99", percentile(times, 99) * 1e3, "ms"),
    ]


if __name__ == "__main__":
    sys.exit(main())
