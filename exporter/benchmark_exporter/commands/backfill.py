"""`benchmark-exporter backfill`: past runs into Prometheus with their own times."""

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from benchmark_exporter.commands import EXIT_OK, EXIT_REJECTED, values
from benchmark_exporter.commands.config_file import read_config
from benchmark_exporter.commands.options import (
    COMMAND_SETTINGS,
    DEFAULT_LEDGER,
    Command,
    Unusable,
    announce,
    config_options,
    file_option,
    files_argument,
    folder_option,
    metrics_option,
    option,
    read_ledger_options,
    time_options,
)
from benchmark_exporter.commands.output import show, show_all
from benchmark_exporter.commands.past_samples import (
    DEFAULT_LABELS,
    BackfillOutcome,
    BlocksError,
    PastRun,
    ScrapeLabels,
    backfill,
    measure,
    runs_of_ledger,
    write_blocks,
)
from benchmark_exporter.commands.progress import Progress
from benchmark_exporter.commands.remote_write import RemoteWriteError
from benchmark_exporter.commands.stack_file import (
    StackError,
    Where,
    authorization,
    find_address,
    find_ledger,
    read_credential,
)
from benchmark_exporter.config import ConfigError, packaged
from benchmark_exporter.ingest.result_files import runs_of_files
from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.history import History
from benchmark_exporter.ledger.selection import RunSelection
from benchmark_exporter.metrics.collector import Collector
from benchmark_exporter.metrics.definitions import load_definitions
from benchmark_exporter.wording import reason_of


@click.command(
    cls=Command,
    context_settings=COMMAND_SETTINGS,
    epilog="It exits 0, also if samples were too old to be written; 1 if a file was left out; 2 if "
    "nothing can be read or written.",
)
@files_argument(required=False)
@read_ledger_options
@time_options
@option(
    "--url",
    type=values.PROMETHEUS_URL,
    metavar="URL",
    shared=False,
    help="Address of Prometheus to write to.",
    show_default="the stack's",
)
@option(
    "--job",
    default=DEFAULT_LABELS.job,
    metavar="NAME",
    help="Label job of the series that are scraped each second.",
)
@option(
    "--slow-job",
    default=DEFAULT_LABELS.slow_job,
    metavar="NAME",
    help="Label job of the other series.",
)
@option(
    "--instance",
    default=DEFAULT_LABELS.instance,
    metavar="NAME",
    help="Label instance of the series.",
)
@file_option(
    "--credential-file",
    help="File of the stack's credential, sent to the Prometheus that --url names.",
)
@option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@folder_option(
    "--blocks",
    help="Make blocks for Prometheus' data folder in this new folder, instead of sending samples.",
)
@file_option(
    "--promtool", default=Path("promtool"), help="Program that makes blocks; part of Prometheus."
)
@metrics_option
@config_options
def command(
    files: tuple[Path, ...],
    ledger: Path | None,
    stack: Path | None,
    since: float | None,
    until: float | None,
    url: str | None,
    job: str,
    slow_job: str,
    instance: str,
    credential_file: Path | None,
    dry_run: bool,
    blocks: Path | None,
    promtool: Path,
    metrics: Path | None,
    config: Path | None,
    environment: str | None,
) -> int:
    """Bring past runs into Prometheus with their own times, so that trends show them.

    FILE is a result file, or a folder of them, to take the runs from in place of the ledger.
    """
    selection = RunSelection(
        since_seconds=float("-inf") if since is None else since,
        until_seconds=float("inf") if until is None else until,
    )
    rejected: list[Path] = []
    runs: Iterable[PastRun]

    def reject(path: Path, error: Exception) -> None:
        rejected.append(path)
        show(f"{path}: left out: {reason_of(error)}", file=sys.stderr)

    with ExitStack() as closing:
        try:
            settings = read_config(config, environment)
            writing = _Writing(
                Collector(load_definitions(metrics or packaged("metrics.yaml")), settings),
                ScrapeLabels(job, slow_job, instance),
                dry_run,
                blocks,
                promtool,
            )
            address = None if dry_run or blocks else _address(url, stack, credential_file)
            if files:
                runs, count = runs_of_files(files, selection, settings, settings.policy, reject)
            else:
                path, _ = find_ledger(ledger, stack, default=DEFAULT_LEDGER)
                runs, count = runs_of_ledger(closing.enter_context(History(path)), selection)
            progress = closing.enter_context(Progress(count, "runs", sys.stderr))
            outcome = writing.write(runs, address, progress)
        except (ConfigError, LedgerError, BlocksError, RemoteWriteError, StackError) as error:
            raise Unusable(str(error)) from error
    show_all(outcome.lines("would write" if dry_run else "wrote"))
    if blocks is not None and not dry_run:
        show(
            f"move the folders in {blocks} into Prometheus' data folder, owned by its user; "
            "it shows them within a minute"
        )
    return EXIT_REJECTED if rejected else EXIT_OK


def _address(url: str | None, stack: Path | None, credential_file: Path | None) -> Where:
    """Raises StackError if it is not known, or a credential cannot be read."""
    if url is None or credential_file is None:
        return find_address("prometheus", url, stack)
    credential = read_credential(credential_file)
    return Where(url, headers={"Authorization": authorization(credential)})


@dataclass(frozen=True, slots=True)
class _Writing:
    """How samples are made of runs, and whether they are sent, made into blocks, or counted."""

    collector: Collector
    labels: ScrapeLabels
    dry_run: bool
    blocks: Path | None
    promtool: Path

    def write(
        self, runs: Iterable[PastRun], address: Where | None, progress: Progress
    ) -> BackfillOutcome:
        """Writes the runs, after saying where. `address` is None where nothing is sent.

        Raises:
            BlocksError: no blocks can be made.
            RemoteWriteError: Prometheus does not accept the samples.
        """
        if address is not None:
            announce(f"writing to Prometheus at {address}")
            return backfill(
                runs,
                address.target,
                self.collector,
                self.labels,
                headers=address.headers,
                report=progress.report,
            )
        if self.dry_run or self.blocks is None:
            return measure(runs, self.collector, self.labels)
        announce(f"writing blocks into {self.blocks}")
        return write_blocks(
            runs, self.blocks, self.promtool, self.collector, self.labels, report=progress.report
        )
