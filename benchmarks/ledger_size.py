"""Measure how large the ledger gets: `python -m benchmarks.ledger_size`."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import documents, servers
from benchmarks.ingest import until_committed
from benchmarks.report import RESULTS, Figure, progress, write
from benchmarks.servers import BenchmarkError

FIRST_RUN = datetime(2026, 1, 1, tzinfo=UTC)
RESULTS_OF_A_LARGE_RUN = 20
SAMPLES = 5
KILOBYTE = 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger_size", description=__doc__)
    parser.add_argument(
        "--runs", type=int, default=10_000, metavar="N", help="runs to ingest (%(default)s)"
    )
    parser.add_argument("--output", type=Path, default=RESULTS / "ledger_size.md", metavar="FILE")
    options = parser.parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    large = RESULTS_OF_A_LARGE_RUN
    try:
        figures = [
            *_measured("runs of 2 results and a comparison", options.runs, _small),
            *_measured(f"runs of {large} results", options.runs, _large),
        ]
    except BenchmarkError as error:
        print(f"benchmarks.ledger_size: {error}", file=sys.stderr)
        return 1
    write(options.output, f"python -m benchmarks.ledger_size --runs={options.runs}", figures)
    return 0


def _measured(what: str, runs: int, document: Callable[[int], bytes]) -> list[Figure]:
    """How much the ledger grows by the second half of the runs, when all series are known."""
    with TemporaryDirectory(prefix="ledger-size-", dir=servers.WORK) as name:
        folder, sizes = Path(name), []
        ledger = folder / "ledger.sqlite3"
        for begin, end in ((0, runs // 2), (runs // 2, runs)):
            progress(f"{what}: {end:,}")
            with servers.exporter(folder):
                for number in range(begin, end):
                    part = folder / "part"
                    part.write_bytes(document(number))
                    part.rename(folder / f"results/{number}.json")
                until_committed(ledger, end)
            # Its end has moved the write-ahead log into the file.
            sizes.append(ledger.stat().st_size)
        files = sum(path.stat().st_size for path in (folder / "results").iterdir())
    each = (sizes[1] - sizes[0]) / (runs - runs // 2)
    return [
        Figure(f"{what}: ledger", each / KILOBYTE, "kB a run"),
        Figure(f"{what}: result files, which stay in their folder", files / runs / KILOBYTE, "kB"),
    ]


def _small(number: int) -> bytes:
    return documents.perf_suite(f"project-{number % 20}", number)


def _large(number: int) -> bytes:
    results = [
        {
            "benchmark": f"suite-{number % 20}/case-{each}",
            "samples": [1e-3 * (1 + number % 7 / 100 + sample / 1000) for sample in range(SAMPLES)],
        }
        for each in range(RESULTS_OF_A_LARGE_RUN)
    ]
    time = FIRST_RUN + timedelta(seconds=number)
    return json.dumps(
        {
            "schema": "strataregula.result/1",
            "run_id": str(number),
            "timestamp": time.isoformat(),
            "project": f"project-{number % 20}",
            "commit": f"{number // 50:07x}",
            "results": results,
        }
    ).encode()


if __name__ == "__main__":
    sys.exit(main())
