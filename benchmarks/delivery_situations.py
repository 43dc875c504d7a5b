"""Situations in which a regression ends, or is hidden, before Prometheus can see it."""

import json
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmark_exporter.regression import Limits
from benchmarks.delivery_stack import EXPORTER, PROMETHEUS, DeliveryStack, until
from benchmarks.report import progress

SEED = 13
PROJECT = "delivery"
STEADY_RUNS = Limits().least_runs + 4
# The second of two such runs in a row is critical.
STEADY_MS, SLOW_MS = 10.0, 20.0
BATCH_FILES = 1000
# Makes the regressions of results, and returns when each began, in seconds since 1970: with its
# file, or when the part that was down responded again.
Cause = Callable[[DeliveryStack, Sequence[str]], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Situation:
    """How regressions come, and whether a good run ends them.

    All in one group have the same last good commit, so Alertmanager notifies of them together.
    """

    name: str
    cause: Cause
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


class _Causes:
    """What makes the regressions of each situation."""

    def __init__(self, runs: Runs, down_seconds: float) -> None:
        self._runs = runs
        self._down_seconds = down_seconds
        self._dice = random.Random(SEED)  # noqa: S311  # no secret

    def followed_by_a_good_run(self, stack: DeliveryStack, names: Sequence[str]) -> Sequence[float]:
        began: list[float] = []
        for name in names:
            began += self.without_a_good_run(stack, [name])
            time.sleep(0.3)
            self._runs.drop(name, STEADY_MS, f"{name}-fixed")
        return began

    def without_a_good_run(self, _: DeliveryStack, names: Sequence[str]) -> Sequence[float]:
        began = []
        for name in names:
            time.sleep(self._dice.uniform(0.3, 1.0))  # not in step with the scrapes
            began.append(time.time())
            self._runs.drop(name, SLOW_MS, f"{name}-worse")
        return began

    def exporter_down(self, stack: DeliveryStack, names: Sequence[str]) -> Sequence[float]:
        stack.stop(EXPORTER)
        self._drop_both(names)
        stack.start(EXPORTER)
        return [time.time()] * len(names)

    def prometheus_down(self, stack: DeliveryStack, names: Sequence[str]) -> Sequence[float]:
        stack.stop(PROMETHEUS)
        self._drop_both(names)
        time.sleep(self._down_seconds)
        stack.start(PROMETHEUS)
        return [time.time()] * len(names)

    def batch(self, stack: DeliveryStack, names: Sequence[str]) -> Sequence[float]:
        document, fill = self._runs.document, (BATCH_FILES - 2 * len(names)) // 2
        documents = [document("fill", STEADY_MS, "fill") for _ in range(fill)]
        for name in names:
            documents.append(document(name, SLOW_MS, f"{name}-worse"))
            documents.append(document(name, STEADY_MS, f"{name}-fixed"))
        documents += [document("fill", STEADY_MS, "fill") for _ in range(fill)]
        folder = stack.folder / "batch"
        folder.mkdir()
        for number, text in enumerate(documents):
            (folder / f"{number}.json").write_text(text, encoding="utf-8")
        began = time.time()
        folder.rename(stack.folder / "results" / "batch")
        return [began] * len(names)

    def _drop_both(self, names: Sequence[str]) -> None:
        for name in names:
            self._runs.drop(name, SLOW_MS, f"{name}-worse")
        for name in names:
            self._runs.drop(name, STEADY_MS, f"{name}-fixed")


def situations(runs: Runs, down_seconds: float) -> Sequence[Situation]:
    """Return all of them."""
    causes = _Causes(runs, down_seconds)
    return (
        Situation("a good run 0.3 s later", causes.followed_by_a_good_run),
        Situation(
            "a good run 0.3 s later, in a group just notified",
            causes.followed_by_a_good_run,
            in_one_group=True,
        ),
        Situation("both runs came while the exporter was down", causes.exporter_down),
        Situation(f"both came in {down_seconds:g} s without Prometheus", causes.prometheus_down),
        Situation(f"both in one batch of {BATCH_FILES} files", causes.batch),
        Situation("no good run", causes.without_a_good_run, passes=False),
    )


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


def _suspects(exposition: str) -> int:
    return len(re.findall(r'^benchmark_verdict{.*state="suspect".* 1$', exposition, re.MULTILINE))
