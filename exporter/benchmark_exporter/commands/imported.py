"""What `import` says: what was found, what became of it, and how much of it went to Prometheus."""

import heapq
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmark_exporter.commands.options import announce
from benchmark_exporter.commands.past_samples import PastRun as ExposedRun
from benchmark_exporter.commands.past_samples import backfill
from benchmark_exporter.commands.progress import Progress
from benchmark_exporter.commands.prometheus_window import window_seconds
from benchmark_exporter.commands.remote_write import RemoteWriteError
from benchmark_exporter.commands.stack_file import (
    StackError,
    Where,
    authorization,
    find_address,
    read_credential,
)
from benchmark_exporter.config import Config, packaged
from benchmark_exporter.importing.past import PastRun
from benchmark_exporter.importing.recording import Recorded
from benchmark_exporter.importing.sources import Found
from benchmark_exporter.ledger.history import History
from benchmark_exporter.ledger.like_runs import LikeRuns
from benchmark_exporter.ledger.selection import RunSelection
from benchmark_exporter.metrics.collector import Collector
from benchmark_exporter.metrics.definitions import load_definitions
from benchmark_exporter.model import Rejected, Run
from benchmark_exporter.wording import counted


@dataclass(frozen=True, slots=True)
class Prometheus:
    """The servers to write to, or why there is none."""

    servers: Sequence[Where]
    why_none: str = ""

    @staticmethod
    def find(urls: Sequence[str], stack: Path | None, credential_file: Path | None) -> "Prometheus":
        """Those that are named, else the stack's.

        Raises:
            StackError: the stack cannot be read, or the credential.
        """
        if not urls:
            try:
                return Prometheus([find_address("prometheus", None, stack)])
            except StackError as error:
                return Prometheus([], str(error))
        headers = {}
        if credential_file is not None:
            headers = {"Authorization": authorization(read_credential(credential_file))}
        return Prometheus([Where(url, headers=headers) for url in urls])


def found_lines(found: Found, runs: Sequence[PastRun]) -> Iterator[str]:
    """What was read; `runs` are those of it that were asked for."""
    of_files = counted(found.files, "file")
    if not runs:
        yield f"found no run in {of_files}"
    else:
        yield f"found {counted(len(runs), 'run')} in {of_files}, made {_between(runs)}"
    if found.repeated:
        same = counted(found.repeated, "more is the same run", "more are the same runs")
        yield f"{same} in other files"
    if found.others:
        files = counted(found.others, "file holds", "files hold")
        yield f"{files} no run, but a tool's own baseline or a program"


def mixed_lines(files_of_names: Mapping[tuple[str, str], set[str]]) -> Iterator[str]:
    """What to do where several histories of a project have benchmarks of the same names."""
    shared = {key: files for key, files in files_of_names.items() if len(files) > 1}
    if shared:
        (project, name), files = min(shared.items())
        yield (
            f"{counted(len(shared), 'benchmark')} of {project}, such as {name}, in several files "
            f"({', '.join(sorted(files)[:2])}) will become one series each; if they are not the "
            "same, import each file with a --project of its own, or with a sidecar that states "
            "its machine or environment"
        )


def dry_run_lines(
    runs: Sequence[PastRun],
    ledger: Path | None,
    config: Config,
    project: str | None,
    reject: Callable[[str, Exception], None],
) -> Iterator[str]:
    """What would be imported: each run is read. A ledger says which are known."""
    known, readable, names = 0, 0, set[tuple[str, str]]()
    like = None if ledger is None else LikeRuns(ledger, {run.run_id for run in runs})
    try:
        for past in runs:
            try:
                run = past.read()
            except (Rejected, OSError) as error:
                reject(past.place, error)
                continue
            readable += 1
            of_project = run.project or project or config.project
            if isinstance(run, Run):
                names.update((of_project, name) for name in run.outcomes)
            if like is not None and (
                like.has_document(past.identity)
                or (isinstance(run, Run) and like.has(run, of_project))
            ):
                known += 1
    finally:
        if like is not None:
            like.close()
    projects = ", ".join(sorted({of_project for of_project, _ in names})) or "no project"
    of_benchmarks = counted(len(names), "benchmark")
    yield f"would import {counted(readable - known, 'run')} of {of_benchmarks}, of {projects}"
    if like is None:
        yield "which of them are known already is not known without a ledger (--ledger FILE)"
    else:
        yield f"{counted(known, 'run is', 'runs are')} known already"


