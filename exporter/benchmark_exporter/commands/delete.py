"""`benchmark-exporter delete`: runs, benchmarks, branches, projects or pipelines of a ledger."""

import time
from pathlib import Path

import click

from benchmark_exporter.commands import EXIT_OK
from benchmark_exporter.commands.config_file import read_config
from benchmark_exporter.commands.open_ledger import open_ledger
from benchmark_exporter.commands.options import (
    COMMAND_SETTINGS,
    Command,
    Unusable,
    announce,
    config_options,
    option,
    written_ledger_options,
)
from benchmark_exporter.commands.output import show
from benchmark_exporter.commands.stack_file import StackError
from benchmark_exporter.config import ConfigError
from benchmark_exporter.ingest.judging import judge_after_deletion
from benchmark_exporter.ledger import DeletionSelection, LedgerError
from benchmark_exporter.wording import counted


@click.command(
    cls=Command,
    context_settings=COMMAND_SETTINGS,
    epilog="It exits 0, also if there was nothing to delete; 2 if the ledger cannot be written.",
)
@option(
    "--run",
    metavar="ID",
    shared=False,
    help="Run to delete, by its run_id or the number of its row. The run before it is the newest "
    "again; what was counted stays counted.",
)
@option(
    "--benchmark",
    metavar="GLOB",
    shared=False,
    help="Benchmarks or results to delete, with their totals and baselines.",
)
@option(
    "--branch",
    metavar="GLOB",
    shared=False,
    help="Branches whose runs to delete, with their totals and baselines.",
)
@option(
    "--project",
    multiple=True,
    metavar="NAME",
    shared=False,
    help="Project to delete, with its runs, totals and baselines. With --run, --benchmark or "
    "--branch: delete these of this project only. May be repeated.",
)
@option(
    "--pipeline",
    multiple=True,
    metavar="NAME",
    shared=False,
    help="Pipeline to delete, with its runs and totals. May be repeated.",
)
@option("--dry-run", is_flag=True, shared=False, help="Only say how much would be deleted.")
@config_options
@written_ledger_options
def command(
    run: str | None,
    benchmark: str | None,
    branch: str | None,
    project: tuple[str, ...],
    pipeline: tuple[str, ...],
    dry_run: bool,
    config: Path | None,
    environment: str | None,
    ledger: Path | None,
    stack: Path | None,
) -> int:
    """Delete runs, benchmarks, branches, projects or pipelines from an exporter's ledger.

    Its exporter may keep running. Prometheus keeps what it has scraped. Only a copy of the ledger
    brings them back.
    """
    selected = [each for each in (run, benchmark, branch) if each is not None]
    if not (selected or project or pipeline):
        raise Unusable(
            "name what to delete with --run, --benchmark, --branch, --project or --pipeline"
        )
    if len(selected) > 1 or (selected and pipeline):
        raise Unusable("--run, --benchmark, --branch and --pipeline exclude each other")
    try:
        with open_ledger(ledger, stack) as (opened, where):
            announce(f"{'counting in' if dry_run else 'deleting from'} {where}")
            if selected:
                selection = DeletionSelection(run, benchmark, branch, project)
                limits = read_config(config, environment).limits_for
                judge_again = judge_after_deletion(limits, time.time())
                runs = opened.delete_runs(selection, judge_again, dry_run=dry_run)
                results = counted(runs.results, "result or failure", "results and failures")
                what = f"{counted(runs.runs, 'run')}, and {results}"
            else:
                deleted = opened.delete(project, pipeline, dry_run=dry_run)
                what = (
                    f"{counted(deleted.runs, 'run')} of projects and "
                    f"{deleted.pipeline_runs:,} of pipelines"
                )
    except (ConfigError, LedgerError, StackError) as error:
        raise Unusable(str(error)) from error
    show(
        f"would delete {what}"
        if dry_run
        else f"deleted {what}; Prometheus keeps what it has scraped"
    )
    return EXIT_OK
