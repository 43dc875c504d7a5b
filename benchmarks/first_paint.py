"""Measure when Chromium first shows a page's content: `python -m benchmarks.first_paint`.

An exporter has 5,000 benchmarks, and each page is loaded in turn, with nothing cached.
`--against FOLDER` has the exporter of another checkout, with the same ledger, load them too.
"""

import argparse
import json
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright

from benchmarks import servers
from benchmarks.report import RESULTS, Figure, progress, write
from benchmarks.servers import GZIP, BenchmarkError, Server, free_port, request
from stack.settings import ROOT
from tests.support.chromium import CHROMIUM, FLAGS
from tests.support.many_benchmarks import HISTORY_RUNS, Suites, put

BENCHMARKS, SLOW_EACH = 5_000, 61
AT_MOST_MS = 300.0
PATHS = {"the list": "benchmarks", "the start page": "", "the live page": "live"}
_FIRST_PAINT = """() => new Promise(found => {
  const look = () => {
    const [entry] = performance.getEntriesByName("first-contentful-paint");
    if (entry) found(entry.startTime); else setTimeout(look, 20);
  };
  look();
})"""


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of a running exporter."""

    server: Server
    stream_port: int

    def address(self, page: str) -> str:
        """The address of one of PATHS."""
        port = self.stream_port if page == "the live page" else self.server.port
        return f"http://127.0.0.1:{port}/{PATHS[page]}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    options = _parser().parse_args(arguments)
    if CHROMIUM is None:
        print("no chromium on PATH; Debian and Ubuntu have it as a package", file=sys.stderr)
        return 2
    servers.WORK.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=servers.WORK) as name, ExitStack() as stack:
        folder = Path(name)
        _ingest(folder / "ledger", options.benchmarks)
        checkouts = [ROOT, options.against] if options.against else [ROOT]
        every = [stack.enter_context(_started(folder, each)) for each in checkouts]
        paints = _first_paints(every, options.loads)
        cpu_ms = [_cpu_ms(each, options.loads) for each in every]
        memory_mb = [each.server.process.memory_info().rss / 1e6 for each in every]
    figures = list(_figures(paints, cpu_ms, memory_mb))
    command = f"python -m benchmarks.first_paint --benchmarks={options.benchmarks}"
    write(options.output, f"{command} --loads={options.loads}", figures)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_paint", description=__doc__)
    add = parser.add_argument
    add("--benchmarks", type=int, default=BENCHMARKS, metavar="N", help="how many (%(default)s)")
    add("--loads", type=int, default=20, metavar="N", help="of each page (%(default)s)")
    add("--against", type=Path, metavar="FOLDER", help="another checkout")
    output = RESULTS / "first_paint.md"
    add("--output", type=Path, default=output, metavar="FILE", help="(%(default)s)")
    return parser


def _ingest(folder: Path, benchmarks: int) -> None:
    """Make a ledger in which the newest runs of every SLOW_EACH-th benchmark are worse."""
    (folder / "results").mkdir(parents=True)
    suites = Suites(benchmarks, seed=1)
    slow = frozenset(f"case/{number:05}" for number in range(0, benchmarks, SLOW_EACH))
    documents = [
        document
        for number in range(HISTORY_RUNS + 2)
        for document in suites.run(number, slow if number >= HISTORY_RUNS else ())
    ]
    for number, document in enumerate(documents):
        put(folder / "results", f"run-{number:03}", document)
    progress(f"ingesting {len(documents)} documents of {benchmarks} benchmarks")
    with servers.exporter(folder) as server:
        connection = server.connect()
        ends = time.monotonic() + servers.DEADLINE_SECONDS
        while (runs := len(_runs(connection))) < len(documents):
            if time.monotonic() > ends:
                raise BenchmarkError(f"only {runs} of {len(documents)} documents were ingested")
            time.sleep(1.0)
        connection.close()


def _runs(connection: HTTPConnection) -> Sequence[object]:
    path = "/api/v1/runs?limit=500"
    runs: Sequence[object] = json.loads(request(connection, path))["runs"]
    return runs


@contextmanager
def _started(folder: Path, checkout: Path) -> Iterator[Pages]:
    """Run the exporter of a checkout on a copy of the ledger."""
    copy = folder / f"copy-{len(list(folder.iterdir()))}"
    shutil.copytree(folder / "ledger", copy)
    stream_port = free_port()
    source = f"PYTHONPATH={checkout.resolve() / 'exporter'}"
    program = ("env", source, sys.executable, "-m", "benchmark_exporter")
    with servers.exporter(copy, stream_port, program=program) as server:
        yield Pages(server, stream_port)


def _first_paints(every: Sequence[Pages], loads: int) -> Mapping[tuple[str, int], list[float]]:
    """The first contentful paints in ms of each page of each exporter, in turn."""
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        # The browser's own first load of a page is not the page's.
        for number in range(loads + 1):
            progress(f"load {number} of {loads}")
            for page in PATHS:
                for which, pages in enumerate(every):
                    milliseconds = _first_paint(browser, pages.address(page))
                    if number:
                        found[page, which].append(milliseconds)
        browser.close()
    return found


def _first_paint(browser: Browser, address: str) -> float:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(address)
    milliseconds = float(page.evaluate(_FIRST_PAINT))
    context.close()
    return milliseconds


def _cpu_ms(pages: Pages, requests: int) -> float:
    """The CPU time of the process for a request for the list."""
    connection, process = pages.server.connect(), pages.server.process
    before = process.cpu_times()
    for _ in range(requests):
        request(connection, f"/{PATHS['the list']}", GZIP)
    after = process.cpu_times()
    connection.close()
    return (after.user + after.system - before.user - before.system) / requests * 1e3


def _figures(
    paints: Mapping[tuple[str, int], Sequence[float]],
    cpu_ms: Sequence[float],
    memory_mb: Sequence[float],
) -> Iterator[Figure]:
    others = range(1, len(cpu_ms))
    for page in PATHS:
        middle = Figure(f"{page}: first content, median", median(paints[page, 0]), "ms")
        yield middle
        most = max(paints[page, 0])
        yield Figure(f"{page}: first content, at most", most, "ms", at_most=AT_MOST_MS)
        for each in others:
            value = median(paints[page, each])
            yield Figure(f"the other checkout: {page}, median", value, "ms", ours=middle)
    for what, unit, values in (
        ("CPU of the exporter for the list", "ms", cpu_ms),
        ("resident memory of the exporter after all loads", "MB", memory_mb),
    ):
        ours = Figure(what, values[0], unit)
        yield ours
        for each in others:
            yield Figure(f"the other checkout: {what}", values[each], unit, ours=ours)


if __name__ == "__main__":
    sys.exit(main())
