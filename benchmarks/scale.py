"""Measure what many benchmarks cost: `python -m benchmarks.scale`.

The exporter, of this checkout or of several, gets result files at an even rate while it is scraped
as Prometheus does. Pushgateway and node_exporter's textfile collector get the same figures.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import scale_exporter, scale_peers, servers
from benchmarks.report import RESULTS, progress
from benchmarks.scale_dropping import FORMATS
from benchmarks.scale_report import Outcome, write
from benchmarks.scale_version import Version, this_version, version
from benchmarks.servers import BenchmarkError
from stack.settings import StackError


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write the tables and the picture; return the exit status."""
    options = _parser().parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGINT, signal.SIGTERM):  # both end what was started
        signal.signal(number, signal.default_int_handler)
    try:
        outcome = _measure(options)
    except (BenchmarkError, StackError) as error:
        print(f"benchmarks.scale: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("benchmarks.scale: interrupted; nothing was written", file=sys.stderr)
        return 130
    numbers = ",".join(str(number) for number in options.benchmarks)
    words = (
        f"python -m benchmarks.scale --benchmarks={numbers} --seconds={options.seconds:g} "
        f"--rate={options.rate:g} --ledger-runs={options.ledger_runs}"
    )
    write(options.output, words, outcome, options.rate)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument(
        "--benchmarks",
        type=_numbers,
        default=(5, 50, 500, 5000),
        metavar="N,…",
        help="numbers of benchmarks to measure (5,50,500,5000)",
    )
    parser.add_argument(
        "--seconds",
        type=_positive,
        default=10.0,
        metavar="S",
        help="length of each measurement; two for an exporter, three for a peer (%(default)s)",
    )
    _add_idle_seconds(parser)
    parser.add_argument(
        "--rate",
        type=_positive,
        default=10.0,
        metavar="R",
        help="result files or pushes a second (%(default)s)",
    )
    parser.add_argument(
        "--ledger-runs",
        type=int,
        default=1_000_000,
        metavar="N",
        help="runs in the ledger whose start is measured; 0 leaves this out (%(default)s)",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        action="append",
        help="measure with documents of this shape; may be repeated (all)",
    )
    parser.add_argument(
        "--exporter",
        type=_version,
        action="append",
        metavar="NAME=PATH",
        help="measure the exporter of this checkout; may be repeated, for a comparison in turn "
        "(this checkout)",
    )
    parser.add_argument(
        "--peers",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also measure Pushgateway and node_exporter",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "scale.md",
        metavar="FILE",
        help="file for the tables; the picture is next to it, as .svg (%(default)s)",
    )
    return parser


def _add_idle_seconds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--idle-seconds",
        type=_positive,
        default=60.0,
        metavar="S",
        help="how long an exporter is only scraped; the slow job every 30 s (%(default)s)",
    )


def _numbers(text: str) -> tuple[int, ...]:
    numbers = sorted({int(word) for word in text.split(",")})
    if numbers[0] < 1:
        raise argparse.ArgumentTypeError("numbers of benchmarks must be at least 1")
    return tuple(numbers)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} must be a number above 0")
    return value


def _version(text: str) -> Version:
    name, separator, path = text.partition("=")
    if not (name and separator and path):
        raise argparse.ArgumentTypeError(f"{text!r} must be NAME=PATH")
    try:
        return version(name, Path(path))
    except BenchmarkError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _measure(options: argparse.Namespace) -> Outcome:
    versions: list[Version] = options.exporter or [this_version()]
    if len({each.name for each in versions}) < len(versions):
        raise BenchmarkError("the exporters' names must differ")
    outcome = Outcome(tuple(each.name for each in versions))
    for number in options.benchmarks:
        # One after the other, version by version, so that each has the same machine.
        for document_format in options.format or FORMATS:
            for each in versions:
                progress(f"{number:,} benchmarks: exporter ({each.name}), {document_format}")
                with _folder() as folder:
                    outcome.exporters[each.name, document_format, number] = scale_exporter.measure(
                        each,
                        Path(folder),
                        number,
                        document_format,
                        rate=options.rate,
                        seconds=options.seconds,
                        idle_seconds=options.idle_seconds,
                    )
        for name, measure in _peers(number, options.rate, options.seconds) if options.peers else ():
            progress(f"{number:,} benchmarks: {name}")
            with _folder() as folder:
                outcome.peers[name, number] = measure(Path(folder))
    most = max(options.benchmarks)
    for each in versions if options.ledger_runs else ():
        progress(f"{options.ledger_runs:,} runs in the ledger: exporter ({each.name})")
        with _folder() as folder:
            outcome.ledger_starts[each.name] = scale_exporter.ledger_start(
                each, Path(folder), most, options.ledger_runs
            )
    return outcome


def _peers(
    number: int, rate: float, seconds: float
) -> Iterator[tuple[str, Callable[[Path], scale_exporter.Cost]]]:
    for check in (True, False):
        name = f"Pushgateway {'with' if check else 'without'} its check"
        pushgateway = partial(scale_peers.pushgateway, consistency_check=check)
        yield name, partial(pushgateway, benchmarks=number, rate=rate, seconds=seconds)
    textfile_collector = partial(
        scale_peers.textfile_collector, benchmarks=number, rate=rate, seconds=seconds
    )
    yield "textfile collector", textfile_collector


def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="scale-", dir=servers.WORK)


if __name__ == "__main__":
    sys.exit(main())
