"""`benchmark-exporter import`: years of results, with their own times, into a ledger."""

import logging
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import click

from benchmark_exporter.commands import EXIT_INTERRUPTED, EXIT_OK, EXIT_REJECTED, values
from benchmark_exporter.commands.config_file import read_config
from benchmark_exporter.commands.imported import (
    Prometheus,
    dry_run_lines,
    found_lines,
    lines,
    mixed_lines,
    write_to_prometheus,
)
from benchmark_exporter.commands.open_ledger import open_ledger
from benchmark_exporter.commands.options import (
    COMMAND_SETTINGS,
    Command,
    Unusable,
    announce,
    config_options,
    file_option,
    files_argument,
    option,
    time_options,
    written_ledger_options,
)
from benchmark_exporter.commands.output import show, show_all
from benchmark_exporter.commands.progress import Progress
from benchmark_exporter.commands.remote_write import RemoteWriteError
from benchmark_exporter.commands.stack_file import StackError, find_ledger
from benchmark_exporter.config import Config, ConfigError
from benchmark_exporter.importing.past import PastRun
from benchmark_exporter.importing.recording import PastRecorder, Recorded
from benchmark_exporter.importing.sources import Reject, Sources
from benchmark_exporter.ingest.branches import BranchRules
from benchmark_exporter.ingest.defaults import Defaults
from benchmark_exporter.ingest.recording import Recorder
from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.like_runs import LikeRuns
from benchmark_exporter.model import Rejected
from benchmark_exporter.names import Aliases
from benchmark_exporter.wording import reason_of


@click.command(
    "import",
    cls=Command,
    context_settings=COMMAND_SETTINGS,
    epilog="It exits 0 if all was imported or known, 1 if a file, entry or value was left out, 2 "
    "if nothing can be imported, 130 after Ctrl-C.",
)
@files_argument()
@option(
    "--project",
    metavar="NAME",
    shared=False,
    help="Project of results that state none.",
    show_default="data.js: its repository; others: config.yaml's",
)
@time_options
@option("--dry-run", is_flag=True, shared=False, help="Show what would be imported.")
@option(
    "--url",
    multiple=True,
    type=values.PROMETHEUS_URL,
    metavar="URL",
    shared=False,
    help="Address of Prometheus to write to as well. May be repeated.",
    show_default="the stack's",
)
@file_option(
    "--credential-file",
    help="File of the stack's credential, sent to the Prometheus that --url names.",
)
@option("--ledger-only", is_flag=True, shared=False, help="Write nothing to Prometheus.")
@config_options
@written_ledger_options
def command(
    files: tuple[Path, ...],
    project: str | None,
    since: float | None,
    until: float | None,
    dry_run: bool,
    url: tuple[str, ...],
    credential_file: Path | None,
    ledger_only: bool,
    config: Path | None,
    environment: str | None,
    ledger: Path | None,
    stack: Path | None,
) -> int:
    """Bring years of results, with their own times and commits, into an exporter's ledger.

    FILE is the data.js of github-action-benchmark, a result file, or a folder of these. Its
    exporter may keep running. What was interrupted goes on when it is run again.
    """
    _keep_quiet()
    rejected: list[str] = []

    def reject(place: str, error: Exception) -> None:
        rejected.append(place)
        is_known = isinstance(error, Rejected | OSError)
        why = reason_of(error) if is_known else f"{type(error).__name__}: {error}"
        show(f"{place}: left out: {why}", file=sys.stderr)

    try:
        settings = read_config(config, environment)
        sources = Sources(settings, project, reject)
        listed = sources.files(files)
        with Progress(len(listed), "files read", sys.stderr) as progress:
            found = sources.read(listed, progress.report)
        runs = _within(found.runs, since, until)
        show_all((*found_lines(found, runs), *mixed_lines(sources.files_of_names)))
        if dry_run:
            show_all(dry_run_lines(runs, _read_ledger(ledger, stack), settings, project, reject))
        elif runs:
            prometheus = None if ledger_only else Prometheus.find(url, stack, credential_file)
            _import(runs, settings, project, ledger, stack, prometheus, reject)
    except (ConfigError, LedgerError, StackError, RemoteWriteError) as error:
        raise Unusable(str(error)) from error
    except KeyboardInterrupt:
        show("interrupted; run it again to go on", file=sys.stderr)
        return EXIT_INTERRUPTED
    return EXIT_REJECTED if rejected else EXIT_OK


def _keep_quiet() -> None:
    """Prints none of the ingest's warnings: nobody has to act on what was years ago."""
    logger = logging.getLogger("benchmark_exporter")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())


def _within(runs: Sequence[PastRun], since: float | None, until: float | None) -> Sequence[PastRun]:
    return [
        run
        for run in runs
        if (since is None or run.seconds >= since) and (until is None or run.seconds < until)
    ]


def _read_ledger(ledger: Path | None, stack: Path | None) -> Path | None:
    """The ledger to compare with, if one is known."""
    try:
        return find_ledger(ledger, stack)[0]
    except StackError:
        return None


def _import(
    runs: Sequence[PastRun],
    config: Config,
    project: str | None,
    path: Path | None,
    stack: Path | None,
    prometheus: Prometheus | None,
    reject: Reject,
) -> None:
    """Records runs, and then writes what Prometheus takes of them to it."""
    default = project or config.project
    with open_ledger(path, stack) as (ledger, where):
        announce(f"importing into {where}")
        like = LikeRuns(Path(where.address), {run.run_id for run in runs})
        recorder = Recorder(
            config.policy, config.limits_for, _defaults(config, default), (), time.time
        )
        outcome = Recorded()
        with closing(like), Progress(len(runs), "runs", sys.stderr) as progress:
            for outcome in PastRecorder(ledger, recorder, like, default).record(runs):
                progress.report(outcome.done)
    for place, error in outcome.rejected:
        reject(place, error)
    now = time.time()
    show_all(lines(outcome, now - config.series_max_age_seconds))
    if prometheus is not None:
        show_all(write_to_prometheus(prometheus, Path(where.address), outcome, runs, config, now))


def _defaults(config: Config, project: str) -> Defaults:
    return Defaults(
        project=project,
        environment=config.environment,
        execution_time_bounds_ms=(),  # nothing is observed
        settle_seconds=config.settle_seconds,
        series_max_age_seconds=config.series_max_age_seconds,
        zone=config.zone,
        branches=BranchRules(config.default_branch, tuple(config.tracked_branches)),
        clock_tolerance_seconds=config.clock_tolerance_seconds,
        aliases=Aliases(config.aliases),
    )
