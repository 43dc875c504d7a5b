"""`benchmark-exporter delete`: everything that a ledger has of a project or pipeline."""

from pathlib import Path

import click

from benchmark_exporter.commands import EXIT_OK
from benchmark_exporter.commands.open_ledger import open_ledger
from benchmark_exporter.commands.options import (
    COMMAND_SETTINGS,
    Command,
    Unusable,
    announce,
    option,
    written_ledger_options,
)
from benchmark_exporter.commands.stack_file import StackError
from benchmark_exporter.ledger import LedgerError


@click.command(cls=Command, context_settings=COMMAND_SETTINGS)
@option(
    "--project",
    multiple=True,
    metavar="NAME",
    shared=False,
    help="Project to delete, with its runs, totals and baselines. May be repeated.",
)
@option(
    "--pipeline",
    multiple=True,
    metavar="NAME",
    shared=False,
    help="Pipeline to delete, with its runs and totals. May be repeated.",
)
@written_ledger_options
def command(
    project: tuple[str, ...], pipeline: tuple[str, ...], ledger: Path | None, stack: Path | None
) -> int:
    """Delete projects or pipelines from an exporter's ledger.

    Prometheus keeps what it has scraped. Only a copy of the ledger brings them back.
    """
    if not project and not pipeline:
        raise Unusable("name what to delete with --project or --pipeline")
    try:
        with open_ledger(ledger, stack) as (opened, where):
            announce(f"deleting from {where}")
            deleted = opened.delete(project, pipeline)
    except (LedgerError, StackError) as error:
        raise Unusable(str(error)) from error
    print(
        f"deleted {deleted.runs:,} runs of projects and {deleted.pipeline_runs:,} of pipelines; "
        "Prometheus keeps what it has scraped"
    )
    return EXIT_OK