def lines(outcome: Recorded, shown_since: float) -> Iterator[str]:
    """What became of the runs. Benchmarks without a run since `shown_since` are not shown."""
    known = counted(outcome.known, "was", "were")
    yield f"imported {counted(outcome.new, 'run')}; {known} known already"
    if outcome.rejected:
        yield f"{counted(len(outcome.rejected), 'run was', 'runs were')} left out"
    old = sum(seconds <= shown_since for seconds in outcome.newest.values())
    if old:
        yield (
            f"{old:,} of {counted(len(outcome.newest), 'benchmark')} had the last run so long ago "
            "(series_max_age_days) that `history` shows them, and /metrics does not"
        )


def write_to_prometheus(
    prometheus: Prometheus,
    ledger: Path,
    outcome: Recorded,
    runs: Sequence[PastRun],
    config: Config,
    now: float,
) -> Iterator[str]:
    """Writes the runs of these times to each server; says how many went there, and how many not.

    Raises:
        RemoteWriteError: a server does not take them; what to do is in the message.
    """
    if not prometheus.servers:
        yield f"nothing is written to Prometheus: {prometheus.why_none}"
    for where in prometheus.servers:
        window = window_seconds(where)
        since = runs[0].seconds if window is None else max(runs[0].seconds, now - window)
        collector = Collector(load_definitions(packaged("metrics.yaml")), config)
        announce(f"writing to Prometheus at {where}")
        with (
            closing(_Selected(ledger, outcome, since, runs[-1].seconds)) as selected,
            Progress(selected.count, "runs", sys.stderr) as progress,
        ):
            try:
                sent = backfill(
                    selected.runs(),
                    where.target,
                    collector,
                    headers=where.headers,
                    report=progress.report,
                )
            except RemoteWriteError as error:
                raise RemoteWriteError(
                    f"{error}; the ledger has the runs: import them again later to write them "
                    "to Prometheus"
                ) from error
        yield from (line for line in sent.lines() if sent.runs or sent.recent)
        older = sum(run.seconds < since for run in runs)
        if older:
            moment = datetime.fromtimestamp(since, UTC)
            yield (
                f"{counted(older, 'run is', 'runs are')} from before {moment:%Y-%m-%d %H:%M} UTC, "
                "which is as far back as this Prometheus goes; the ledger has all, for `history` "
                "and the live page"
            )


class _Selected:
    """The runs of the imported projects, and of pipelines if any was imported, of some time."""

    def __init__(self, ledger: Path, outcome: Recorded, since: float, last: float) -> None:
        self._history = History(ledger)
        until = math.nextafter(last, math.inf)
        self._selections = [
            RunSelection(project=project, since_seconds=since, until_seconds=until)
            for project in sorted(outcome.projects)
        ]
        self._pipeline_runs = (
            list(self._history.pipeline_runs(since, until)) if outcome.pipelines else []
        )

    def close(self) -> None:
        self._history.__exit__()

    @property
    def count(self) -> int:
        return sum(map(self._history.count, self._selections)) + len(self._pipeline_runs)

    def runs(self) -> Iterator[ExposedRun]:
        """Oldest first."""
        return heapq.merge(
            *map(self._history.oldest_first, self._selections),
            self._pipeline_runs,
            key=lambda run: run.timestamp_seconds,
        )


def _between(runs: Sequence[PastRun]) -> str:
    first, last = (datetime.fromtimestamp(run.seconds, UTC) for run in (runs[0], runs[-1]))
    return f"between {first:%Y-%m-%d %H:%M} and {last:%Y-%m-%d %H:%M} UTC"
