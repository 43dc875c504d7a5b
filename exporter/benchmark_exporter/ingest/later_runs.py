"""The stored runs of a scope that come after late ones, in the order of their places."""

from collections.abc import Collection, Iterator

from benchmark_exporter.ledger import END, JudgedResult, Place, PlacedRun
from benchmark_exporter.ledger.places import FEW_NAMES, Places
from benchmark_exporter.ledger.verdicts import Verdicts
from benchmark_exporter.model import Scope

# The first page is short, as most late runs change little.
_FIRST_PAGE_RUNS, _MOST_PAGE_RUNS = 16, 256


class LaterRuns:
    """Runs of a scope, also of other branches that are compared with it, read in pages.

    A page serves all late runs that come before its end. Callers only go forward, and change no
    verdict on a run that comes after their place.
    """

    def __init__(self, ledger: Verdicts, scope: Scope) -> None:
        self._ledger = ledger
        self._places: Places | None = None  # as they are, once a page is read
        self._scope = scope
        # The results that the page has all runs of; None for all.
        self._names: frozenset[str] | None = None
        self._page: Iterator[PlacedRun] = iter(())
        self._next: PlacedRun | None = None
        self._page_runs = 0
        self._until = END  # the end of what was read

    def first_after(self, place: Place, until: Place, names: Collection[str]) -> PlacedRun | None:
        """The first run after a place and before another that has one of these results judged."""
        has_all = self._names is None or self._names.issuperset(names)
        if not self._page_runs or not has_all:
            self._read(place, names)
        while True:
            while self._next is not None and self._next.place <= place:
                self._next = next(self._page, None)
            if self._next is not None:
                return self._next if self._next.place < until else None
            if self._until >= until:
                return None
            self._read(max(place, self._until), names)

    def judged(self, run: PlacedRun) -> list[JudgedResult]:
        """The results of a run that `first_after` returned, as they were when its page was read."""
        assert self._places is not None  # noqa: S101  # the run is of a page
        return self._places.judged(run.row)

    def _read(self, place: Place, names: Collection[str]) -> None:
        grown = min(2 * self._page_runs, _MOST_PAGE_RUNS)
        self._page_runs = max(grown, _FIRST_PAGE_RUNS)
        self._names = frozenset(names) if len(names) <= FEW_NAMES else None
        self._places = places = self._ledger.places
        page = places.later(self._scope, place, list(names), self._page_runs)
        self._until = page[-1].place if len(page) == self._page_runs else END
        self._page = iter(page)
        self._next = next(self._page, None)
