"""Changes of the state that were read and are not rendered yet: the next scrape has them rendered.

While files come in, most commits are followed by others before anyone scrapes. Rendering them
together costs little more than rendering one of them.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from msgspec.structs import replace

from benchmark_exporter.counters import UNTRACKED_BRANCH_RUNS
from benchmark_exporter.ledger import State
from benchmark_exporter.ledger.owner_states import Owner, with_owners
from benchmark_exporter.ledger.touched import Touched
from benchmark_exporter.metrics.known_state import Change

# More owners than these are rendered at once, by the ledger's thread: whoever scrapes should not
# have to wait for them. Each takes a fraction of a millisecond.
MOST_OWNERS = 50
# So many are kept one by one, which takes memory.
MOST_CHANGES = 100
_UNTRACKED = UNTRACKED_BRANCH_RUNS.name


class _OfProject(Protocol):
    @property
    def project(self) -> str: ...


T = TypeVar("T", bound=_OfProject)


class PendingChanges:
    """Changes in the order in which they were read.

    `since_seconds` is when the first of them was (seconds since 1970); infinity: there is none.
    """

    def __init__(self) -> None:
        self._changes: list[Change] = []
        self._owners: set[Owner] = set()
        self.since_seconds = math.inf

    def __bool__(self) -> bool:
        return bool(self._changes)

    def has_room(self, touched: Touched) -> bool:
        """Whether what was touched can wait together with what does already.

        A birth cannot: a counter is held at 0 from then on, and has to be shown so.
        """
        if touched.everything or touched.births or len(self._changes) >= MOST_CHANGES:
            return False
        more = len(touched.benchmarks) + len(touched.pipelines) + len(touched.runs)
        return len(self._owners) + more <= MOST_OWNERS

    def add(self, changes: Iterable[Change], now: float) -> None:
        """Adds changes that were read now, none of which is of a whole state."""
        for change in changes:
            self._changes.append(change)
            self._owners.update(change.owners)
            self.since_seconds = min(self.since_seconds, now)

    def discard(self) -> None:
        """Forgets them, as a whole state will be rendered."""
        self._changes, self._owners, self.since_seconds = [], set(), math.inf

    def take(self) -> Iterator[Change]:
        """All of them as one change, or nothing."""
        changes = self._changes
        self.discard()
        if changes:
            yield merged(changes)


def merged(changes: Sequence[Change]) -> Change:
    """Changes as one: of what several have, the last."""
    last = changes[-1]
    if len(changes) == 1:
        return last
    state = last.state
    owners = dict(changes[0].owners)
    projects, scopes = changes[0].projects, changes[0].scopes
    of_projects = changes[0].state
    for change in changes[1:]:
        owners |= change.owners
        of_projects = _with_later(of_projects, change)
        projects |= change.projects
        scopes |= change.scopes
    found = [each for each in owners.values() if each is not None]
    counters = {**state.counters, _UNTRACKED: of_projects.counters.get(_UNTRACKED, ())}
    state = replace(
        state,
        counters=counters,
        suite_durations=of_projects.suite_durations,
        fallback_branches=of_projects.fallback_branches,
        shifts=of_projects.shifts,
    )
    return Change(with_owners(state, found), owners, projects, scopes)


def _with_later(before: State, change: Change) -> State:
    """What a state has of projects and scopes, after a later change of some of them."""
    later, projects = change.state, change.projects
    counters = [
        *(each for each in before.counters.get(_UNTRACKED, ()) if each.labels[0] not in projects),
        *later.counters.get(_UNTRACKED, ()),
    ]
    return replace(
        before,
        counters={_UNTRACKED: counters},
        suite_durations=[*_others(before.suite_durations, projects), *later.suite_durations],
        fallback_branches=[*_others(before.fallback_branches, projects), *later.fallback_branches],
        shifts=[
            *(each for each in before.shifts if each.scope.key not in change.scopes),
            *later.shifts,
        ],
    )


def _others(found: Sequence[T], projects: frozenset[str]) -> Sequence[T]:
    return [each for each in found if each.project not in projects]
