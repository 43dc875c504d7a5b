"""The commits between a good and a bad one, in git's order of bisection."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from benchmark_exporter.compare.documents import CompareError
from benchmark_exporter.compare.git import git
from benchmark_exporter.compare.sides import commit_of, repository_of, worktree

STATE_FILE = "benchmark-bisect.json"


@dataclass(frozen=True, slots=True)
class Commit:
    """What git says of a commit; `at` is when it was committed, in ISO 8601."""

    hash: str
    subject: str
    author: str
    at: str


class Repository:
    """The git repository that a folder is in; `below` is the folder's path in it.

    Every method raises CompareError if git is missing or fails.
    """

    def __init__(self, folder: Path) -> None:
        self.top, self.below = repository_of(folder)

    def commit(self, ref: str) -> str:
        """The hash of the commit that a ref names."""
        return commit_of(self.top, ref)

    def describe(self, commit: str) -> Commit:
        """A commit's subject, author and time."""
        fields = git(self.top, "show", "--no-patch", "--format=%H%x00%s%x00%an%x00%cI", commit)
        return Commit(*fields.strip("\n").split("\0"))

    def merge_bases(self, one: str, other: str) -> Sequence[str]:
        """The newest commits that both have in their history, none if they share none."""
        try:
            return git(self.top, "merge-base", "--all", one, other).split()
        except CompareError:  # git exits 1 and says nothing
            return []

    def between(self, bad: str, goods: Sequence[str]) -> Sequence[str]:
        """The commits that may be the first bad one, the best to test next first; bad is one."""
        lines = git(self.top, "rev-list", "--bisect-all", bad, "--not", *goods).splitlines()
        return [line.split()[0] for line in lines]

    @contextmanager
    def checked_out(self, commit: str, folder: Path) -> Iterator[Path]:
        """The folder of `below` in a worktree of a commit, which is removed at the end."""
        with worktree(self.top, commit, folder / commit) as tree:
            yield tree / self.below

    def remove_worktrees(self, folder: Path) -> None:
        """Removes a folder with the worktrees in it, which a killed process has left."""
        listed = git(self.top, "worktree", "list", "--porcelain").splitlines()
        for tree in (Path(line.partition(" ")[2]) for line in listed if line[:9] == "worktree "):
            if folder.resolve() in tree.parents:
                with suppress(CompareError):
                    git(self.top, "worktree", "remove", "--force", str(tree))
        rmtree(folder, ignore_errors=True)

    @property
    def state_file(self) -> Path:
        """Where the state is kept: in git's own folder, not among the user's files."""
        folder = git(self.top, "rev-parse", "--git-common-dir").strip()
        return (self.top / folder / STATE_FILE).resolve()
