"""Owners of which what is shown changes without a commit, found by what changes of their holds.

After a first start, all owners have held counters. Each publication only looks at the births that
holds have reached since the one before, however many others are still held.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from benchmark_exporter.ledger.owner_states import Owner, OwnerState
from benchmark_exporter.ledger.state import PendingReport
from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.metrics.families.totals import Holds
from benchmark_exporter.metrics.holding import Hold


class TimedOwners:
    """Owners with a counter that is held or a regression that is not reported."""

    def __init__(self) -> None:
        self._states: dict[Owner, OwnerState] = {}
        self._births: dict[Owner, Collection[tuple[Part, float]]] = {}
        self._reporting: dict[Owner, OwnerState] = {}
        self._of_part: dict[Part, _Births] = {}

    def keep(
        self,
        owner: Owner,
        state: OwnerState | None,
        births: Collection[tuple[Part, float]],
        holds: Holds,
    ) -> None:
        """Keeps an owner as it was rendered with holds, if it is timed; None: it has gone.

        `births` says when its totals were born (seconds since 1970), and in which part.
        """
        self._states.pop(owner, None)
        self._reporting.pop(owner, None)
        for part, born in self._births.pop(owner, ()):
            self._of_part[part].remove(born, owner)
        # All are asked, since each may be the one that says when its hold ends.
        held = [(part, born, holds[part].holds(born)) for part, born in births]
        if state is None or not (state.reports or any(is_held for _, _, is_held in held)):
            return
        self._states[owner] = state
        self._births[owner] = births
        if state.reports:
            self._reporting[owner] = state
        for part, born, is_held in held:
            of_part = self._of_part.setdefault(part, _Births())
            of_part.add(born, owner, holds[part], is_held=is_held)

    def released(self, holds: Holds) -> Mapping[Owner, OwnerState]:
        """The owners that were kept with totals held that no longer are, or the other way round.

        `holds` are those of this publication: what it has rendered is kept with them.
        """
        owners: dict[Owner, None] = {}
        for part, births in self._of_part.items():
            owners |= dict.fromkeys(births.changed(holds[part]))
        return {owner: self._states[owner] for owner in owners}

    @property
    def reporting(self) -> Iterable[tuple[Owner, Sequence[PendingReport]]]:
        """The owners with regressions that are not reported, and these."""
        return ((owner, state.reports) for owner, state in self._reporting.items())


class _Births:
    """The births of a part in order, each with its owners and whether it was held."""

    def __init__(self) -> None:
        self._ordered: list[float] = []
        self._owners: dict[float, dict[Owner, bool]] = {}
        # By which all were kept that were there when `changed` was asked last.
        self._before: Hold | None = None
        self._since: list[Hold] = []  # by which others were kept since

    def add(self, born: float, owner: Owner, hold: Hold, *, is_held: bool) -> None:
        if hold is not self._before and hold not in self._since:
            self._since.append(hold)
        if born not in self._owners:
            insort(self._ordered, born)
            self._owners[born] = {}
        self._owners[born][owner] = is_held

    def remove(self, born: float, owner: Owner) -> None:
        owners = self._owners[born]
        del owners[owner]
        if not owners:
            del self._owners[born]
            del self._ordered[bisect_left(self._ordered, born)]

    def changed(self, hold: Hold) -> Iterator[Owner]:
        """The owners that were kept as the hold of then said and not as this one says.

        What is held are the births of a span, so only those between its ends then and now differ.
        """
        ordered, now = self._ordered, hold.span(self._ordered)
        # These say when the hold ends, and up to which birth totals are shown with their values.
        for at in (now.first - 1, now.first, now.unawaited, len(ordered) - 1):
            if 0 <= at < len(ordered):
                hold.holds(ordered[at])
        if self._before is None or self._since not in ([], [hold]):
            spans = [(0, len(ordered))]  # a publication failed before this was asked
        else:
            then = self._before.span(ordered)
            spans = [_between(then.first, now.first), _between(then.end, now.end)]
        self._before, self._since = hold, []
        for start, end in spans:
            for born in ordered[start:end]:
                held = hold.holds(born)
                yield from (owner for owner, was in self._owners[born].items() if was != held)


def _between(one: int, other: int) -> tuple[int, int]:
    return min(one, other), max(one, other)
