"""What each command exits with: that its help says so, and that it does."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from benchmark_exporter.__main__ import main
from benchmark_exporter.commands.program import COMMANDS, program
from benchmark_exporter.ledger import Ledger


def commands() -> Iterator[tuple[str, ...]]:
    """The words of each command, of a group those of each of its own."""
    for name in COMMANDS:
        command = program.get_command(click.Context(program), name)
        if isinstance(command, click.Group):
            yield from ((name, each) for each in command.commands)
        else:
            yield (name,)


def help_of(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main([*words, "--help"]) == 0
    return " ".join(capsys.readouterr().out.split())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory outside of any stack, with a ledger without runs and a strange file."""
    monkeypatch.chdir(tmp_path)
    Ledger(tmp_path / "ledger.sqlite3").close()
    (tmp_path / "odd.json").write_text('{"a": 1}')
    return tmp_path


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_the_help_says_what_a_command_exits_with(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert re.search(r"\b(It exits|Exit) .*\b(0|status)\b", help_of(words, capsys))


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("history", 0),
        ("history --changes", 0),
        ("digest", 0),
        ("baseline list", 0),
        ("baseline show v1", 1),
        ("baseline clear v1 --ledger ledger.sqlite3", 1),
        ("baseline set 17 --version v1 --ledger ledger.sqlite3", 1),
        ("triage list", 0),
        ("triage history", 0),
        ("triage times", 0),
        ("triage set noise parse --ledger ledger.sqlite3", 1),
        ("delete --run 17 --ledger ledger.sqlite3", 0),
        ("rename parse parsing --ledger ledger.sqlite3", 2),
        ("diff commit:1234567 commit:7654321", 2),
        ("check odd.json", 1),
        ("check --gate odd.json", 2),
        ("backfill --dry-run", 0),
        ("backfill --dry-run odd.json", 1),
        ("import --dry-run odd.json", 1),
        ("push odd.json", 2),
        ("ci-status --status pass", 2),
        ("ci-status --status cancelled --pipeline p --branch b --trigger t --run-id 1", 0),
        ("healthcheck --listen 127.0.0.1:1", 1),
        ("bisect --good main --bad main -- true", 1),
        ("compare --base main -- true", 2),
        ("comment --from nothing.json", 2),
    ],
)
def test_a_command_exits_with_what_its_help_says(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str,
    status: int,
) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL"):
        monkeypatch.delenv(name, raising=False)
    words = line.split()
    assert main(words) == status
    shown = help_of(next(each for each in commands() if list(each) == words[: len(each)]), capsys)
    assert str(status) in re.findall(r"\b\d+\b", re.split(r"It exits|Exit ", shown)[1])
    assert sorted(path.name for path in folder.glob("*.json")) == ["odd.json"]


@pytest.mark.parametrize(
    "line",
    [
        "history",
        "digest",
        "baseline list",
        "baseline show v1",
        "triage list",
        "triage history",
        "triage times",
        "delete --run 17",
        "rename parse parsing",
        "baseline clear v1",
        "triage set noise parse",
    ],
)
def test_without_a_ledger_a_command_exits_with_2(folder: Path, line: str) -> None:
    assert main([*line.split(), "--ledger", str(folder / "none.sqlite3")]) == 2
