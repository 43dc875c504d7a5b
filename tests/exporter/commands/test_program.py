"""The program: what it dispatches to, and what it loads for that."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from benchmark_exporter.__main__ import EXIT_OK, EXIT_UNUSABLE, main
from benchmark_exporter.commands.program import ALIASES, COMMANDS
from tests.support.paths import REPOSITORY
from tests.support.process import COMMAND

# Printed by a program that has run the command, after its output.
LOADED = """
import sys
from benchmark_exporter.__main__ import main
status = main(sys.argv[1:])
print(*sorted(sys.modules))
"""


def loaded(folder: Path, *words: str) -> set[str]:
    """The modules that a command loads, apart from the standard library's."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    names = done.stdout.splitlines()[-1].split()
    return {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}


def ours(names: set[str]) -> set[str]:
    package = "benchmark_exporter"
    return {name.removeprefix(f"{package}.") for name in names if name.startswith(package)}


def others(names: set[str]) -> set[str]:
    tops = {name.partition(".")[0] for name in names} - {"benchmark_exporter"}
    # Python's own: what runs the program, and what finds editable installations.
    return {top for top in tops if not top.startswith(("_", "sitecustomize"))}


def test_the_version_loads_no_library(tmp_path: Path) -> None:
    names = loaded(tmp_path, "--version")
    assert others(names) == set()
    assert ours(names) == {"benchmark_exporter", "__main__", "commands"}


# What says values to people: few texts are in other languages, and these do not load them.
SAYING = ("wording", "texts", "texts.say")


def test_a_health_check_loads_click_alone(tmp_path: Path) -> None:
    names = loaded(tmp_path, "healthcheck", "--listen=127.0.0.1:1")
    assert others(names) == {"click"}
    modules = {"options", "output", "program", "values", "healthcheck"}
    assert ours(names) == {
        "benchmark_exporter",
        "__main__",
        "commands",
        *SAYING,
        *(f"commands.{each}" for each in modules),
    }


def test_run_loads_what_the_client_needs(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    names = loaded(tmp_path, "run", "--", "true")
    assert others(names) == {"click", "psutil"}
    modules = {"options", "output", "program", "values", "run", "stack_file"}
    assert {name for name in ours(names) if not name.startswith("client")} == {
        *("benchmark_exporter", "__main__", "commands", "atomic_write", *SAYING),
        *(f"commands.{each}" for each in modules),
    }


def test_help_loads_no_command(tmp_path: Path) -> None:
    names = loaded(tmp_path, "--help")
    assert others(names) == {"click"}
    assert "commands.serve" not in ours(names)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == EXIT_OK
    output = capsys.readouterr().out
    listed = [line.split()[0] for line in output.splitlines() if line.startswith("  ")]
    assert [name for name in listed if name in COMMANDS] == list(COMMANDS)
    assert not set(ALIASES) & set(listed)


def test_every_command_has_a_module_and_the_modules_have_commands() -> None:
    folder = REPOSITORY / "exporter" / "benchmark_exporter" / "commands"
    declaring = {
        path.stem
        for path in folder.glob("*.py")
        if "\ndef command(" in path.read_text(encoding="utf-8")
    }
    assert declaring == {module for module, _ in COMMANDS.values()}


@pytest.mark.parametrize("words", [["--version"], ["--version", "serve"]])
def test_the_version(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(words) == EXIT_OK
    assert capsys.readouterr().out == f"benchmark-exporter {version('benchmark-exporter')}\n"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "Missing command."),
        (["bogus"], "No such command 'bogus'."),
        (["histroy"], "No such command 'histroy'. Did you mean 'history'?"),
        (["serve", "--bogus"], "No such option"),
        (["baseline"], "Missing command."),
        (["push"], "Missing argument 'FILE...'."),
        (["history", "--limit=0"], "Invalid value for '--limit': 0 is not in the range x>=1."),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_a_wrong_command_line_is_unusable(
    capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    assert main(words) == EXIT_UNUSABLE
    captured = capsys.readouterr()
    assert (captured.out, captured.err.startswith("Usage: benchmark-exporter ")) == ("", True)
    assert reason in captured.err


def test_a_reader_that_closes_the_pipe_ends_it_quietly() -> None:
    """The status is 1, since not all was written, as of a gate whose result must not be lost."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*COMMAND, "history", "--help"],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")
