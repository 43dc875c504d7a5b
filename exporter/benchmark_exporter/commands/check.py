"""`benchmark-exporter check`: what a result file would be ingested as, and judging files in CI."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from benchmark_exporter.atomic_write import write_file
from benchmark_exporter.commands import EXIT_OK, EXIT_REJECTED, values
from benchmark_exporter.commands.checked_runs import CheckedRun
from benchmark_exporter.commands.ci_branches import branches_of
from benchmark_exporter.commands.config_file import read_config
from benchmark_exporter.commands.file_check import check_file
from benchmark_exporter.commands.gate import Gate, GateError
from benchmark_exporter.commands.gate_report import report_of
from benchmark_exporter.commands.gate_summary import as_markdown
from benchmark_exporter.commands.options import (
    COMMAND_SETTINGS,
    Command,
    Unusable,
    config_options,
    file_option,
    files_argument,
    is_on_command_line,
    option,
)
from benchmark_exporter.commands.output import show_all
from benchmark_exporter.config import Config, ConfigError
from benchmark_exporter.ledger import Ledger, LedgerError, refuse_another_schema
from benchmark_exporter.review.report import to_json
from benchmark_exporter.wording import path_and_reason

_OF_GATE = ("ledger", "baseline", "branch", "base_branch", "on_shift", "summary", "report")
STEP_SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"


class CheckCommand(Command):
    """`--baseline` takes all words up to the next option: `--baseline a.json b.json`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeats `--baseline` before each of its words, which is how click knows it."""
        return super().parse_args(ctx, list(_repeated("--baseline", args)))


def _repeated(name: str, words: Sequence[str]) -> Iterator[str]:
    takes = False
    for index, word in enumerate(words):
        if word == "--":
            yield from words[index:]
            return
        if word == name:
            takes = True
            if index + 1 == len(words) or words[index + 1].startswith("-"):
                raise click.UsageError(f"Option '{name}' requires an argument.")
            continue
        takes = takes and not word.startswith("-")
        if takes:
            yield name
        yield word


@click.command(
    cls=CheckCommand,
    context_settings=COMMAND_SETTINGS,
    epilog="It exits 0 if every file would be ingested, 1 if one would be rejected. With --gate: 0 "
    "if the runs pass, 1 if not, 2 if a file cannot be judged.",
)
@files_argument()
@option(
    "--gate",
    is_flag=True,
    help="For CI: judge the runs.",
)
@file_option(
    "--ledger",
    shared=False,  # the exporter's container sets the shared variable, for other commands
    help="With --gate: judge them against the history in an exporter's database too.",
)
@option(
    "--baseline",
    multiple=True,
    type=values.PATH,
    metavar="FILE...",
    help="With --gate: judge them against the result files of earlier runs instead.",
)
@option(
    "--branch",
    metavar="NAME",
    shared=False,
    help="With --ledger: the runs' branch. They are judged against its history if it is tracked, "
    "else against that of its base branch.",
    show_default="as the documents state, else the CI job's",
)
@option(
    "--base-branch",
    metavar="NAME",
    shared=False,
    help="With --ledger: the branch that the runs' branch will be merged into.",
    show_default="as the documents state, else the CI job's, else the default branch",
)
@option(
    "--fail-on",
    type=click.Choice(("critical", "warning")),
    default="critical",
    help="With --gate: the least serious verdict that fails.",
)
@option(
    "--on-shift",
    type=click.Choice(("fail", "pass")),
    default="fail",
    help="With --gate: what to do if nearly all results became worse by about the same ratio, as "
    "on a slower machine, or by code that all of them use.",
)
@file_option(
    "--summary",
    help="With --gate: write the summary, in Markdown, to this file.",
    show_default=f"appended to ${STEP_SUMMARY_VARIABLE}",
)
@file_option(
    "--report",
    help="With --gate: write the outcome as JSON to this file, for `comment`.",
    show_default="none",
)
@config_options
def command(
    files: tuple[Path, ...],
    gate: bool,
    ledger: Path | None,
    baseline: tuple[Path, ...],
    branch: str | None,
    base_branch: str | None,
    fail_on: str,
    on_shift: str,
    summary: Path | None,
    report: Path | None,
    config: Path | None,
    environment: str | None,
) -> int:
    """Show what a result file would be ingested as, or exactly why it would be rejected."""
    try:
        settings = read_config(config, environment)
    except ConfigError as error:
        raise Unusable(str(error)) from error
    if gate:
        if ledger is not None and baseline:
            raise click.UsageError("--ledger and --baseline exclude each other")
        if ledger is None and (branch or base_branch):
            raise click.UsageError("--branch and --base-branch need --ledger")
        branches = {"branch": branch or "", "base_branch": base_branch or ""}
        strictness = {"on_warning": fail_on == "warning", "on_shift": on_shift == "fail"}
        passed, checked = _judge(settings, files, ledger, baseline, branches, strictness)
        text = as_markdown(checked, passed=passed)
        show_all(text.split("\n"))
        _write_summary(text, summary)
        if report is not None:
            _write(report, to_json(report_of(checked, settings, passed=passed)))
        return EXIT_OK if passed else EXIT_REJECTED
    if any(map(is_on_command_line, _OF_GATE)):
        names = (f"--{name.replace('_', '-')}" for name in _OF_GATE)
        raise Unusable(f"{', '.join(names)} need --gate")
    status = EXIT_OK
    for path in files:
        accepted, lines = check_file(path, settings)
        show_all(lines)
        status = status if accepted else EXIT_REJECTED
    return status


def _judge(
    config: Config,
    files: Sequence[Path],
    ledger_path: Path | None,
    baseline: Sequence[Path],
    branches: Mapping[str, str],
    strictness: Mapping[str, bool],
) -> tuple[bool, Sequence[CheckedRun]]:
    if ledger_path is not None and not ledger_path.is_file():
        raise Unusable(f"{ledger_path}: there is no such ledger")
    try:
        if ledger_path is not None:
            refuse_another_schema(ledger_path)
        ledger = None if ledger_path is None else Ledger(ledger_path)
        try:
            gate = Gate(config, ledger, baseline, **branches, job=branches_of(os.environ))
            checked = gate.judge(files)
            return gate.passed(checked, **strictness), checked
        finally:
            if ledger is not None:
                ledger.close()
    except (GateError, LedgerError) as error:
        raise Unusable(str(error)) from error
    except OSError as error:
        raise Unusable(path_and_reason(error)) from error


def _write(path: Path, data: bytes) -> None:
    try:
        write_file(path, data)
    except OSError as error:
        raise Unusable(f"{path}: cannot be written: {error.strerror}") from error


def _write_summary(text: str, given: Path | None) -> None:
    step_summary = os.environ.get(STEP_SUMMARY_VARIABLE)
    path = given or (Path(step_summary) if step_summary else None)
    if path is None:
        return
    try:
        with path.open("w" if given else "a", encoding="utf-8") as file:
            file.write(f"{text}\n")
    except OSError as error:
        raise Unusable(f"{path}: cannot be written: {error.strerror}") from error
