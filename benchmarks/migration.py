"""Measure the migration of an earlier version's ledger: `python -m benchmarks.migration`.

It is 0.5.0's fixture of tests/upgrades, grown by repetition.
"""

import argparse
import itertools
import resource
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from benchmark_exporter.ledger import Ledger
from benchmark_exporter.ledger.copies import SPACE_FACTOR
from benchmark_exporter.ledger.forecast import forecast
from benchmarks import servers
from benchmarks.grown_ledger import grow
from benchmarks.report import RESULTS, Figure, write
from tests.support.upgrades import unpack

SIZE_CHECK_SECONDS = 0.05
MEMORY_LIMIT_MB = 256  # of the exporter's container
FIXTURE = "0.5.0"


class Space:
    """The most that a folder's files take while this runs."""

    def __init__(self, folder: Path) -> None:
        self.bytes = 0
        self._folder = folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(SIZE_CHECK_SECONDS):
            try:
                used = sum(each.stat().st_size for each in self._folder.iterdir())
            except FileNotFoundError:  # renamed meanwhile
                continue
            self.bytes = max(self.bytes, used)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.migration", description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--output", type=Path, default=RESULTS / "migration.md")
    options = parser.parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="migration-", dir=servers.WORK) as folder:
        figures = _measure(Path(folder), options.runs)
    write(options.output, f"python -m benchmarks.migration --runs={options.runs}", figures)
    return 0


def _measure(folder: Path, runs: int) -> list[Figure]:
    earlier = unpack(FIXTURE, folder)
    total = grow(earlier.ledger, runs)
    size = earlier.ledger.stat().st_size
    expected = forecast(earlier.schema, size)
    notes = [time.monotonic()]
    with Space(folder) as space:
        started = time.monotonic()
        Ledger(earlier.ledger, note=lambda _: notes.append(time.monotonic())).close()
        seconds = time.monotonic() - started
    gaps = [after - before for before, after in itertools.pairwise(notes)]
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    what = f"ledger of {FIXTURE} with {total:,} runs, {size / 1e6:,.0f} MB"
    return [
        Figure(f"{what}: copied and migrated", seconds, "s"),
        Figure("the same, as upgrade-check forecasts it", expected.seconds, "s"),
        Figure("longest time without progress", max(gaps), "s", at_most=5.0),
        Figure(
            "further room on the disk, of the ledger's size",
            space.bytes / size - 1,
            "×",
            at_most=SPACE_FACTOR,
        ),
        Figure("resident memory of the process", memory_mb, "MB", at_most=0.7 * MEMORY_LIMIT_MB),
    ]


if __name__ == "__main__":
    sys.exit(main())
