"""The two versions that are compared: where each is, and what prepares it."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark_exporter.compare.documents import CompareError
from benchmark_exporter.compare.git import git, git_program

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
    commit = commit_of(repository, ref)
    with (
        TemporaryDirectory(prefix="benchmark-compare-") as folder,
        worktree(repository, commit, Path(folder, "tree")) as tree,
    ):
        yield tree


def commit_of(repository: Path, ref: str) -> str:
    """The hash of the commit that a ref names.

    Raises:
        CompareError: git is missing, or knows no such commit.
    """
    git_program()
    words = ("--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    try:
        return git(repository, "rev-parse", *words).strip()
    except CompareError as error:
        raise CompareError(f"{repository} has no commit {ref}") from error


@contextmanager
def worktree(repository: Path, commit: str, tree: Path) -> Iterator[Path]:
    """A commit checked out into a folder that is not there yet, and is removed at the end."""
    try:
        git(repository, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        yield tree
    finally:
        with suppress(CompareError):  # what is left is removed with its folder, and pruned
            git(repository, "worktree", "remove", "--force", str(tree))


def prepare(side: Side, command: str) -> None:
    """Runs a shell command in a side's folder once, before it is measured.

    Raises:
        CompareError: it fails, and the message has its last lines, or the folder is missing.
    """
    try:
        ended = subprocess.run(  # noqa: S602  # the user's own words
            command,
            shell=True,
            cwd=side.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        raise CompareError(f"{side.name}: {error.strerror}: {side.folder}") from error
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
    top = Path(git(folder, "rev-parse", "--show-toplevel").strip())
    return top, folder.resolve().relative_to(top.resolve())


def last_lines(output: bytes) -> str:
    """The last lines of a command's output, for the end of a message."""
    lines = output.decode(errors="replace").splitlines()[-LAST_LINES:]
    return "".join(f"\n  {line}" for line in lines)
