"""What is known of the ledger's state, and reading what of it has changed."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from benchmark_exporter.ledger import BranchRuns, Ledger, State
from benchmark_exporter.ledger.current_state import CurrentState
from benchmark_exporter.ledger.delivery import DELIVERY_MAX_AGE_SECONDS
from benchmark_exporter.ledger.owner_states import (
    Owner,
    OwnerState,
    by_owner,
    with_owners,
    without_owners,
)
from benchmark_exporter.ledger.persistent_map import PersistentMap
from benchmark_exporter.ledger.state import FallbackBranch
from benchmark_exporter.ledger.touched import Touched
from benchmark_exporter.model import SubjectKind

# So many subjects are read and rendered at a time.
SLICE_SUBJECTS = 1000
# How many subjects are read at first, for each series that may be shown: few have fewer series.
_SUBJECTS_PER_SERIES = 0.1


def subjects_read(max_series: int) -> int:
    """How many subjects are read at first."""
    return int(max_series * _SUBJECTS_PER_SERIES)


@dataclass(frozen=True, slots=True)
class Change:
    """What a reading found. `owners` has what was touched, None for what has gone.

    `state` has these owners, and what is not of one: of suite durations, branches and environment
    shifts only what was touched, unless it is `whole`. `projects` and `scopes` (keys of scopes) are
    those that were touched.
    """

    state: State
    owners: Mapping[Owner, OwnerState | None]
    projects: frozenset[str] = frozenset()
    scopes: frozenset[tuple[str, ...]] = frozenset()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Times:
    """Which subjects and counters are read, by the time now and the settings, in seconds."""

    now: float
    max_age: float
    longest_hold: float

    @property
    def after(self) -> float:
        """Subjects that had their last run before are not read."""
        return self.now - self.max_age

    @property
    def passed_after(self) -> float:
        """Regressions that passed before are not read."""
        return self.now - DELIVERY_MAX_AGE_SECONDS


@dataclass(slots=True)
class KnownState:
    """The state that was read last, of as many subjects as were read.

    `owners` is without what only scrapes show, `state` without what is of owners and projects.
    `is_complete` says that no further subject had a run lately; `counts` and `first_seen_seconds`
    are as in SubjectSelection. At most `at_most` subjects are read: few more than are shown,
    however many exist.
    """

    state: State | None = None
    owners: PersistentMap[Owner, OwnerState] = field(default_factory=PersistentMap)
    projects: Counter[str] = field(default_factory=Counter)
    is_complete: bool = False
    counts: Counter[SubjectKind] = field(default_factory=Counter)
    first_seen_seconds: float = math.inf
    at_most: int = 0
    current: CurrentState = field(default_factory=CurrentState)
    _fallbacks: dict[str, FallbackBranch] = field(default_factory=dict)

    @property
    def subjects(self) -> int:
        """How many subjects were read."""
        return self.projects.total()

    def read(self, ledger: Ledger, touched: Touched, times: Times) -> Iterator[Change]:
        """Reads what was touched, or everything, in slices, where less does not do.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        if (
            self.state is None
            or touched.everything
            or not self._can_read_part(ledger, touched, times)
        ):
            yield from self._read_whole(ledger, times)
            return
        branches = ledger.branch_runs() if touched.branch_runs else self.current.branches
        visible = None if self.is_complete else ledger.changed_states.visible(times.after)
        for part in touched.parts(SLICE_SUBJECTS):
            change = self._read_part(ledger, part, times, self.state)
            if change is None:
                yield from self._read_whole(ledger, times)
                return
            self._note(change.state, branches)
            yield change
        if visible is not None:
            self.counts, self.first_seen_seconds = Counter(visible[0]), visible[1]

    def _can_read_part(self, ledger: Ledger, touched: Touched, times: Times) -> bool:
        """Whether no more has to be read than what was touched, to which this adds what is aged."""
        if self.first_seen_seconds <= times.after:
            if not self.is_complete:
                return False
            self._note_aged(touched, times.after)
        ledger.changed_states.resolve(touched)
        known = {each for each in touched.benchmarks if ("benchmark", *each) in self.owners}
        if not self.is_complete:
            touched.benchmarks = known  # the others come later
            return not touched.pipelines
        # Many new ones may be far more than are shown.
        new = len(touched.benchmarks) - len(known)
        return new <= SLICE_SUBJECTS or self.subjects + new <= self.at_most

    def take(self, states: Iterable[State], branches: Callable[[], BranchRuns]) -> Iterator[Change]:
        """Takes a whole state in slices; see `ChangedStates.read_whole`.

        It is known once the last change was taken from the iterator.
        """
        slices = iter(states)
        first = next(slices)
        scopes = frozenset(shift.scope.key for shift in first.shifts)
        yield Change(first, {}, frozenset(), scopes, whole=True)
        kept: dict[Owner, OwnerState] = {}
        fallbacks: dict[str, FallbackBranch] = {}
        for state in slices:
            owners = by_owner(state)
            for owner, each in owners.items():
                before, slim = self.owners.get(owner), each.without_totals()
                kept[owner] = before if before is not None and before == slim else slim
            fallbacks.update((each.project, each) for each in state.fallback_branches)
            projects = frozenset(subject.project for subject in state.selection.subjects)
            yield Change(state, owners, projects, whole=True)
        of_branches = branches()
        gone = [owner for owner in self.owners if owner not in kept]
        self.owners = PersistentMap(kept.items())
        selection = first.selection
        self.projects = Counter(subject.project for subject in selection.subjects)
        self.counts = Counter(selection.counts)
        self.is_complete = len(selection.subjects) >= self.counts.total()
        self.first_seen_seconds = selection.first_seen_seconds
        self._fallbacks = fallbacks
        self._note(first, of_branches)
        yield Change(without_owners(first), dict.fromkeys(gone), whole=True)

    def _read_whole(self, ledger: Ledger, times: Times) -> Iterator[Change]:
        states = ledger.changed_states.read_whole(
            after_seconds=times.after,
            at_most=self.at_most,
            returned_after_seconds=times.now - times.longest_hold,
            passed_after_seconds=times.passed_after,
        )
        return self.take(states, ledger.branch_runs)

    def _read_part(
        self, ledger: Ledger, touched: Touched, times: Times, before: State
    ) -> Change | None:
        """None if everything has to be read, since other subjects are among the first now."""
        state = ledger.changed_states.read(
            touched,
            before,
            after_seconds=times.after,
            projects=self.projects.keys(),
            returned_after_seconds=times.now - times.longest_hold,
            passed_after_seconds=times.passed_after,
        )
        found = by_owner(state)
        wanted: list[Owner] = [
            *(("benchmark", *labels) for labels in touched.benchmarks),
            *(("pipeline", *labels) for labels in touched.pipelines),
        ]
        if not self.is_complete and any(
            self.owners[owner].position != _position(found.get(owner)) for owner in wanted
        ):
            return None
        owners = {owner: found.get(owner) for owner in wanted}
        read = [each for each in owners.values() if each is not None]
        self._keep(owners)
        projects = {subject.project for each in read for subject, _ in each.subjects}
        projects |= {project for project in touched.projects if project in self.projects}
        gone = {owner[1] for owner, each in owners.items() if each is None}
        projects |= {project for project in gone if project not in self.projects}
        state = with_owners(state, read)
        for project in projects:
            self._fallbacks.pop(project, None)
        self._fallbacks.update((each.project, each) for each in state.fallback_branches)
        return Change(state, owners, frozenset(projects), frozenset(touched.scopes))

    def _note_aged(self, touched: Touched, after: float) -> None:
        for owner in self.owners.values():
            for subject, place in owner.subjects:
                if place.seen_seconds <= after:
                    touched.note_subject(subject)

    def _keep(self, owners: Mapping[Owner, OwnerState | None]) -> None:
        first_gone, changed = False, {}
        for owner, now in owners.items():
            before = self.owners.get(owner)
            for subject, place in () if before is None else before.subjects:
                self._add(subject.project, subject.kind, -1)
                first_gone |= place.seen_seconds <= self.first_seen_seconds
            for subject, place in () if now is None else now.subjects:
                self._add(subject.project, subject.kind, 1)
                self.first_seen_seconds = min(self.first_seen_seconds, place.seen_seconds)
            slim = None if now is None else now.without_totals()
            changed[owner] = before if slim is not None and slim == before else slim
        self.owners = self.owners.changed(changed)
        if first_gone:
            self.first_seen_seconds = min(
                (place.seen_seconds for each in self.owners.values() for _, place in each.subjects),
                default=math.inf,
            )

    def _add(self, project: str, kind: SubjectKind, by: int) -> None:
        self.counts[kind] += by
        self.projects[project] += by
        if not self.projects[project]:
            del self.projects[project]
            self._fallbacks.pop(project, None)

    def _note(self, state: State, branches: BranchRuns) -> None:
        self.state = without_owners(state)
        self.current = CurrentState(
            state.commits,
            self.owners,
            [self._fallbacks[project] for project in sorted(self._fallbacks)],
            state.rejected_files,
            state.notifications,
            branches,
        )


def _position(owner: OwnerState | None) -> int | None:
    return None if owner is None else owner.position
