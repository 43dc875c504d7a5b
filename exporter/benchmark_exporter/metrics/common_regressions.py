"""Which results of a scope regressed together, kept up to date result by result."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from benchmark_exporter.ledger import NewestVerdict
from benchmark_exporter.ledger.owner_states import Owner
from benchmark_exporter.model import REGRESSED, Scope


class RegressedTogether:
    """The newest verdicts that are regressions, by scope, and how many were judged in each run."""

    def __init__(self) -> None:
        self._regressed: defaultdict[Scope, dict[Owner, NewestVerdict]] = defaultdict(dict)
        self._judged_in: Counter[int] = Counter()
        self._known: dict[Owner, NewestVerdict] = {}

    def keep(self, owner: Owner, verdicts: Iterable[NewestVerdict]) -> Iterable[Scope]:
        """Takes the newest verdict of a result, if it has one; returns the scopes this concerns."""
        before = self._known.pop(owner, None)
        if before is not None:
            self._judged_in[before.run] -= _is_judged(before)
            if not self._judged_in[before.run]:
                del self._judged_in[before.run]
            regressed = self._regressed[before.scope]
            regressed.pop(owner, None)
            if not regressed:
                del self._regressed[before.scope]
            yield before.scope
        for newest in verdicts:
            self._known[owner] = newest
            self._judged_in[newest.run] += _is_judged(newest)
            if newest.verdict.state in REGRESSED and not newest.shifted:
                self._regressed[newest.scope][owner] = newest
            yield newest.scope

    def of(self, scope: Scope) -> Iterable[NewestVerdict]:
        """The regressions of a scope."""
        return self._regressed.get(scope, _NONE).values()

    @property
    def judged_in(self) -> Mapping[int, int]:
        """How many results each run is the newest of that could be judged, by the run's row."""
        return self._judged_in


_NONE: Mapping[Any, NewestVerdict] = {}


def _is_judged(newest: NewestVerdict) -> int:
    return int(newest.verdict.state != "insufficient_data")
