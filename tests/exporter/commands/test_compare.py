"""`benchmark-exporter compare` on real commands, folders and a git repository."""

import json
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.support.process import DEADLINE_SECONDS

SLEEP = "import sys, time; time.sleep(float(open('seconds').read()))"
# Writes the document of its first argument, with times that are slower by the factor of its third.
WRITE = """
import json, pathlib, sys
text, folder, factor = sys.argv[1:]
document = json.loads(text)
document["results"][0]["times"] = [0.01 * float(factor)] * 3
pathlib.Path(folder, "times.json").write_text(json.dumps(document))
"""


def _hyperfine(**seconds: float) -> str:
    """A document of hyperfine, with three equal times of each command."""
    return json.dumps(
        {
            "results": [
                {
                    "command": name,
                    "mean": each,
                    "median": each,
                    "min": each,
                    "max": each,
                    "stddev": 0.0,
                    "user": 0.001,
                    "system": 0.001,
                    "times": [each] * 3,
                    "exit_codes": [0] * 3,
                }
                for name, each in seconds.items()
            ]
        }
    )


needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def _compare(
    folder: Path, *words: str, options: tuple[str, ...] = ("--max-time=15s", "--noise-rounds=2")
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmark_exporter", "compare", *options, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=4 * DEADLINE_SECONDS,
    )


