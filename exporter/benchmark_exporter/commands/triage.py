"""`benchmark-exporter triage`: what people say of regressions."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from benchmark_exporter.commands import values
from benchmark_exporter.commands.config_file import read_config
from benchmark_exporter.commands.on_ledger import act_on_ledger
from benchmark_exporter.commands.options import (
    COMMAND_SETTINGS,
    READER_STATUS,
    Group,
    Unusable,
    combined,
    file_option,
    only,
    option,
    read_ledger_options,
    written_ledger_options,
)
from benchmark_exporter.commands.triage_table import entry_lines, regression_lines
from benchmark_exporter.commands.triage_times import time_lines
from benchmark_exporter.commands.user import user_at_host
from benchmark_exporter.ingest.triaging import TriageError, TriageSelection, triage
from benchmark_exporter.ledger import Ledger
from benchmark_exporter.ledger.triage import HISTORY_OF_ALL
from benchmark_exporter.triage.rule import TRIAGE_STATES, Saying, TriageState

_with_ledger = partial(act_on_ledger, refusal=TriageError)

regression_options = combined(
    only("--project", "NAME", "of this project"),
    only("--environment", "NAME", "of this environment"),
    only("--machine-class", "NAME", "of this machine class"),
    only("--branch", "NAME", "of this tracked branch"),
    only(
        "--since-commit",
        "HASH",
        "those whose last good run was of this commit, or a hash that begins like this",
    ),
)


@click.group(
    cls=Group,
    context_settings=COMMAND_SETTINGS,
    no_args_is_help=False,
    subcommand_metavar="COMMAND ...",
)
def command() -> None:
    """Say what becomes of regressions: who works on them, and which are not real."""


@command.command("list", context_settings=COMMAND_SETTINGS, epilog=READER_STATUS)
@click.argument("name", metavar="[BENCHMARK]", required=False)
@regression_options
@option("--ended", is_flag=True, help="Also those that have ended.")
@read_ledger_options
def list_command(
    name: str | None, ended: bool, ledger: Path | None, stack: Path | None, **scope: str | None
) -> int:
    """List the open regressions with their states."""
    selection = TriageSelection(name, **scope)

    def read(opened: Ledger) -> Sequence[str]:
        with opened.transaction() as transaction:
            listed = [each for each in transaction.triage.listed() if selection.selects(each)]
            return regression_lines(listed, ended=ended)

    return _with_ledger(ledger, stack, read)


@command.command(
    "set",
    context_settings=COMMAND_SETTINGS,
    epilog="It exits 0 if the state is set, 1 if it cannot be, 2 if the ledger cannot be written.",
)
@click.argument("state", type=click.Choice(TRIAGE_STATES), metavar="STATE")
@click.argument("name", metavar="[BENCHMARK]", required=False)
@regression_options
@option("--why", default="", show_default=False, metavar="TEXT", help="Why, in a sentence.")
@option("--ticket", default="", show_default=False, metavar="TEXT", help="Ticket or its address.")
@option("--who", metavar="NAME", help="Who says so.", show_default="USER@HOST")
@option(
    "--until",
    type=values.FUTURE,
    metavar="TIME",
    shared=False,
    help="Until when the level is expected: 2026-12-01, or 14d (14 days from now).",
)
@file_option("--config", help="Settings.", show_default="the packaged config.yaml")
@written_ledger_options
def set_command(
    state: TriageState,
    name: str | None,
    project: str | None,
    environment: str | None,
    machine_class: str | None,
    branch: str | None,
    since_commit: str | None,
    why: str,
    ticket: str,
    who: str | None,
    until: float | None,
    config: Path | None,
    ledger: Path | None,
    stack: Path | None,
) -> int:
    """Give open regressions a state.

    STATE is new, acknowledged, expected, fixing, fixed or noise. BENCHMARK is a result's name, as
    in the label benchmark_name. Of one that has ended, only fixed or noise can be said.
    """
    if name is None and since_commit is None:
        raise Unusable("name a benchmark, or a commit with --since-commit")
    selection = TriageSelection(name, project, environment, machine_class, branch, since_commit)
    saying = Saying(state, who or user_at_host(), time.time(), why, ticket, until)

    def say(opened: Ledger) -> Sequence[str]:
        limits = read_config(config, None).limits_for
        with opened.transaction() as transaction:
            found = triage(transaction, selection, saying, limits)
        return [f"{each.name}: {each.state} → {state}" for each in found]

    return _with_ledger(ledger, stack, say, writes="writing to")


@command.command("history", context_settings=COMMAND_SETTINGS, epilog=READER_STATUS)
@click.argument("name", metavar="[BENCHMARK]", required=False)
@only("--project", "NAME", "of this project")
@option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    metavar="N",
    shared=False,
    help="List at most N states.",
)
@read_ledger_options
def history_command(
    name: str | None,
    project: str | None,
    limit: int,
    ledger: Path | None,
    stack: Path | None,
) -> int:
    """List which states regressions had, when, and who gave them."""

    def read(opened: Ledger) -> Sequence[str]:
        with opened.transaction() as transaction:
            return entry_lines(transaction.triage.history(name, project, limit))

    return _with_ledger(ledger, stack, read)


@command.command("times", context_settings=COMMAND_SETTINGS, epilog=READER_STATUS)
@only("--project", "NAME", "of this project")
@read_ledger_options
def times_command(project: str | None, ledger: Path | None, stack: Path | None) -> int:
    """Show how long regressions waited for a state and for their end.

    By project, as medians and means, of the states that the ledger still has.
    """

    def read(opened: Ledger) -> Sequence[str]:
        with opened.transaction() as transaction:
            return time_lines(transaction.triage.history(None, project, HISTORY_OF_ALL))

    return _with_ledger(ledger, stack, read)
