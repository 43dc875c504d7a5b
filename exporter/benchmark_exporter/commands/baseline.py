"""`benchmark-exporter baseline`: pins runs that later ones are judged against."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from benchmark_exporter.commands.config_file import read_config
from benchmark_exporter.commands.on_ledger import act_on_ledger
from benchmark_exporter.commands.options import (
    COMMAND_SETTINGS,
    READER_STATUS,
    Group,
    config_options,
    option,
    read_ledger_options,
    written_ledger_options,
)
from benchmark_exporter.commands.pinning import (
    BaselineError,
    clear_baseline,
    list_baselines,
    set_baseline,
    show_baseline,
)
from benchmark_exporter.commands.user import user_at_host
from benchmark_exporter.ledger import Ledger, Pin

_with_ledger = partial(act_on_ledger, refusal=BaselineError)
RUN_OR_VERSION = "RUN|VERSION"


@click.group(
    cls=Group,
    context_settings=COMMAND_SETTINGS,
    no_args_is_help=False,
    subcommand_metavar="COMMAND ...",
)
def command() -> None:
    """Pin runs that later ones are judged against."""


@command.command(
    "set",
    context_settings=COMMAND_SETTINGS,
    epilog="It exits 0 if the run is pinned, 1 if it cannot be, 2 if the ledger cannot be written.",
)
@click.argument("run", metavar="RUN")
@option(
    "--version",
    required=True,
    metavar="VERSION",
    shared=False,
    help="Name of the baseline, like v0.3.0.",
)
@option("--reason", default="", show_default=False, metavar="TEXT", help="Why it is pinned.")
@option("--who", metavar="NAME", help="Who pins it.", show_default="USER@HOST")
@config_options
@written_ledger_options
def set_command(
    run: str,
    version: str,
    reason: str,
    who: str | None,
    config: Path | None,
    environment: str | None,
    ledger: Path | None,
    stack: Path | None,
) -> int:
    """Pin the results of a run. To pin a regression is to accept it.

    RUN is its run_id, or the number of its row in the ledger.
    """

    def pin(opened: Ledger) -> Sequence[str]:
        limits = read_config(config, environment).limits_for
        pinned = Pin(version, who or user_at_host(), time.time(), reason)
        return set_baseline(opened, run, pinned, limits)

    return _with_ledger(ledger, stack, pin, writes="pinning in")


@command.command("list", context_settings=COMMAND_SETTINGS, epilog=READER_STATUS)
@read_ledger_options
def list_command(ledger: Path | None, stack: Path | None) -> int:
    """List the runs that are pinned."""
    return _with_ledger(ledger, stack, list_baselines)


@command.command(
    "show",
    context_settings=COMMAND_SETTINGS,
    epilog="It exits 0 if something is pinned under the name, 1 if nothing is, 2 if the "
    "ledger cannot be read.",
)
@click.argument("name", metavar=RUN_OR_VERSION)
@read_ledger_options
def show_command(name: str, ledger: Path | None, stack: Path | None) -> int:
    """Show the values that are pinned of a run or version."""
    return _with_ledger(ledger, stack, lambda opened: show_baseline(opened, name))


@command.command(
    "clear",
    context_settings=COMMAND_SETTINGS,
    epilog="It exits 0 if something is pinned under the name, 1 if nothing is, 2 if the "
    "ledger cannot be written.",
)
@click.argument("name", metavar=RUN_OR_VERSION)
@written_ledger_options
def clear_command(name: str, ledger: Path | None, stack: Path | None) -> int:
    """Unpin a run or version."""
    return _with_ledger(
        ledger, stack, lambda opened: clear_baseline(opened, name), writes="clearing in"
    )
