"""What a bisection has found so far, in a file, so that it can go on after a stop."""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from benchmark_exporter.atomic_write import write_file
from benchmark_exporter.compare.documents import CompareError, Quantity
from benchmark_exporter.compare.statistics import Change
from benchmark_exporter.wording import reason_of

Verdict = Literal["slow", "fast", "skipped"]


class Arguments(msgspec.Struct, frozen=True):
    """What decides which commit is found. `good` and `bad` are hashes, `folder` is in the tree."""

    good: str
    bad: str
    command: tuple[str, ...]
    folder: str
    prepare: str | None
    result: str | None
    detect_ratio: float | None

    def difference(self, other: "Arguments") -> str:
        """The names of what another one has differently."""
        names = [
            name for name in self.__struct_fields__ if getattr(self, name) != getattr(other, name)
        ]
        return ", ".join(names)


class Tested(msgspec.Struct, frozen=True):
    """A commit that was compared with the good one.

    `change` is from the good commit to this one. It is None of a skipped one that could not be
    measured; `reason` says why it was skipped.
    """

    commit: str
    verdict: Verdict
    change: Change | None
    rounds: int
    seconds: float
    reason: str = ""


class State(msgspec.Struct):
    """`quantity` is what is followed; None until good and bad have been compared,
    which `bad` has.

    `threshold` is the change, as a logarithm, from which on a commit is slow. `differences` are
    those of the rounds of the commit `current`, which is not decided yet. `folder` has the
    worktrees.
    """

    arguments: Arguments
    quantity: Quantity | None = None
    bad: Tested | None = None
    threshold: float = 0.0
    tested: list[Tested] = []
    current: str = ""
    differences: list[float] = []
    folder: str = ""

    def rounds_of(self, commit: str) -> list[float]:
        """The differences of a commit's rounds, to which further ones are added."""
        if self.current != commit:
            self.current, self.differences = commit, []
        return self.differences

    def note(self, tested: Tested) -> None:
        """Adds a commit that has been decided or skipped."""
        self.tested.append(tested)
        self.current, self.differences = "", []

    def with_verdict(self, verdict: Verdict) -> Sequence[str]:
        """The commits with a verdict, in the order in which they were tested."""
        return [each.commit for each in self.tested if each.verdict == verdict]


class StateFile:
    """The file that keeps a bisection's state."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other bisections of this repository out.

        Raises:
            CompareError: one is running.
        """
        with self.path.with_suffix(".lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CompareError("another bisect is running in this repository") from error
            yield

    def read(self) -> State | None:
        """The state of a bisection that was stopped, None if there is none.

        Raises:
            CompareError: the file cannot be read, or is not one of this version.
        """
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=State)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise CompareError(
                f"{self.path}: {reason_of(error)}; --restart discards it and begins again"
            ) from error

    def write(self, state: State) -> None:
        """Keeps a state.

        Raises:
            CompareError: it cannot be written.
        """
        try:
            write_file(self.path, msgspec.json.encode(state))
        except OSError as error:
            raise CompareError(f"{self.path}: {error.strerror}") from error

    def remove(self) -> None:
        """Forgets the state: the bisection is over."""
        self.path.unlink(missing_ok=True)
