"""Count which confirmed regressions reach a receiver: `python -m benchmarks.delivery`.

Each of several situations ends a regression, or hides it, before Prometheus can see it. The
exporter, Prometheus and Alertmanager are real, and run as processes with this repository's
configuration.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark_exporter.config import Config
from benchmarks import servers
from benchmarks.delivery_benchmarks import add_benchmarks
from benchmarks.delivery_situations import Runs, Situation, situations, write_histories
from benchmarks.delivery_stack import DeliveryStack, own_stack
from benchmarks.report import RESULTS, Figure, percentile, progress, write
from benchmarks.servers import BenchmarkError

PASSED = "It has already passed, since commit"
# Alerts are sent and end in groups, every 10 s; a regression is shown for 30 s.
REPORTED_SECONDS, RESOLVED_SECONDS = 60.0, 120.0
COUNTED_SECONDS = 15.0  # A new counter is held at 0 for 2.5 s.


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    options = _parser().parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(prefix="delivery-", dir=servers.WORK) as name:
            folder, least_seconds = Path(name), options.least_seconds
            config = f"regression_least_seconds: {least_seconds}\n"
            (folder / servers.CONFIG).write_text(config, encoding="utf-8")
            source = add_benchmarks(folder, options.benchmarks)
            with own_stack(folder, source) as stack:
                figures = measure(stack, options.repeats, options.down_seconds)
    except BenchmarkError as error:
        print(f"benchmarks.delivery: {error}", file=sys.stderr)
        return 1
    command = (
        f"python -m benchmarks.delivery --repeats={options.repeats} "
        f"--down-seconds={options.down_seconds:g} --least-seconds={options.least_seconds:g} "
        f"--benchmarks={options.benchmarks}"
    )
    write(options.output, command, figures)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.delivery", description=__doc__)
    parser.add_argument(
        "--repeats",
        type=int,
        default=30,
        metavar="N",
        help="regressions in each situation, each of a result of its own (%(default)s)",
    )
    parser.add_argument(
        "--down-seconds",
        type=float,
        default=120.0,
        metavar="S",
        help="how long Prometheus is down (%(default)s)",
    )
    parser.add_argument(
        "--least-seconds",
        type=float,
        default=Config().regression_least_seconds,
        metavar="S",
        help="the exporter's regression_least_seconds (%(default)g)",
    )
    parser.add_argument(
        "--benchmarks",
        type=int,
        default=0,
        metavar="N",
        help="how many other benchmarks there are (%(default)s)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "delivery.md",
        metavar="FILE",
        help="file for the table (%(default)s)",
    )
    return parser


def measure(stack: DeliveryStack, repeats: int, down_seconds: float) -> list[Figure]:
    """Cause the regressions of each situation, and return what became of them."""
    runs = Runs(stack.folder / "results")
    all_situations = situations(runs, down_seconds)
    names = [
        [f"result-{number}-{each}" for each in range(repeats)]
        for number in range(len(all_situations))
    ]
    commits = {
        name: situation.good_commit(name)
        for situation, of_situation in zip(all_situations, names, strict=True)
        for name in of_situation
    }
    write_histories(stack, runs, commits)
    figures = []
    for situation, of_situation in zip(all_situations, names, strict=True):
        progress(f"{repeats} regressions: {situation.name}")
        figures += _one_situation(stack, situation, of_situation)
    return figures


def has_passed(stack: DeliveryStack, name: str, status: str) -> bool:
    """Return whether the first message of a status says that it passed, and with which commit."""
    found = stack.received.first(name, status)
    return found is not None and f"{PASSED} {name}-fixed." in found[1]["annotations"]["description"]


def _one_situation(
    stack: DeliveryStack, situation: Situation, names: Sequence[str]
) -> list[Figure]:
    began = situation.cause(stack, names)
    received = stack.received
    _wait(lambda: all(received.first(name, "firing") for name in names), REPORTED_SECONDS)
    firing = [
        found[0] - at
        for name, at in zip(names, began, strict=True)
        if (found := received.first(name, "firing")) is not None
    ]
    what = situation.name
    figures = [Figure(f"{what}: reported", len(firing), "", at_least=len(names))]
    if firing:
        figures += [
            Figure(f"{what}: after, p50", percentile(firing, 50), "s"),
            Figure(f"{what}: after, worst", max(firing), "s", at_most=REPORTED_SECONDS),
        ]
    if situation.passes:
        _wait(lambda: all(received.first(name, "resolved") for name in names), RESOLVED_SECONDS)
        passed = sum(has_passed(stack, name, "resolved") for name in names)
        figures.append(Figure(f"{what}: resolved with the commit", passed, "", at_least=len(names)))
    _wait(lambda: len(_counted(stack, names)) == len(names), COUNTED_SECONDS)
    seen = len(_counted(stack, names))
    figures.append(Figure(f"{what}: seen by increase()", seen, "", at_least=len(names)))
    return figures


def _counted(stack: DeliveryStack, names: Sequence[str]) -> set[str]:
    """Return those of which Prometheus has seen the counter increase."""
    found = stack.query(
        'increase(performance_regression_detected_total{severity="critical"}[10m]) > 0'
    )
    return {series["metric"]["benchmark_name"] for series in found}.intersection(names)


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    """Wait for a condition, but no longer."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
