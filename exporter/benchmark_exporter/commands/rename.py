"""`benchmark-exporter rename`: another name for a benchmark or a result, with its history."""

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
from benchmark_exporter.commands.output import show
from benchmark_exporter.commands.stack_file import StackError
from benchmark_exporter.ledger import LedgerError, RenameError
from benchmark_exporter.names import Renaming, Renamings
from benchmark_exporter.wording import counted


@click.command(
    cls=Command,
    context_settings=COMMAND_SETTINGS,
    epilog="It exits 0 if something has the name, 2 if nothing has it, or it cannot be renamed.",
)
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@option(
    "--project",
    multiple=True,
    metavar="NAME",
    shared=False,
    help="Rename it in this project only. May be repeated.",
    show_default="all projects",
)
@option(
    "--executable",
    is_flag=True,
    shared=False,
    help="OLD and NEW are executables of Google Benchmark, which is called otherwise now.",
)
@option("--dry-run", is_flag=True, shared=False, help="Only say how much would be renamed.")
@written_ledger_options
def command(
    old: str,
    new: str,
    project: tuple[str, ...],
    executable: bool,
    dry_run: bool,
    ledger: Path | None,
    stack: Path | None,
) -> int:
    """Rename a benchmark, with its variants, or a single result in an exporter's ledger.

    Its history, totals and pinned baselines go on under the new name. If that is known already, the
    two become one. The exporter may keep running. Results that still arrive as OLD need an alias in
    config.yaml.
    """
    given, what = 0, "benchmark or result has the name"
    try:
        with open_ledger(ledger, stack) as (opened, where):
            announce(f"{'counting in' if dry_run else 'renaming in'} {where}")
            if executable:
                what = "benchmark belongs to an executable"
                given, renamed = opened.rename_executable(old, new, project, dry_run=dry_run)
            else:
                renaming = Renamings([Renaming(old, new)])
                renamed = opened.rename(renaming, project, dry_run=dry_run)
    except (LedgerError, StackError) as error:
        raise Unusable(str(error)) from error
    except RenameError as error:
        raise Unusable(f"{old} cannot be renamed to {new}: {error}") from error
    if not (given or renamed.runs or renamed.series):
        raise Unusable(f"no {what} {old}")
    joined = (
        f", {renamed.joined:,} of them joined with series that were there" if renamed.joined else ""
    )
    belonging = f"; {given:,} plain names belong to {new}" if given else ""
    show(
        f"{'would rename' if dry_run else 'renamed'} "
        f"{counted(renamed.results, 'result or failure', 'results and failures')} of "
        f"{counted(renamed.runs, 'run')}, and {renamed.series:,} series{joined}{belonging}"
    )
    return EXIT_OK
