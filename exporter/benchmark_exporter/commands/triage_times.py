"""How long regressions wait for somebody, and for their end: medians and means by project."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmark_exporter.ledger.triage_rows import TriageEntry
from benchmark_exporter.triage.rule import ITSELF

_UNITS = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"))
CLOSED = ("ended", "expected")


@dataclass(slots=True)
class Lapse:
    """One regression: after how many seconds a person gave it a state, and it was closed."""

    triaged_seconds: float | None = None
    closed_seconds: float | None = None


def lapses(entries: Iterable[TriageEntry]) -> dict[str, list[Lapse]]:
    """The regressions in a history, by project.

    A regression is known by its result and its beginning. The first state that a person gave it
    counts, and the first end or level that is expected.
    """
    found: dict[tuple[object, ...], Lapse] = {}
    for entry in sorted(entries, key=lambda each: each.at_seconds):
        lapse = found.setdefault((*entry.scope.key, entry.name, entry.began_seconds), Lapse())
        after = max(entry.at_seconds - entry.began_seconds, 0.0)
        if entry.who != ITSELF and entry.state != "new" and lapse.triaged_seconds is None:
            lapse.triaged_seconds = after
        if entry.state in CLOSED and lapse.closed_seconds is None:
            lapse.closed_seconds = after
    by_project = defaultdict(list)
    for (project, *_), lapse in found.items():
        by_project[str(project)].append(lapse)
    return dict(sorted(by_project.items()))


def time_lines(entries: Iterable[TriageEntry]) -> Sequence[str]:
    """A line for each project: how many were triaged and closed, and after how long."""
    lines = []
    for project, of_project in lapses(entries).items():
        triaged = [each.triaged_seconds for each in of_project if each.triaged_seconds is not None]
        closed = [each.closed_seconds for each in of_project if each.closed_seconds is not None]
        lines.append(
            f"{project or 'no project'}: of {len(of_project):,}, "
            f"{_words('triaged', triaged)}; {_words('closed', closed)}"
        )
    return lines or ["no state is known"]


def _words(what: str, seconds: Sequence[float]) -> str:
    if not seconds:
        return f"0 {what}"
    median, mean = statistics.median(seconds), statistics.fmean(seconds)
    return f"{len(seconds):,} {what}, median {_duration(median)}, mean {_duration(mean)}"


def _duration(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
