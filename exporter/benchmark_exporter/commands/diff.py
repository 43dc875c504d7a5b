"""`benchmark-exporter diff`: any two runs, commits, branches, environments or baselines."""

from collections.abc import Callable
from pathlib import Path

import click

from benchmark_exporter.commands import EXIT_OK, EXIT_REJECTED, EXIT_UNUSABLE
from benchmark_exporter.commands.measuring import (
    Reporting,
    detect_option,
    report_options,
    seed_option,
)
from benchmark_exporter.commands.options import (
    COMMAND_SETTINGS,
    DEFAULT_LEDGER,
    Command,
    Unusable,
    only,
    option,
    read_ledger_options,
    scope_options,
)
from benchmark_exporter.commands.stack_file import StackError, find_ledger
from benchmark_exporter.diff import report
from benchmark_exporter.diff.diff import DEFAULT_RUNS, Diff, compare_sides
from benchmark_exporter.diff.sides import DiffError
from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.side_reading import SideSelection, read_sides

RENDERERS: dict[str, Callable[[Diff], str]] = {
    "table": lambda diff: "\n".join(report.as_table(diff)),
    "markdown": lambda diff: "\n".join(report.as_markdown(diff)),
    "json": report.as_json,
}


@click.command(
    cls=Command,
    context_settings=COMMAND_SETTINGS,
    epilog="It exits 0 if no result is worse, 1 if one is, 2 if none is worse but one is "
    "undecided, or if the diff cannot be made.",
)
@read_ledger_options
@scope_options
@only("--benchmark", "GLOB", "benchmarks with such a name, like 'router*'")
@option(
    "--runs",
    type=click.IntRange(1),
    default=DEFAULT_RUNS,
    metavar="N",
    help="Compare at most the N newest runs of each side.",
)
@detect_option(
    default="2%", help="A result that changed by less than this for certain is the same."
)
@seed_option
@report_options
@click.argument("base", metavar="A")
@click.argument("head", metavar="B")
def command(
    base: str,
    head: str,
    ledger: Path | None,
    stack: Path | None,
    project: str | None,
    environment: str | None,
    machine_class: str | None,
    benchmark: str | None,
    runs: int,
    detect: float,
    seed: int,
    reporting: Reporting,
) -> int:
    """Compare two sides that are in an exporter's ledger: how B differs from A.

    A side is run:ID (its number in `history`, or its run id), commit:HASH, branch:NAME,
    environment:NAME, baseline, or baseline:VERSION. A plain text may be any of these, if it is only
    one of them.
    """
    selection = SideSelection(project, environment, machine_class, benchmark)
    try:
        path, _ = find_ledger(ledger, stack, default=DEFAULT_LEDGER)
        with read_sides(path, selection) as reader:
            diff = compare_sides(reader, base, head, runs=runs, detect_ratio=detect, seed=seed)
    except (DiffError, LedgerError, StackError) as error:
        raise Unusable(str(error)) from error
    reporting.show(RENDERERS, diff)
    outcomes = {each.outcome for each in diff.results}
    if "worse" in outcomes:
        return EXIT_REJECTED
    return EXIT_UNUSABLE if "undecided" in outcomes else EXIT_OK
