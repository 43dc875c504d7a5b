"""`benchmark-exporter bisect` on repositories, with a program that writes simulated times."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from benchmark_exporter.__main__ import main
from tests.support.process import DEADLINE_SECONDS
from tests.support.repositories import commit_all, git, needs_git, with_levels

BUILD = "test ! -e broken || { echo cannot build; exit 3; }"
BENCH = ("--", "sh", "bench.sh", "{results}")


class Checkout:
    """A repository, whose working directory has changes of the user's own."""

    def __init__(self, folder: Path, levels: Sequence[int | None]) -> None:
        self.folder = folder / "repository"
        self._temporary = folder / "temporary"
        self._temporary.mkdir()
        self._runs = folder / "runs"
        self.commits = with_levels(self.folder, levels)
        (self.folder / "level").write_text("999\n")
        (self.folder / "mine").touch()
        self._status = self._looks()

    @property
    def ends(self) -> tuple[str, str]:
        return f"--good={self.commits[0]}", "--bad=main"

    @property
    def environment(self) -> Mapping[str, str]:
        return {**os.environ, "RUNS_MADE": str(self._runs), "TMPDIR": str(self._temporary)}

    def words(self, *options: str) -> Sequence[str]:
        program = (sys.executable, "-m", "benchmark_exporter", "bisect")
        few = ("--noise-rounds=2", "--warmups=0")
        return [*program, *few, f"--prepare={BUILD}", *options]

    def bisect(self, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.words(*options),
            cwd=self.folder,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=10 * DEADLINE_SECONDS,
        )

    @property
    def state_file(self) -> Path:
        return self.folder / ".git" / "benchmark-bisect.json"

    def hold(self, text: str, *options: str) -> tuple[subprocess.Popen[str], int]:
        """A bisection, and the benchmark in it that waits since the state file has a text."""
        hold = {"HOLD_FILE": str(self.state_file), "HOLD_TEXT": text}
        process = subprocess.Popen(
            self.words(*options),
            cwd=self.folder,
            env={**self.environment, **hold},
            stderr=subprocess.PIPE,
            text=True,
        )
        holding = self._runs.with_name("runs.holding")
        deadline = time.monotonic() + 2 * DEADLINE_SECONDS
        while not (holding.exists() and holding.read_text().endswith("\n")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return process, int(holding.read_text())

    def assert_untouched(self) -> None:
        """Nothing that was checked out is left, and the user's files are as they were."""
        assert len(git(self.folder, "worktree", "list").splitlines()) == 1
        assert list(self._temporary.iterdir()) == []
        assert self._looks() == self._status

    def _looks(self) -> Sequence[object]:
        files = sorted(path for path in self.folder.iterdir() if path.is_file())
        status = git(self.folder, "status", "--porcelain")
        return [status, git(self.folder, "rev-parse", "HEAD"), [file.read_text() for file in files]]


@needs_git
def test_the_commit_is_found(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, [100, 100, None, 100, 110, 110])
    output = tmp_path / "found.md"
    # A hook's variables name a repository that is not to be written to.
    hook = {"GIT_INDEX_FILE": str(checkout.folder / ".git" / "index"), "GIT_DIR": "nowhere"}
    ended = checkout.bisect(
        *checkout.ends, "--format=markdown", f"--output={output}", *BENCH, **hook
    )
    assert ended.returncode == 0, ended
    assert output.read_text() == ended.stdout
    culprit = checkout.commits[4]
    assert f"first slow commit: {culprit}\n  commit 4: 110 (Ann, " in ended.stdout
    lines = ended.stdout.splitlines()
    assert lines[0] == "| Commit | Subject | Change | 99% interval | Rounds | Verdict |"
    assert lines[2].startswith(f"| {checkout.commits[5][:12]} | commit 5: 110 | +")
    assert "commit 1 of about " in ended.stderr
    assert " left: " in ended.stderr
    checkout.assert_untouched()
    assert not (checkout.folder / ".git" / "benchmark-bisect.json").exists()


@needs_git
def test_a_culprit_that_does_not_build_is_undecided(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, [100, None, 120])
    ended = checkout.bisect(*checkout.ends, "--format=json", *BENCH)
    assert ended.returncode == 2, ended
    document = json.loads(ended.stdout)
    assert document["ending"] == "undecided"
    assert {each["hash"] for each in document["suspects"]} == set(checkout.commits[1:])
    bad, skipped = document["tested"]
    assert (bad["verdict"], skipped["verdict"]) == ("slow", "skipped")
    assert "status 3" in skipped["reason"]
    assert "cannot build" in skipped["reason"]
    checkout.assert_untouched()


@needs_git
def test_a_stopped_bisection_goes_on(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, [100] * 4 + [120] * 4)
    process, _ = checkout.hold('"tested":\\[{', *checkout.ends, *BENCH)
    meanwhile = checkout.bisect(*checkout.ends, *BENCH)
    assert (meanwhile.returncode, "another bisect is running" in meanwhile.stderr) == (1, True)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=2 * DEADLINE_SECONDS)
    assert process.returncode == 130
    assert "the same command goes on from here" in said
    checkout.assert_untouched()
    (tested, *_) = json.loads(checkout.state_file.read_bytes())["tested"]

    changed = checkout.bisect(*checkout.ends, "--detect=5%", *BENCH)
    assert changed.returncode == 1
    assert "what differs: detect_ratio" in changed.stderr
    assert str(checkout.state_file) in changed.stderr

    ended = checkout.bisect(*checkout.ends, "--format=json", *BENCH)
    assert ended.returncode == 0, ended
    assert "going on with a stopped bisection: " in ended.stderr
    document = json.loads(ended.stdout)
    assert document["suspects"][0]["hash"] == checkout.commits[4]
    assert document["tested"][1] == tested
    checkout.assert_untouched()


