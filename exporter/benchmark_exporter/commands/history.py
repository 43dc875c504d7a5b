"""`benchmark-exporter history`: the runs in a ledger, while its exporter goes on writing."""

import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain, islice
from pathlib import Path

import click

from benchmark_exporter.commands import EXIT_OK
from benchmark_exporter.commands.change_table import change_table, changes_to_json
from benchmark_exporter.commands.options import (
    COMMAND_SETTINGS,
    DEFAULT_LEDGER,
    READER_STATUS,
    Command,
    Unusable,
    only,
    option,
    read_ledger_options,
    scope_options,
    time_options,
)
from benchmark_exporter.commands.output import show, show_all
from benchmark_exporter.commands.run_table import failed_rows_of, rows_of, table, to_json
from benchmark_exporter.commands.stack_file import StackError, find_ledger
from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.change_history import read_changes_of
from benchmark_exporter.ledger.history import History, RecordedRun
from benchmark_exporter.ledger.selection import ChangeSelection, RunSelection
from benchmark_exporter.wording import printable_json


@click.command(cls=Command, context_settings=COMMAND_SETTINGS, epilog=READER_STATUS)
@read_ledger_options
@time_options
@only(
    "--benchmark", "GLOB", "benchmarks with such a name, like 'router*', and runs with one of them"
)
@scope_options
@only("--commit", "HASH", "runs of this commit, or of commits that begin like this")
@only("--branch", "GLOB", "runs of branches with such a name, like 'release/*'")
@option(
    "--failed",
    is_flag=True,
    help="Only failed benchmarks, and results whose gate was not passed. --limit then counts "
    "these. In JSON: the whole runs that have any.",
)
@option(
    "--changes",
    is_flag=True,
    help="List where the level of results changed, for the better or the worse, instead of runs. "
    "--commit is then that of the first run after a change.",
)
@option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    metavar="N",
    help="List at most N runs or changes.",
)
@option(
    "--format",
    "output",
    type=click.Choice(("table", "json")),
    default="table",
    help="Format of the output.",
)
def command(
    ledger: Path | None,
    stack: Path | None,
    since: float | None,
    until: float | None,
    benchmark: str | None,
    environment: str | None,
    project: str | None,
    commit: str | None,
    branch: str | None,
    machine_class: str | None,
    failed: bool,
    changes: bool,
    limit: int,
    output: str,
) -> int:
    """List the runs in an exporter's ledger, the newest first.

    The ledger is only read; its exporter goes on writing.
    """
    if changes and failed:
        raise click.UsageError("--changes lists no runs, so it cannot be used with --failed")
    selection = RunSelection(
        benchmark=benchmark,
        environment=environment,
        project=project,
        commit_hash=commit,
        branch=branch,
        machine_class=machine_class,
        since_seconds=float("-inf") if since is None else since,
        until_seconds=float("inf") if until is None else until,
        failed=failed,
    )
    try:
        path, _ = find_ledger(ledger, stack, default=DEFAULT_LEDGER)
        if changes:
            lines = _change_lines(path, selection, limit, output)
        else:
            with History(path) as history:
                lines = list(_lines(history, selection, limit, output))
    except (LedgerError, StackError) as error:
        raise Unusable(str(error)) from error
    if lines and output == "json":
        print(*map(printable_json, lines), sep="\n")
    elif lines:
        show_all(lines)
    else:
        show("no such change" if changes else "no such run", file=sys.stderr)
    return EXIT_OK


def _change_lines(path: Path, selection: RunSelection, limit: int, output: str) -> list[str]:
    wanted = asdict(selection)
    del wanted["failed"]
    changes = read_changes_of(path, ChangeSelection(**wanted), limit)
    if output == "json":
        return [changes_to_json(changes)]
    return list(change_table(changes)) if changes else []


def _lines(history: History, selection: RunSelection, limit: int, output: str) -> Iterator[str]:
    if output == "json":
        yield to_json(history.newest_first(selection, limit))
        return
    rows = list(
        islice(chain.from_iterable(map(failed_rows_of, _all(history, selection))), limit)
        if selection.failed
        else chain.from_iterable(map(rows_of, history.newest_first(selection, limit)))
    )
    if rows:
        yield from table(rows)


def _all(history: History, selection: RunSelection) -> Iterator[RecordedRun]:
    """Every selected run. One whose failed benchmarks are not selected has no row of its own."""
    return history.newest_first(selection, sys.maxsize)
