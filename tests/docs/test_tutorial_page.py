"""What compares docs/tutorial.md with real output: `make tutorial`, which CI has no time for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY
from tools.tutorial import Terminal, run_steps
from tools.tutorial_page import Step, differences, normalized, steps

PAGE = (REPOSITORY / "docs" / "tutorial.md").read_text(encoding="utf-8")
SHOWN = [
    "RESULT     BASE      HEAD      CHANGE   99% INTERVAL        NOISE",
    "indexing   3.539 ms  6.323 ms  +82.67%  +69.94% to +97.26%  8.81%  worse",
    "searching  175.7 µs  181.7 µs  +1.22%   -3.09% to +5.77%    6.69%  same",
]
# The same on another machine: other figures, units and order.
REAL = [
    "RESULT     BASE      HEAD      CHANGE   99% INTERVAL       NOISE",
    "searching  975.7 ns  1.817 ms  -1.2%    -3.09% to +5.77%   12%    same",
    "indexing   12 ms     24.5 ms   +101%    +9% to +1,197.26%  8.81%  worse",
]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    shell = Terminal({"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, tmp_path)
    yield shell
    shell.close()


def test_each_prompt_of_the_page_is_a_whole_command() -> None:
    found = list(steps(PAGE))
    assert len(found) == sum(line.startswith("$ ") for line in PAGE.splitlines())
    functions = [step for step in found if step.command.startswith("measure() {")]
    assert functions[0].command.endswith("}")
    (program,) = (step for step in found if "python3 -c '" in step.command)
    assert program.output[-1].startswith("PerformanceRegression suppressed ")
    assert sum(bool(step.watched) for step in found) == 2


def test_what_differs_each_time_is_no_difference() -> None:
    assert differences(SHOWN, REAL) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [("worse", "undecided"), ("indexing", "sorting"), ("NOISE", "CV"), (" ms", "")],
)
def test_another_word_is_a_difference(before: str, after: str) -> None:
    changed = [line.replace(before, after) for line in REAL]
    found = differences(SHOWN, changed)
    assert {line[0] for line in found} == {"-", "+"}


def test_a_line_that_is_missing_or_new_is_a_difference() -> None:
    assert differences(SHOWN, REAL[:-1]) == [f"- {SHOWN[1]}"]
    assert differences(SHOWN[:-1], REAL) == [f"+ {REAL[1]}"]
    assert differences([*SHOWN[:-1], "…"], REAL) == []


def test_what_is_left_out_within_a_line_may_be_anything_and_a_long_line_may_be_wrapped() -> None:
    real = ["taken b (p), after commit b4eadd7377f46948cb8633; by root@vm"]
    assert differences(["taken b (p), after commit b4eadd7…;", "  by ann@laptop"], real) == []
    assert differences(["taken b (p), after commit b4eadd8…;", "  by ann@laptop"], real)


def test_hashes_of_commits_are_compared_and_those_of_runs_are_not() -> None:
    assert normalized("20e1ade README") != normalized("20e1adf README")
    run, other = "20261128T131450Z-f4952926", "20261129T131450Z-aaaaaaaa"
    assert normalized(f"indexing ({run}): 3 ms") == normalized(f"indexing ({other}): 4.1 s")


def test_the_shell_keeps_what_a_command_has_set(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    assert terminal.run("cd below\nname=words") == []
    assert terminal.run("echo $name; basename $PWD; printf end") == ["words", "below", "end"]
    assert terminal.run("ls missing") == []


def test_commands_are_run_and_what_differs_is_printed(
    terminal: Terminal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    transcript = tmp_path / "transcript"
    right = Step("echo 3 ms", ["4 ms"], ["1 seen"])
    assert run_steps([right], terminal, lambda: ["2 seen"], transcript) == 0
    assert transcript.read_text() == "$ echo 3 ms\n3 ms\n2> 2 seen\n\n"
    assert run_steps([right, Step("echo a", ["b"])], terminal, lambda: ["2 seen"]) == 1
    assert "    - b\n    + a\n" in capsys.readouterr().out
