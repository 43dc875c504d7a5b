"""Commands and options that the documentation shows exist."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache

import pytest

from tests.docs.pages import pages
from tests.support.paths import REPOSITORY

MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
MAKE_TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
# To the end of the line, of a code span, or of a shell command within one.
COMMAND = re.compile(r"benchmark-exporter ([a-z][a-z-]*)([^`\n;}]*)")
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
# Pages that people read; CHANGELOG.md also tells of what was.
TEXTS = {
    page.name: page.path.read_text(encoding="utf-8")
    for page in pages()
    if not page.is_generated and page.name != "CHANGELOG.md"
}
# Options of other programs that a code span names alone.
OF_OTHERS = {"--web", "--query", "--receive", "--cluster", "--command-name", "--ignore-failure"}
# Of benchmark tools, whose results docs/formats.md says how to get.
OF_OTHERS |= {"--record-samples", "--exporters", "--summary-export", "--out", "--reporter"}
OF_OTHERS |= {"--output-format", "--latency", "--new-machine-readable-summary"}

SUBCOMMANDS = {"baseline": ("set", "list", "show", "clear"), "triage": ("list", "set", "history")}


@cache
def help_of(*command: str) -> str:
    """What a command of the exporter answers to --help."""
    run = subprocess.run(
        [sys.executable, "-m", "benchmark_exporter", *command, "--help"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@cache
def commands() -> Mapping[str, frozenset[str]]:
    """The options of each subcommand, those of its own subcommands included."""
    found = {}
    listed = help_of().partition("\nCommands:\n")[2].partition("\n\n")[0]
    for name in re.findall(r"^ {2}([a-z][a-z-]+) ", listed, re.MULTILINE):
        texts = [help_of(name)]
        if name in SUBCOMMANDS:
            texts += [help_of(name, each) for each in SUBCOMMANDS[name]]
        found[name] = frozenset(option for text in texts for option in OPTION.findall(text))
    return found


def shown_commands() -> Iterator[tuple[str, str, list[str]]]:
    """Page, subcommand and options of each command line of the exporter in a page."""
    for name, text in TEXTS.items():
        for command, rest in COMMAND.findall(text.replace("\\\n", " ")):
            own = rest.split(" -- ")[0] if command in ("run", "compare") else rest
            yield name, command, OPTION.findall(own)


def test_there_are_commands_to_check() -> None:
    assert {"serve", "check", "push", "run", "history", "watch"} <= commands().keys()
    assert "--ledger" in commands()["history"]
    assert len(list(shown_commands())) > 30


def test_the_options_of_a_shown_command_exist() -> None:
    known = commands()
    wrong = [
        f"{page}: {command} {option}"
        for page, command, options in shown_commands()
        if command in known
        for option in options
        if option not in known[command]
    ]
    assert wrong == []


def test_a_shown_subcommand_exists() -> None:
    in_spans = {
        (name, command)
        for name, text in TEXTS.items()
        for command in re.findall(r"`benchmark-exporter ([a-z][a-z-]*)", text)
    }
    assert in_spans
    assert {each for each in in_spans if each[1] not in commands()} == set()


def test_an_option_that_is_named_alone_is_one_of_some_command() -> None:
    known = {option for options in commands().values() for option in options}
    named = {
        (name, option)
        for name, text in TEXTS.items()
        if name.startswith("docs/") and not name.startswith("docs/runbooks/")
        for option in re.findall(r"`(--[a-z][\w-]*)", text)
    }
    assert named
    assert {each for each in named if each[1] not in known | OF_OTHERS} == set()


@pytest.mark.parametrize("page", sorted(TEXTS))
def test_a_shown_make_target_exists(page: str) -> None:
    shown = re.findall(r"(?:`|^)make ([a-z][a-z-]*)", TEXTS[page], re.MULTILINE)
    assert [target for target in shown if target not in MAKE_TARGETS] == []