def _git(folder: Path, *words: str) -> str:
    ended = subprocess.run(
        ["git", "-c", "user.name=n", "-c", "user.email=e@example.org", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose newest commit made it three times slower, with a folder in it."""
    folder = tmp_path / "repository"
    (folder / "below").mkdir(parents=True)
    _git(folder, "init", "--quiet")
    for seconds in ("0.01", "0.04"):
        (folder / "below" / "seconds").write_text(seconds)
        _git(folder, "add", ".")
        _git(folder, "commit", "--quiet", "--message", f"sleep {seconds} s")
    return folder / "below"


@needs_git
def test_a_slow_commit_is_worse(repository: Path) -> None:
    ended = _compare(repository, "--base=HEAD~1", "--head=HEAD", "--", sys.executable, "-c", SLEEP)
    assert ended.returncode == 1, ended
    assert any(
        line.startswith("time ") and line.endswith("worse") for line in ended.stdout.splitlines()
    ), ended.stdout
    # Nothing that was checked out is left.
    assert len(_git(repository, "worktree", "list").splitlines()) == 1


@needs_git
def test_the_head_is_the_working_directory_by_default(repository: Path) -> None:
    (repository / "seconds").write_text("0.001")
    ended = _compare(repository, "--format=json", "--base=HEAD", "--", sys.executable, "-c", SLEEP)
    (compared,) = (
        each for each in json.loads(ended.stdout)["results"] if each["quantity"]["name"] == "time"
    )
    assert compared["outcome"] == "better"
    assert compared["change"]["high"] < 0


@needs_git
def test_what_cannot_be_compared_is_named(repository: Path) -> None:
    command = ("--", sys.executable, "-c", SLEEP)
    wrong = {
        ("--base=nowhere", *command): "has no commit nowhere",
        ("--base=--help", *command): "has no commit --help",
        ("--base=HEAD", "--", "no-such-command"): "base: no-such-command: No such file",
        ("--base=HEAD", "--prepare=echo why; exit 3", *command): "status 3\n  why",
        ("--base=HEAD", "--", sys.executable, "-c", "import sys; sys.exit('because')"): "because",
        command: "--base REF",
        ("--base=HEAD",): "say what to run",
        ("--base=HEAD", "--detect=0%", *command): "0%",
        ("--base=HEAD", "--max-time=5", *command): "90s",
        ("--base-results=x", *command): "belong together",
    }
    for words, reason in wrong.items():
        ended = _compare(repository, *words)
        assert ended.returncode == 2, words
        assert reason in ended.stderr, words
        assert "Traceback" not in ended.stderr
    assert len(_git(repository, "worktree", "list").splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@needs_git
def test_a_stop_ends_the_command_and_removes_the_checkout(
    repository: Path, tmp_path: Path, number: signal.Signals
) -> None:
    write = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
    running = tmp_path / "running"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "benchmark_exporter", "compare", "--base=HEAD"),
            *("--", sys.executable, "-c", write, str(running)),
        ],
        cwd=repository,
    )
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (running.exists() and running.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert len(_git(repository, "worktree", "list").splitlines()) == 2
    process.send_signal(number)
    assert process.wait(DEADLINE_SECONDS) == 128 + number
    assert len(_git(repository, "worktree", "list").splitlines()) == 1
    with suppress(psutil.NoSuchProcess):  # nobody may have waited for it, which is not ours to do
        assert psutil.Process(int(running.read_text())).status() == psutil.STATUS_ZOMBIE


def test_documents_of_the_command_are_the_measurement(tmp_path: Path) -> None:
    (tmp_path / "write.py").write_text(WRITE)
    text = shlex.quote(_hyperfine(one=0.01, two=0.02))
    program = f"{sys.executable} write.py {text} {{results}}"
    output = tmp_path / "comparison.md"
    ended = _compare(
        tmp_path,
        f"--base-command={program} 1",
        f"--head-command={program} 1.5",
        "--format=markdown",
        f"--output={output}",
    )
    assert ended.returncode == 1, ended
    assert output.read_text() == ended.stdout
    rows = [line for line in ended.stdout.splitlines() if line.startswith("| ")]
    assert rows[0] == "| Result | Base | Head | Change | 99% interval | Noise | Verdict |"
    assert rows[1] == "| one | 10 ms | 15 ms | +50.00% | +50.00% to +50.00% | 0.00% | worse |"
    assert {row.split(" | ")[-1] for row in rows[2:]} == {"same |"}


def test_folders_of_results(tmp_path: Path) -> None:
    for side, seconds in (("base", 0.01), ("head", 0.012)):
        (tmp_path / side).mkdir()
        for number in range(26):
            file = tmp_path / side / f"{number:02}.json"
            file.write_text(_hyperfine(one=seconds, two=0.02))
    ended = _compare(tmp_path, "--base-results=base", "--head-results=head")
    assert ended.returncode == 1, ended
    assert "1 worse" in ended.stdout
    ended = _compare(tmp_path, "--base-results=base", "--head-results=base")
    assert ended.returncode == 0, ended
    (tmp_path / "empty").mkdir()
    ended = _compare(tmp_path, "--base-results=base", "--head-results=empty")
    assert (ended.returncode, ended.stderr) == (
        2,
        "benchmark-exporter: empty has no result file\n",
    )


@pytest.fixture
def slower_one(tmp_path: Path) -> Path:
    """A folder with results of two sides, of which head is slower in `one` and not in `two`."""
    for side, seconds in (("base", 0.01), ("head", 0.012)):
        (tmp_path / side).mkdir()
        for number in range(26):
            (tmp_path / side / f"{number:02}.json").write_text(_hyperfine(one=seconds, two=0.02))
    return tmp_path


FOLDERS = ("--base-results=base", "--head-results=head")


def test_one_measurement_is_written_in_several_forms(slower_one: Path) -> None:
    ended = _compare(
        slower_one,
        *FOLDERS,
        *("--output=json=a.json", "--output=markdown=a.md", "--output=plain.txt"),
    )
    assert ended.returncode == 1, ended
    document = json.loads((slower_one / "a.json").read_text())
    outcomes = {each["quantity"]["name"]: each["outcome"] for each in document["results"]}
    assert outcomes == {"one": "worse", **dict.fromkeys(set(outcomes) - {"one"}, "same")}
    assert (slower_one / "a.md").read_text().startswith("| Result | Base |")
    # Without a form of its own, it is that of --format.
    assert (slower_one / "plain.txt").read_text() == ended.stdout
    assert ended.stdout.startswith("RESULT ")


def test_a_file_that_cannot_be_written_is_named_and_costs_no_other(slower_one: Path) -> None:
    ended = _compare(slower_one, *FOLDERS, "--output=json=none/a.json", "--output=markdown=a.md")
    assert ended.returncode == 2
    assert ended.stderr == "benchmark-exporter: none/a.json: No such file or directory\n"
    assert (slower_one / "a.md").read_text().startswith("| Result | Base |")
    assert ended.stdout.startswith("RESULT ")
    ended = _compare(slower_one, *FOLDERS, "--output=json=")
    assert ended.returncode == 2
    assert "'json=' names no file" in ended.stderr


def test_only_selected_results_decide_the_exit_status(slower_one: Path) -> None:
    assert _compare(slower_one, *FOLDERS, "--result=o*").returncode == 1
    ended = _compare(slower_one, *FOLDERS, "--result=two")
    assert ended.returncode == 0, ended
    assert "1 same, 5 not selected (" in ended.stdout
    ended = _compare(slower_one, *FOLDERS, "--result=two", "--result=three")
    assert ended.returncode == 2
    assert ended.stderr.startswith("benchmark-exporter: there is no result three; there are one, ")


def test_memory_of_a_small_command_is_its_own(tmp_path: Path) -> None:
    """Not that of the program that compares."""
    allocate = "import sys; x = bytearray(int(sys.argv[1]) << 20)"
    program = f"{sys.executable} -I -S -c '{allocate}'"
    ended = _compare(
        tmp_path,
        *("--format=json", f"--base-command={program} 1", f"--head-command={program} 9"),
        options=("--max-time=2s", "--noise-rounds=2"),
    )
    (memory,) = (
        each
        for each in json.loads(ended.stdout)["results"]
        if each["quantity"]["name"] == "peak memory"
    )
    assert 6e6 < memory["head"] - memory["base"] < 10e6
