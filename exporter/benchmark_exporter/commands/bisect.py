"""`benchmark-exporter bisect`: the first commit that is slower than a good one."""

import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmark_exporter.bisect import report
from benchmark_exporter.bisect.checkouts import checked_out_sides
from benchmark_exporter.bisect.position import Position
from benchmark_exporter.bisect.repository import Repository
from benchmark_exporter.bisect.search import Ending, Progress, search
from benchmark_exporter.bisect.state import Arguments, State, StateFile
from benchmark_exporter.commands.measuring import (
    Measuring,
    Reporting,
    RoundProgress,
    ended_by_sigterm,
    measuring_options,
)
from benchmark_exporter.commands.options import (
    WORDS_METAVAR,
    WORDS_SETTINGS,
    Command,
    Unusable,
    option,
)
from benchmark_exporter.commands.output import show
from benchmark_exporter.compare.documents import CompareError
from benchmark_exporter.compare.rounds import Plan

EXIT_ERROR = 1
EXIT_OF: dict[Ending, int] = {"found": 0, "no difference": 1, "undecided": 2}
RENDERERS: dict[str, Callable[[report.Ended], str]] = {
    "table": lambda ended: "\n".join(report.as_table(ended)),
    "markdown": lambda ended: "\n".join(report.as_markdown(ended)),
    "json": report.as_json,
}


class _Failed(Unusable):
    """The bisection cannot be made. Exit status 2 would say that it is undecided."""

    exit_code = EXIT_ERROR


class _Command(Command):
    def make_context(self, *arguments: Any, **settings: Any) -> click.Context:
        """Errors in the arguments exit 1 too."""
        try:
            return super().make_context(*arguments, **settings)
        except click.UsageError as error:
            error.exit_code = EXIT_ERROR  # type: ignore[misc]  # click reads it from the instance
            raise


@click.command(
    "bisect",
    cls=_Command,
    context_settings=WORDS_SETTINGS,
    options_metavar=WORDS_METAVAR,
    epilog="It exits 0 if the commit is found, 1 if good and bad do not differ or the bisection "
    "cannot be made, 2 if it is undecided which commit it is. Ctrl-C stops it; the same command "
    "goes on.",
)
@option("--good", metavar="REF", required=True, shared=False, help="Commit that is fast.")
@option("--bad", metavar="REF", required=True, shared=False, help="Commit that is slow.")
@option(
    "--result",
    metavar="NAME",
    shared=False,
    help="Result to follow.",
    show_default="the one that became worse most",
)
@option("--restart", is_flag=True, help="Discard what a stopped bisection has found.")
@measuring_options(
    "Skip a commit that is undecided after so long: 90s, 10m, 2h.",
    "COMMAND [ARGUMENT]...",
    help="Change from the good commit that makes one slow.",
    show_default="half of the change between good and bad",
)
def command(
    good: str,
    bad: str,
    result: str | None,
    restart: bool,
    measuring: Measuring,
    reporting: Reporting,
) -> int:
    """Find the first commit that made a command slower.

    Each commit that is tested is checked out next to the good one, in a folder of its own, and both
    run COMMAND in turn, as `compare` does. What cannot be built or measured is skipped.
    """
    if not measuring.words:
        raise _Failed("say what to run: COMMAND")
    plan = measuring.plan()
    try:
        with ended_by_sigterm():
            repository = Repository(Path.cwd())
            arguments = Arguments(
                repository.commit(good),
                repository.commit(bad),
                measuring.words,
                str(repository.below),
                measuring.prepare,
                result,
                measuring.detect,
            )
            file = StateFile(repository.state_file)
            with file.locked():
                ended = _bisect(repository, file, _state(file, arguments, restart), plan)
    except CompareError as error:
        raise _Failed(str(error)) from error
    reporting.show(RENDERERS, ended, _Failed)
    return EXIT_OF[ended.found.ending]


def _state(file: StateFile, arguments: Arguments, restart: bool) -> State:
    """What a stopped bisection with these arguments has found, or a state to begin with."""
    try:
        state = file.read()
    except CompareError:
        if not restart:
            raise
        state = None
    if state is None or restart:
        # What a killed one has checked out is still to be removed.
        return State(arguments, folder="" if state is None else state.folder)
    if differs := arguments.difference(state.arguments):
        raise CompareError(
            f"a bisection with other arguments was stopped and is kept in {file.path}; "
            f"what differs: {differs}. Repeat its command to go on with it, or begin again with "
            "--restart"
        )
    tests = len(state.tested) + (state.bad is not None)
    show(f"going on with a stopped bisection: {tests} commits are compared", file=sys.stderr)
    return state


def _bisect(repository: Repository, file: StateFile, state: State, plan: Plan) -> report.Ended:
    try:
        with (
            checked_out_sides(repository, state, file.write) as sides,
            RoundProgress() as progress,
        ):
            reports = Progress(progress.report, partial(_announce, repository, state))
            found = search(repository, state, plan, sides, file.write, reports)
    except KeyboardInterrupt:
        show("stopped; the same command goes on from here", file=sys.stderr)
        raise
    file.remove()
    arguments = state.arguments
    named = {*found.suspects, arguments.good, arguments.bad}
    named |= {each.commit for each in state.tested}
    return report.Ended(found, state, {each: repository.describe(each) for each in named})


def _announce(
    repository: Repository, state: State, commit: str, now: Position, seconds: float | None
) -> None:
    """Says which commit is tested next, how many may follow, and how long that may take."""
    tested = len(state.tested)
    subject = repository.describe(commit).subject
    left = "" if seconds is None else f", about {timedelta(seconds=round(seconds))} left"
    show(
        f"commit {tested + 1} of about {tested + now.steps_left}{left}: "
        f"{commit[: report.HASH_CHARACTERS]} {subject}",
        file=sys.stderr,
    )
