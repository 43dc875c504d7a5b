"""Count which confirmed regressions reach a receiver: `python -m benchmarks.delivery`.

Each of several situations ends a regression, or hides it, before Prometheus can see it. The
exporter, Prometheus and Alertmanager are real, and run as processes with this repository's
configuration.
"""

import argparse
import json
import random
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark_exporter.config import Config
from benchmark_exporter.regression import Limits
from benchmarks import servers
from benchmarks.delivery_stack import EXPORTER, PROMETHEUS, DeliveryStack, own_stack, until
from benchmarks.report import RESULTS, Figure, percentile, progress, write
from benchmarks.servers import BenchmarkError

SEED = 13
PROJECT = "delivery"
STEADY_RUNS = Limits().least_runs + 4
# The second of two such runs in a row is critical.
STEADY_MS, SLOW_MS = 10.0, 20.0
BATCH_FILES = 1000
PASSED = "It has already passed, since commit"
# Alerts are sent and end in groups, every 10 s; a regression is shown for 30 s.
REPORTED_SECONDS, RESOLVED_SECONDS = 60.0, 120.0
COUNTED_SECONDS = 15.0  # A new counter is held at 0 for 2.5 s.


@dataclass(frozen=True, slots=True)
class Situation:
    """How regressions come: `cause` makes those of the names and returns when each began.

    That is in seconds since 1970, or when the part that was down responded again. All in one group
    have the same last good commit, so Alertmanager notifies of them together.
    """

    name: str
    cause: Callable[[DeliveryStack, Sequence[str]], Sequence[float]]
    passes: bool = True
    in_one_group: bool = False

    def good_commit(self, name: str) -> str:
        """Return the commit of the history of a result."""
        return "good" if self.in_one_group else f"{name}-good"


