"""The two versions that are compared: where each is, and what prepares it."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark_exporter.compare.documents import CompareError

LAST_LINES = 5


@dataclass(frozen=True, slots=True)
class Side:
    """A version: its name in messages, its command, and the folder to run it in."""

    name: str
    command: Sequence[str]
    folder: Path


@contextmanager
def checked_out(repository: Path, ref: str) -> Iterator[Path]:
    """A commit of a repository in a folder of its own, removed at the end.

    Raises:
        CompareError: git is missing, or knows no such commit.
    """
    words = ("--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    try:
        commit = _git(repository, "rev-parse", *words).strip()
    except CompareError as error:
        raise CompareError(f"{repository} has no commit {ref}") from error
    with TemporaryDirectory(prefix="benchmark-compare-") as folder:
        tree = Path(folder, "tree")
        _git(repository, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            yield tree
        finally:
            with suppress(CompareError):  # what is left is removed with its folder, and pruned
                _git(repository, "worktree", "remove", "--force", str(tree))


def prepare(side: Side, command: str) -> None:
    """Runs a shell command in a side's folder once, before it is measured.

    Raises:
        CompareError: it fails; the message has its last lines.
    """
    ended = subprocess.run(  # noqa: S602  # the user's own words
        command,
        shell=True,
        cwd=side.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if ended.returncode:
        raise CompareError(
            f"{side.name}: the preparation ended with status {ended.returncode}"
            f"{last_lines(ended.stdout)}"
        )


def repository_of(folder: Path) -> tuple[Path, Path]:
    """The top of a folder's git repository, and the folder's path below it.

    Raises:
        CompareError: git is missing, or the folder is in no repository.
    """
    top = Path(_git(folder, "rev-parse", "--show-toplevel").strip())
    return top, folder.resolve().relative_to(top.resolve())


def _git(repository: Path, *words: str) -> str:
    git = shutil.which("git")
    if git is None:
        raise CompareError("--base and --head need git, which is not installed")
    ended = subprocess.run(  # noqa: S603  # the words follow `git`
        [git, "-C", str(repository), *words],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if ended.returncode:
        raise CompareError(f"git {words[0]}: {' '.join(ended.stderr.split())}")
    return ended.stdout


def last_lines(output: bytes) -> str:
    """The last lines of a command's output, for the end of a message."""
    lines = output.decode(errors="replace").splitlines()[-LAST_LINES:]
    return "".join(f"\n  {line}" for line in lines)
