"""Which group_wait makes one message of a run's regressions: `python -m benchmarks.group_wait`.

One Prometheus sends each alert to several Alertmanagers, which differ in how long critical groups
wait. So all waits are compared on the same regressions. Everything is real and runs as processes
with this repository's configuration.
"""

import argparse
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import servers
from benchmarks.group_wait_stack import SEPARATE, Receiver, WaitStack, wait_stack
from benchmarks.regressing_suite import Suite
from benchmarks.report import RESULTS, Figure, percentile, progress, write
from benchmarks.servers import BenchmarkError

SEED = 17
WAITS_MS = (1000, 500, 250, 200, 100, 50, 0)
ONE_FILE, FILE_EACH = "one file", "a file each"
RESULTS_AT_ONCE = 200
SITUATIONS = {ONE_FILE: SEPARATE, FILE_EACH: ""}
DEADLINE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one Alertmanager made of the regressions of one run."""

    first_seconds: float  # from the last file to the first message
    sent_seconds: float  # from the evaluation to the first message
    is_one: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    options = _parser().parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    figures: list[Figure] = []
    try:
        for regressions in options.regressions:
            for files in SITUATIONS:
                figures += _measure(regressions, files, options)
    except BenchmarkError as error:
        print(f"benchmarks.group_wait: {error}", file=sys.stderr)
        return 1
    write(options.output, _command(options), figures)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.group_wait", description=__doc__)
    parser.add_argument(
        "--waits",
        type=int,
        nargs="+",
        default=WAITS_MS,
        metavar="MS",
        help="milliseconds that critical groups wait, one Alertmanager each (%(default)s)",
    )
    parser.add_argument(
        "--regressions",
        type=int,
        nargs="+",
        default=(20, 50, 100),
        metavar="N",
        help="results that a run makes worse (%(default)s)",
    )
    parser.add_argument(
        "--repeats", type=int, default=40, metavar="N", help="runs of each kind (%(default)s)"
    )
    parser.add_argument(
        "--interval",
        metavar="DURATION",
        help="how often rules on verdicts are evaluated, if not as configured",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "group_wait.md",
        metavar="FILE",
        help="file for the table (%(default)s)",
    )
    return parser


def _command(options: argparse.Namespace) -> str:
    words = [
        "python -m benchmarks.group_wait",
        f"--waits {' '.join(map(str, options.waits))}",
        f"--regressions {' '.join(map(str, options.regressions))}",
        f"--repeats={options.repeats}",
    ]
    return " ".join(words + ([f"--interval={options.interval}"] if options.interval else []))


def _measure(regressions: int, files: str, options: argparse.Namespace) -> list[Figure]:
    what = f"{regressions} regressions, {files}"
    progress(what)
    dice = random.Random(SEED)  # noqa: S311  # no secret
    outcomes: dict[int, list[Outcome]] = {wait: [] for wait in options.waits}
    evaluations = []
    # New programs have other phases of scrapes and evaluations, and no series of earlier rounds.
    rounds = max(1, RESULTS_AT_ONCE // regressions)
    for first in range(0, options.repeats, rounds):
        with (
            TemporaryDirectory(prefix="wait-", dir=servers.WORK) as name,
            wait_stack(Path(name), options.waits, options.interval, SITUATIONS[files]) as stack,
        ):
            for number in range(first, min(first + rounds, options.repeats)):
                suite = Suite(stack.results, f"round-{number}", regressions)
                suite.history()
                stack.until(partial(stack.has_suspects, suite.project, regressions), suite.project)
                time.sleep(dice.uniform(0.0, 1.0))  # not in step with what happens once a second
                began = suite.regress(one_file=files == ONE_FILE)
                for wait, receiver in stack.receivers.items():
                    outcomes[wait].append(_outcome(stack, receiver, suite, began))
                evaluations.append(stack.evaluation_seconds())
    figures = [Figure(f"{what}: evaluation of the rules, longest", max(evaluations), "s")]
    for wait, each in outcomes.items():
        figures += _figures(f"{what}, group_wait {wait} ms", each)
    return figures


def _figures(what: str, outcomes: Sequence[Outcome]) -> list[Figure]:
    first = [each.first_seconds for each in outcomes]
    sent = [each.sent_seconds for each in outcomes]
    figures = [
        Figure(
            f"{what}: in one message of {len(outcomes)}", sum(one.is_one for one in outcomes), ""
        ),
        Figure(f"{what}: file → message, p50", percentile(first, 50), "s"),
        Figure(f"{what}: file → message, p95", percentile(first, 95), "s"),
        Figure(f"{what}: evaluation → message, p50", percentile(sent, 50), "s"),
        Figure(f"{what}: evaluation → message, p95", percentile(sent, 95), "s"),
    ]
    progress(f"{what} {[round(f.value, 3) for f in figures]} {max(sent):.3f}")
    return figures


def _outcome(stack: WaitStack, receiver: Receiver, suite: Suite, began: float) -> Outcome:
    stack.until(
        lambda: bool(receiver.of(suite.project)), f"{suite.project}: a message", DEADLINE_SECONDS
    )
    first = receiver.of(suite.project)[0]
    return Outcome(first.at - began, first.at - first.began, first.says_all(suite.names))


if __name__ == "__main__":
    sys.exit(main())
