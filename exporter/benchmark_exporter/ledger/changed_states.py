"""What has changed of the state since it was read last, and reading only that."""

import sqlite3
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from msgspec.structs import replace

from benchmark_exporter.ledger.state import State, SubjectSelection
from benchmark_exporter.ledger.state_reading import read_changed, read_state
from benchmark_exporter.ledger.subject_place import SubjectPlace
from benchmark_exporter.ledger.touched import Touched
from benchmark_exporter.ledger.touched_runs import resolve_runs
from benchmark_exporter.ledger.visibility import count_visible, select, select_only, select_placed
from benchmark_exporter.model import SubjectKind

# Of a whole state so many subjects are read at a time, and those of the same pipelines.
SLICE_SUBJECTS = 1000


class ChangedStates:
    """What a ledger knows of its changes; made by `Ledger.changed_states`.

    Every method that reads raises LedgerError if the database cannot be read.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        errors_named: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._connection = connection
        self._errors_named = errors_named
        self._touched = Touched(everything=True)  # nothing has been read yet
        self._commits_elsewhere = self._count_commits_elsewhere()

    def note(self, touched: Touched) -> None:
        """Notes what a transaction has changed that was committed."""
        self._touched.add(touched)

    def changed_elsewhere(self) -> bool:
        """Whether another process has committed since the last call, or the last `touched`."""
        with self._errors_named():
            before, self._commits_elsewhere = (
                self._commits_elsewhere,
                self._count_commits_elsewhere(),
            )
        is_changed = self._commits_elsewhere != before
        self._touched.everything |= is_changed
        return is_changed

    def _count_commits_elsewhere(self) -> int:
        """A number that the commits of other connections change, and those of this one do not."""
        (number,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(number)

    def touched(self) -> Touched:
        """What may differ from the state at the last call, by this process or another."""
        self.changed_elsewhere()
        touched, self._touched = self._touched, Touched()
        return touched

    def resolve(self, touched: Touched) -> None:
        """Notes the subjects of the runs of which only the row was noted; before `read`."""
        with self._errors_named():
            resolve_runs(self._connection, touched)

    def read(
        self,
        touched: Touched,
        before: State,
        *,
        after_seconds: float,
        projects: Container[str],
        returned_after_seconds: float,
        passed_after_seconds: float,
    ) -> State:
        """What the newest commit left of what was touched, which must not be everything.

        `before` is the last state that was read; its lists of what is not touched are kept.
        `projects` are those that have a subject in it. See `Ledger.state` for the rest.
        """
        with self._errors_named():
            selection = select_only(
                self._connection,
                after_seconds,
                touched.benchmarks,
                touched.pipelines,
                [project for project in touched.projects if project in projects],
            )
            return read_changed(
                self._connection,
                selection,
                touched,
                before,
                returned_after_seconds,
                passed_after_seconds,
            )

    def read_whole(
        self,
        *,
        after_seconds: float,
        at_most: int,
        returned_after_seconds: float,
        passed_after_seconds: float,
    ) -> Iterator[State]:
        """What `Ledger.state` reads, in slices of some subjects, so that it is never all there.

        The first one has no subject, but selects all, and has what is not of one. The others have
        subjects, and their projects' suite durations and branches.
        """
        with self._errors_named():
            selection = select(self._connection, after_seconds, 0)
            state = read_state(
                self._connection, selection, returned_after_seconds, passed_after_seconds
            )
            selection = select(self._connection, after_seconds, at_most)
        yield replace(state, selection=selection)
        nothing = Touched()
        for places in _slices(selection):
            with self._errors_named():
                selected = select_placed(self._connection, places)
                yield read_changed(
                    self._connection,
                    selected,
                    nothing,
                    state,
                    returned_after_seconds,
                    passed_after_seconds,
                )

    def visible(self, after_seconds: float) -> tuple[Mapping[SubjectKind, int], float]:
        """How many subjects of each kind had a run after a time, and when the first had it."""
        with self._errors_named():
            return count_visible(self._connection, after_seconds)


def _slices(selection: SubjectSelection) -> Iterator[Sequence[SubjectPlace]]:
    """The places of the subjects, those of one pipeline together."""
    of_owners: dict[tuple[str, ...], list[SubjectPlace]] = {}
    for subject, place in zip(selection.subjects, selection.places, strict=True):
        of_owners.setdefault((subject.kind, *subject.total_labels), []).append(place)
    gathered: list[SubjectPlace] = []
    for places in of_owners.values():
        gathered += places
        if len(gathered) >= SLICE_SUBJECTS:
            yield gathered
            gathered = []
    if gathered:
        yield gathered
