"""`benchmark-exporter compare`: two versions on this machine, in turn, with a verdict for each."""

import shlex
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click

from benchmark_exporter.commands import EXIT_OK, EXIT_REJECTED, EXIT_UNUSABLE
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
    folder_option,
    option,
)
from benchmark_exporter.commands.output import show
from benchmark_exporter.compare import report, sides
from benchmark_exporter.compare.comparison import Comparison
from benchmark_exporter.compare.documents import CompareError, read_runs
from benchmark_exporter.compare.measuring import Runner
from benchmark_exporter.compare.rounds import Plan, compare, judge
from benchmark_exporter.compare.sides import Side

EXIT_UNDECIDED = EXIT_UNUSABLE
RENDERERS: dict[str, Callable[[Comparison], str]] = {
    "table": lambda comparison: "\n".join(report.as_table(comparison)),
    "markdown": lambda comparison: "\n".join(report.as_markdown(comparison)),
    "json": report.as_json,
}


@click.command(
    cls=Command,
    context_settings=WORDS_SETTINGS,
    options_metavar=WORDS_METAVAR,
    epilog="It exits 0 if no result is worse, 1 if one is, 2 if none is worse but one is "
    "undecided, or if the comparison cannot be made.",
)
@option("--base", metavar="REF", help="Commit to compare with; it is checked out for the time.")
@option(
    "--head",
    metavar="REF",
    help="Commit to compare; it is checked out likewise.",
    show_default="the working directory as it is",
)
@option("--base-command", metavar="WORDS", help="Command of the base, in place of COMMAND.")
@option("--head-command", metavar="WORDS", help="Command of the head, in place of COMMAND.")
@folder_option("--base-results", help="Result files of the base; each is a run. Nothing is run.")
@folder_option("--head-results", help="Result files of the head, likewise.")
@option(
    "--result",
    "selected",
    multiple=True,
    metavar="NAME",
    shared=False,
    help="Result that decides, or a glob of their names. May be repeated.",
    show_default="all",
)
@measuring_options(
    "Begin no round that would end later: 90s, 10m, 2h.",
    "[COMMAND [ARGUMENT]...]",
    default="2%",
    help="Change to be found; a result that changed by less for certain is the same.",
)
def command(
    base: str | None,
    head: str | None,
    base_command: str | None,
    head_command: str | None,
    base_results: Path | None,
    head_results: Path | None,
    selected: tuple[str, ...],
    measuring: Measuring,
    reporting: Reporting,
) -> int:
    """Compare two versions by running them in turn on this machine.

    COMMAND runs in base, head, head, base, and so on, which cancels drifts of the machine. It
    measures what it writes as result files into the folder {results}, which is also in the
    variable BENCHMARK_RESULTS_DIR; without any, its duration and its peak memory are compared.
    """
    words, prepare = measuring.words, measuring.prepare
    plan = measuring.plan(selected)
    try:
        if base_results is not None or head_results is not None:
            if base_results is None or head_results is None or words or base or head:
                raise Unusable("--base-results and --head-results belong together, without COMMAND")
            comparison = _compare_folders(base_results, head_results, plan)
        else:
            with ExitStack() as stack, ended_by_sigterm():
                old = _side("base", base, base_command, words, stack)
                new = _side("head", head, head_command, words, stack)
                comparison = _compare_sides(old, new, prepare, plan)
    except CompareError as error:
        raise Unusable(str(error)) from error
    reporting.show(RENDERERS, comparison)
    outcomes = {each.outcome for each in comparison.results}
    if "worse" in outcomes:
        return EXIT_REJECTED
    return EXIT_UNDECIDED if "undecided" in outcomes else EXIT_OK


def _side(
    name: str, ref: str | None, own: str | None, words: tuple[str, ...], stack: ExitStack
) -> Side:
    here = Path.cwd()
    if own is not None:
        try:
            words = tuple(shlex.split(own))
        except ValueError as error:
            raise Unusable(f"--{name}-command: {error}") from error
    if not words:
        raise Unusable(f"say what to run: COMMAND, or --{name}-command")
    if ref is None:
        if name == "base" and own is None:
            raise Unusable("say what to compare with: --base REF, or --base-command WORDS")
        return Side(name, words, here)
    top, below = sides.repository_of(here)
    return Side(name, words, stack.enter_context(sides.checked_out(top, ref)) / below)


def _compare_sides(base: Side, head: Side, prepare: str | None, plan: Plan) -> Comparison:
    if prepare is not None:
        for side in (base, head):
            if side is base or side.folder != base.folder:
                show(f"preparing {side.name}", file=sys.stderr)
                sides.prepare(side, prepare)
    with Runner() as runner, RoundProgress(plan.max_seconds) as reports:
        return compare(
            lambda: runner.measure(base), lambda: runner.measure(head), plan, reports.report
        )


def _compare_folders(base: Path, head: Path, plan: Plan) -> Comparison:
    """Two runs of each folder make a round, in the order in which they were made."""
    old, new = read_runs(base), read_runs(head)
    rounds = min(len(old), len(new)) // 2
    if not rounds:
        raise CompareError("each folder needs two result files at least, of two runs")
    return judge(
        [(old[at], new[at], new[at + 1], old[at + 1]) for at in range(0, 2 * rounds, 2)],
        [],
        plan,
    )