class Runs:
    """Writes runs into the results folder, each a minute after the one before it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._began = datetime.now(UTC) - timedelta(days=2)

    def document(self, name: str, milliseconds: float, commit: str) -> str:
        """Return the document of the next run."""
        self._count += 1
        at = self._began + timedelta(seconds=self._count)
        return json.dumps(
            {
                "schema": "strataregula.result/1",
                "timestamp": at.isoformat(),
                "project": PROJECT,
                "environment": "ci",
                "commit": commit,
                "results": [{"benchmark": name, "unit": "milliseconds", "samples": [milliseconds]}],
            }
        )

    def drop(self, name: str, milliseconds: float, commit: str) -> None:
        """Write the next run, whole or not at all."""
        document = self.document(name, milliseconds, commit)
        part = self._folder / f"{self._count}.part"
        part.write_text(document, encoding="utf-8")
        part.rename(part.with_suffix(".json"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    options = _parser().parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(prefix="delivery-", dir=servers.WORK) as name:
            folder, least_seconds = Path(name), options.least_seconds
            config = f"regression_least_seconds: {least_seconds}\n"
            (folder / servers.CONFIG).write_text(config, encoding="utf-8")
            with own_stack(folder) as stack:
                figures = measure(stack, options.repeats, options.down_seconds)
    except BenchmarkError as error:
        print(f"benchmarks.delivery: {error}", file=sys.stderr)
        return 1
    command = (
        f"python -m benchmarks.delivery --repeats={options.repeats} "
        f"--down-seconds={options.down_seconds:g} --least-seconds={options.least_seconds:g}"
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
        "--output",
        type=Path,
        default=RESULTS / "delivery.md",
        metavar="FILE",
        help="file for the table (%(default)s)",
    )
    return parser


def situations(runs: Runs, down_seconds: float) -> Sequence[Situation]:
    """Return all of them."""
    dice = random.Random(SEED)  # noqa: S311  # no secret

    def followed_by_a_good_run(_: DeliveryStack, names: Sequence[str]) -> Sequence[float]:
        began = []
        for name in names:
            time.sleep(dice.uniform(0.3, 1.0))  # not in step with the scrapes
            began.append(time.time())
            runs.drop(name, SLOW_MS, f"{name}-worse")
            time.sleep(0.3)
            runs.drop(name, STEADY_MS, f"{name}-fixed")
        return began

    def exporter_down(stack: DeliveryStack, names: Sequence[str]) -> Sequence[float]:
        stack.stop(EXPORTER)
        _drop_both(runs, names)
        stack.start(EXPORTER)
        return [time.time()] * len(names)

    def prometheus_down(stack: DeliveryStack, names: Sequence[str]) -> Sequence[float]:
        stack.stop(PROMETHEUS)
        _drop_both(runs, names)
        time.sleep(down_seconds)
        stack.start(PROMETHEUS)
        return [time.time()] * len(names)

    def batch(stack: DeliveryStack, names: Sequence[str]) -> Sequence[float]:
        fill = (BATCH_FILES - 2 * len(names)) // 2
        documents = [runs.document("fill", STEADY_MS, "fill") for _ in range(fill)]
        for name in names:
            documents.append(runs.document(name, SLOW_MS, f"{name}-worse"))
            documents.append(runs.document(name, STEADY_MS, f"{name}-fixed"))
        documents += [runs.document("fill", STEADY_MS, "fill") for _ in range(fill)]
        folder = stack.folder / "batch"
        folder.mkdir()
        for number, document in enumerate(documents):
            (folder / f"{number}.json").write_text(document, encoding="utf-8")
        began = time.time()
        folder.rename(stack.folder / "results" / "batch")
        return [began] * len(names)

    def stays(_: DeliveryStack, names: Sequence[str]) -> Sequence[float]:
        began = []
        for name in names:
            time.sleep(dice.uniform(0.3, 1.0))
            began.append(time.time())
            runs.drop(name, SLOW_MS, f"{name}-worse")
        return began

    return (
        Situation("a good run 0.3 s later", followed_by_a_good_run),
        Situation(
            "a good run 0.3 s later, in a group just notified",
            followed_by_a_good_run,
            in_one_group=True,
        ),
        Situation("both runs came while the exporter was down", exporter_down),
        Situation(f"both came in {down_seconds:g} s without Prometheus", prometheus_down),
        Situation(f"both in one batch of {BATCH_FILES} files", batch),
        Situation("no good run", stays, passes=False),
    )


def _drop_both(runs: Runs, names: Sequence[str]) -> None:
    for name in names:
        runs.drop(name, SLOW_MS, f"{name}-worse")
    for name in names:
        runs.drop(name, STEADY_MS, f"{name}-fixed")


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


def write_histories(stack: DeliveryStack, runs: Runs, commits: Mapping[str, str]) -> None:
    """Give each result a history of a commit, after which the next slow run is critical.

    Raises:
        BenchmarkError: the exporter does not ingest it, or Prometheus does not scrape the exporter.
    """
    progress(f"histories of {len(commits)} results")
    for number in range(STEADY_RUNS):
        for name, commit in commits.items():
            runs.drop(name, STEADY_MS * (1, 1.01, 0.99)[number % 3], commit)
    for name in commits:
        runs.drop(name, SLOW_MS, f"{name}-suspect")
    until(lambda: _suspects(stack.exposition()) == len(commits), "the histories", 300.0)
    until(lambda: bool(stack.query('up{job="benchmark-exporter"} == 1')), "a scrape", 60.0)


def has_passed(stack: DeliveryStack, name: str, status: str) -> bool:
    """Return whether the first message of a status says that it passed, and with which commit."""
    found = stack.received.first(name, status)
    return found is not None and f"{PASSED} {name}-fixed." in found[1]["annotations"]["description"]


def _suspects(exposition: str) -> int:
    return len(re.findall(r'^benchmark_verdict{.*state="suspect".* 1$', exposition, re.MULTILINE))


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
