"""Checks out, prepares and measures the commits of a bisection."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark_exporter.bisect.judging import Unmeasurable
from benchmark_exporter.bisect.repository import Repository
from benchmark_exporter.bisect.search import Sides
from benchmark_exporter.bisect.state import Arguments, State
from benchmark_exporter.compare.documents import CompareError
from benchmark_exporter.compare.measuring import Runner
from benchmark_exporter.compare.rounds import Measure, Values
from benchmark_exporter.compare.sides import Side, prepare

PREFIX = "benchmark-bisect-"
SHOWN_CHARACTERS = 12


@contextmanager
def checked_out_sides(
    repository: Repository, state: State, save: Callable[[State], None]
) -> Iterator[Sides]:
    """The good commit, ready to be measured, and what makes any other one ready.

    Everything that was checked out is removed at the end, as is what a killed process has left;
    `save` is called with where it is.

    Raises:
        CompareError: the good commit cannot be prepared, or git fails.
    """
    arguments = state.arguments
    if Path(state.folder).name.startswith(PREFIX):
        repository.remove_worktrees(Path(state.folder))
    with TemporaryDirectory(prefix=PREFIX) as name:
        folder = Path(name)
        state.folder = name
        save(state)
        with repository.checked_out(arguments.good, folder) as tree, Runner(folder) as runner:
            good = Side("good", arguments.command, tree)
            _prepare(good, arguments)

            @contextmanager
            def other(commit: str) -> Iterator[Measure]:
                shown = "bad" if commit == arguments.bad else commit[:SHOWN_CHARACTERS]
                with repository.checked_out(commit, folder) as tree:
                    side = Side(shown, arguments.command, tree)
                    with _skipping():
                        _prepare(side, arguments)
                    yield lambda: _measured(runner, side)

            yield Sides(lambda: runner.measure(good), other)
    state.folder = ""


def _prepare(side: Side, arguments: Arguments) -> None:
    if arguments.prepare is not None:
        prepare(side, arguments.prepare)


def _measured(runner: Runner, side: Side) -> Values:
    with _skipping():
        return runner.measure(side)


@contextmanager
def _skipping() -> Iterator[None]:
    """A commit that cannot be built or measured is skipped, which is not an error."""
    try:
        yield
    except CompareError as error:
        raise Unmeasurable(str(error)) from error