@needs_git
def test_what_a_killed_bisection_left_is_removed_and_restart_discards_it(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, [100, 100, 120])
    process, held = checkout.hold('"folder"', *checkout.ends, *BENCH)
    process.kill()
    os.kill(held, signal.SIGKILL)  # nobody is left who would
    process.communicate(timeout=DEADLINE_SECONDS)
    assert len(git(checkout.folder, "worktree", "list").splitlines()) == 3
    ended = checkout.bisect("--detect=5%", "--restart", *checkout.ends, *BENCH)
    assert ended.returncode == 0, ended
    assert checkout.commits[2] in ended.stdout
    checkout.assert_untouched()


@needs_git
def test_what_cannot_be_bisected_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout = Checkout(tmp_path, [100, None, 100])
    monkeypatch.chdir(checkout.folder)
    for name, text in checkout.environment.items():
        monkeypatch.setenv(name, text)
    ends, broken = ("--good=main~2", "--bad=main"), checkout.commits[1]
    wrong: dict[tuple[str, ...], str] = {
        ("--good=nowhere", "--bad=main", *BENCH): "has no commit nowhere",
        ("--good=--help", "--bad=main", *BENCH): "has no commit --help",
        ("--good=main", *BENCH): "Missing option '--bad'",
        ("--good=main", "--bad=main", *BENCH): "same commit",
        ("--good=main", "--bad=main~1", *BENCH): "comes before",
        ("--good=main~1", "--bad=main", *BENCH): "good: the preparation ended with status 3",
        ("--good=main~2", f"--bad={broken}", *BENCH): "bad: the preparation ended with status 3",
        ends: "say what to run",
        (*ends, "--result=rest", *BENCH): "no result rest; there are work",
        (*ends, "--detect=2", *BENCH): "a share like 2%",
        (*ends, "--", "false"): "good: the command ended with status 1",
    }
    for words, reason in wrong.items():
        assert main(checkout.words("--restart", *words)[3:]) == 1, words
        assert reason in capsys.readouterr().err, words
    checkout.assert_untouched()
    assert main(checkout.words("--restart", *ends, "--detect=10%", *BENCH)[3:]) == 1
    assert "bad is not slower than good: work changed by " in capsys.readouterr().out


@needs_git
def test_a_folder_that_a_commit_lacks_is_skipped(tmp_path: Path) -> None:
    """A benchmark that moved: the command cannot start in a folder that is not there."""
    checkout = Checkout(tmp_path, [100])
    (checkout.folder / "mine").unlink()
    git(checkout.folder, "checkout", "--quiet", "level")
    for level, present in ((100, True), (100, False), (120, True)):
        shutil.rmtree(checkout.folder / "below", ignore_errors=True)
        if present:
            (checkout.folder / "below").mkdir()
            (checkout.folder / "below" / "bench.sh").write_text(
                (checkout.folder / "bench.sh").read_text()
            )
            (checkout.folder / "below" / "level").write_text(f"{level}\n")
        commit_all(checkout.folder, f"{level} {present}")
    ended = subprocess.run(
        checkout.words("--good=main~2", "--bad=main", "--format=json", *BENCH),
        cwd=checkout.folder / "below",
        env=checkout.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=10 * DEADLINE_SECONDS,
    )
    assert ended.returncode == 2, ended
    (reason,) = (each["reason"] for each in json.loads(ended.stdout)["tested"] if each["reason"])
    assert "No such file or directory" in reason


def test_without_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where git is not installed, that is the error, not a traceback."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["bisect", "--good=a", "--bad=b", "--", "true"]) == 1
    assert capsys.readouterr().err == (
        "benchmark-exporter: commits are checked out with git, which is not installed\n"
    )
