"""The commands of the page do what they say, pasted into a real shell."""

import shutil
import subprocess
from pathlib import Path

import pytest

from benchmark_exporter.benchmark_page.triage_command import stack_command, triage_command
from benchmark_exporter.model import Scope

NAMES = [
    "parse/compiled",
    "two  spaces",
    'it\'s "quoted" $HOME `id` $(id) \\ !x *',
    "-dash",
    "全角 ベンチ",
    "a#b;c&d|e<f>g",
    "line\nbreak\ttab\x7f'",
]
# Prints each word that it was given, with a NUL after it.
PRINT = "#!/bin/sh\nprintf '%s\\0' \"$@\"\n"


@pytest.fixture
def printing(tmp_path: Path) -> str:
    """A folder with a benchmark-exporter that prints its words."""
    program = tmp_path / "benchmark-exporter"
    program.write_text(PRINT)
    program.chmod(0o755)
    return str(tmp_path)


def words(command: str, folder: str, cwd: Path) -> list[str]:
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run(
        [bash, "-c", command],
        capture_output=True,
        check=True,
        cwd=cwd,
        env={"PATH": f"{folder}:/usr/bin:/bin"},
    )
    return done.stdout.decode().split("\0")[:-1]


def expected(name: str, scope: Scope) -> list[str]:
    return [
        *("triage", "set", "acknowledged"),
        f"--project={scope.project}",
        f"--environment={scope.environment}",
        f"--machine-class={scope.machine_class}",
        f"--branch={scope.branch}",
        "--",
        name,
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_command_has_the_words_of_the_result(name: str, printing: str, tmp_path: Path) -> None:
    scope = Scope(name, "ci", "", f"feature/{name}")
    assert words(triage_command(name, scope), printing, tmp_path) == expected(name, scope)


@pytest.mark.parametrize("name", NAMES[:-1])
def test_so_has_the_one_by_make(name: str, printing: str, tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("triage:\n\t@benchmark-exporter triage $(ARGS)\n")
    scope = Scope(name, "ci", "linux x86_64", "main")
    assert words(stack_command(name, scope), printing, tmp_path) == expected(name, scope)
