"""`benchmark-exporter digest`: what a week made better and worse, as the weekly digest says it."""

import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from benchmark_exporter.commands import EXIT_OK
from benchmark_exporter.commands.options import (
    COMMAND_SETTINGS,
    DEFAULT_LEDGER,
    READER_STATUS,
    Command,
    Unusable,
    only,
    read_ledger_options,
    time_options,
)
from benchmark_exporter.commands.output import show, show_all
from benchmark_exporter.commands.stack_file import StackError, find_ledger
from benchmark_exporter.digest.weekly import DAY_SECONDS, digests_of, lines, summary
from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.week import WeekRows, read_week

WEEK_SECONDS = 7 * DAY_SECONDS


@click.command(cls=Command, context_settings=COMMAND_SETTINGS, epilog=READER_STATUS)
@read_ledger_options
@time_options
@only("--project", "NAME", "this project")
def command(
    ledger: Path | None,
    stack: Path | None,
    since: float | None,
    until: float | None,
    project: str | None,
) -> int:
    """Show what became worse and better, and which regressions are open the longest.

    It is of the last seven days, or of the time that is given. The ledger is only read; its
    exporter goes on writing.
    """
    now = time.time()
    first = (now if until is None else until) - WEEK_SECONDS if since is None else since
    try:
        path, _ = find_ledger(ledger, stack, default=DEFAULT_LEDGER)
        week = read_week(path, first, math.inf if until is None else until, project)
    except (LedgerError, StackError) as error:
        raise Unusable(str(error)) from error
    found = list(_lines(week, now))
    if found:
        show_all(found)
    else:
        show("nothing changed, and no regression is open", file=sys.stderr)
    return EXIT_OK


def _lines(week: WeekRows, now_seconds: float) -> Iterator[str]:
    for number, digest in enumerate(digests_of(week)):
        if number:
            yield ""
        yield summary(digest)
        yield from lines(digest, now_seconds)
