"""`benchmark-exporter run`: any command, unchanged, as a benchmark of its own."""

import sys
from contextlib import suppress
from pathlib import Path

import click

from benchmark_exporter.client.command_run import Finished, RunSettings
from benchmark_exporter.client.machine import find_machine
from benchmark_exporter.client.provenance import Provenance, find_provenance, find_results_dir
from benchmark_exporter.client.run import run
from benchmark_exporter.commands.options import (
    WORDS_METAVAR,
    WORDS_SETTINGS,
    Command,
    folder_option,
    option,
)
from benchmark_exporter.commands.output import show
from benchmark_exporter.commands.stack_file import StackError, find_stack
from benchmark_exporter.wording import with_unit


@click.command(
    cls=Command,
    context_settings=WORDS_SETTINGS,
    options_metavar=WORDS_METAVAR,
    epilog="It exits with the command's status: 128+n for signal n, 127 if there is no such "
    "command, 126 if it cannot be run.",
)
@option(
    "--name",
    metavar="NAME",
    help="Record it as the benchmark run/NAME.",
    show_default="the command's own name",
)
@folder_option(
    "--results-dir",
    help="Folder to record it in.",
    show_default="BENCHMARK_RESULTS_DIR, else results",
)
@option("--project", metavar="NAME", help="Project.", show_default="BENCHMARK_PROJECT")
@option("--environment", metavar="NAME", help="Environment.", show_default="BENCHMARK_ENVIRONMENT")
@option(
    "--commit",
    metavar="HASH",
    help="Commit.",
    show_default="BENCHMARK_COMMIT, else from CI or git",
)
@option(
    "--branch",
    metavar="NAME",
    help="Branch.",
    show_default="BENCHMARK_BRANCH, else from CI or git",
)
@option(
    "--machine-profile",
    metavar="NAME",
    help="What distinguishes this machine from others with its CPU.",
    show_default="BENCHMARK_MACHINE_PROFILE",
)
@option(
    "--no-document",
    is_flag=True,
    help="Only stream the run while it lasts; record no result.",
)
@click.argument(
    "words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND [ARGUMENT]..."
)
def command(
    words: tuple[str, ...],
    name: str | None,
    results_dir: Path | None,
    project: str | None,
    environment: str | None,
    commit: str | None,
    branch: str | None,
    machine_profile: str | None,
    no_document: bool,
) -> int:
    """Run any command, unchanged, and record its duration, CPU and memory.

    What follows COMMAND is passed to it untouched.
    """
    stated = Provenance(project, environment, commit or "", branch or "")
    settings = RunSettings(
        name=name or Path(words[0]).name,
        results_dir=find_results_dir(results_dir),
        provenance=find_provenance(stated),
        machine=find_machine(machine_profile or ""),
        document=not no_document,
    )
    finished = run(words, settings)
    line = _summary(finished, settings)
    if line:
        # A standard error that nobody reads must not change the command's exit status.
        with suppress(OSError, ValueError):
            show(f"benchmark-exporter run: {line}", file=sys.stderr)
    return finished.exit_status


def _summary(finished: Finished, settings: RunSettings) -> str:
    """What was recorded, and where to see it; empty where a reason not to was reported before."""
    benchmark = f"run/{settings.name}"
    ended = finished.ended
    if ended is None:
        return ""
    if finished.document is None:
        if ended.status == "interrupted":
            return f"{benchmark} was interrupted; no result is recorded"
        return "" if settings.document else f"{benchmark} {ended.status}; no result is recorded"
    if ended.error is not None:
        facts = f"failed with {ended.error}"
    else:
        facts = (
            f"{with_unit(ended.wall_seconds, 'seconds')}, "
            f"{with_unit(ended.cpu_seconds, 'seconds')} of CPU"
        )
        if finished.peak_memory_bytes:
            facts += f", {with_unit(finished.peak_memory_bytes, 'bytes')} at peak"
    return f"recorded {benchmark} ({facts}) in {finished.document}{_shown_at(settings)}"


def _shown_at(settings: RunSettings) -> str:
    """The live page of the stack that reads the results folder, if there is one."""
    try:
        stack = find_stack(None, settings.results_dir)
    except StackError:
        return ""  # not what was asked for
    if stack is None or stack.results_dir.resolve() != settings.results_dir.resolve():
        return ""
    stream = stack.addresses.get("stream")
    return "" if stream is None else f"; see http{stream.removeprefix('ws')}"
