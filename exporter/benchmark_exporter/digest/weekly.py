"""The digests of a week, one for each project, as text for people."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby

from benchmark_exporter.alert_texts.language import ENGLISH
from benchmark_exporter.digest.words import WORDS, Words
from benchmark_exporter.ledger import ChangePoint
from benchmark_exporter.ledger.week import OpenRegression, WeekRows
from benchmark_exporter.model import Scope
from benchmark_exporter.wording import printable, with_unit

# Of each list.
MOST_LINES = 5
LONGEST_NAME = 80
DAY_SECONDS = 86_400.0
# What is left of a change after another one, as a share of it, to count as a change at all.
_UNDONE = 1 / 3


@dataclass(frozen=True, slots=True)
class Shift:
    """How a series' level changed over the week, in its unit; `ratio` is above 0 for larger."""

    scope: Scope
    name: str
    unit: str
    before: float
    after: float
    ratio: float | None
    worse: bool
    commit: str


@dataclass(frozen=True, slots=True)
class Digest:
    """A project's week, the largest changes first, and what is open the longest first."""

    project: str
    worse: Sequence[Shift] = ()
    better: Sequence[Shift] = ()
    open_regressions: Sequence[OpenRegression] = field(default_factory=list)


def digests_of(week: WeekRows) -> Sequence[Digest]:
    """The digests of the projects that have anything to tell, by name."""
    shifts = sorted(_shifts(week.changes), key=lambda each: (each.scope.project, -_size(each)))
    found: dict[str, Digest] = {}
    for project, group in groupby(shifts, key=lambda each: each.scope.project):
        changed = list(group)
        found[project] = Digest(
            project,
            [each for each in changed if each.worse],
            [each for each in changed if not each.worse],
        )
    for each in week.open_regressions:
        project = each.scope.project
        known = found.get(project, Digest(project))
        found[project] = replace(known, open_regressions=[*known.open_regressions, each])
    return [found[project] for project in sorted(found)]


def _shifts(changes: Iterable[ChangePoint]) -> Iterator[Shift]:
    """What remains of each series' changes; those that were undone within the week are left out."""

    of_series: dict[tuple[Scope, str, str], list[ChangePoint]] = {}
    for each in sorted(changes, key=lambda each: (each.at_seconds, each.run)):
        of_series.setdefault((each.scope, each.name, each.unit), []).append(each)
    for (scope, name, unit), several in of_series.items():
        first, last = several[0], several[-1]
        largest = max(abs(each.value_after - each.value_before) for each in several)
        moved = last.value_after - first.value_before
        if largest and abs(moved) <= _UNDONE * largest:
            continue
        # Which direction is worse follows from any of them.
        larger_is_worse = last.worse == (last.value_after > last.value_before)
        ratio = moved / first.value_before if first.value_before > 0 else None
        yield Shift(
            scope,
            name,
            unit,
            first.value_before,
            last.value_after,
            ratio,
            worse=(moved > 0) == larger_is_worse,
            commit=last.commit_hash,
        )


def _size(shift: Shift) -> float:
    return 0.0 if shift.ratio is None else abs(shift.ratio)


def summary(digest: Digest, words: Words = WORDS[ENGLISH]) -> str:
    """The week in one line, without its date."""
    return words.counts.format(
        project=_name(digest.project),
        worse=len(digest.worse),
        better=len(digest.better),
        open=len(digest.open_regressions),
    )


def lines(digest: Digest, now_seconds: float, words: Words = WORDS[ENGLISH]) -> Iterator[str]:
    """The week in lines. No text of a document can break one."""
    for title, shifts in ((words.worse, digest.worse), (words.better, digest.better)):
        yield from _list(title, [_shift(each, words) for each in shifts], words)
    opened = [_open(each, now_seconds, words) for each in digest.open_regressions]
    yield from _list(words.longest, opened, words)


def _list(title: str, entries: Sequence[str], words: Words) -> Iterator[str]:
    if not entries:
        return
    yield title
    for entry in entries[:MOST_LINES]:
        yield f"- {entry}"
    if len(entries) > MOST_LINES:
        yield f"- {words.more.format(count=len(entries) - MOST_LINES)}"


def _shift(shift: Shift, words: Words) -> str:
    values = words.values.format(
        name=_name(shift.name),
        ratio="" if shift.ratio is None else f" {shift.ratio:+.1%}",
        before=with_unit(shift.before, shift.unit),
        after=with_unit(shift.after, shift.unit),
    )
    commit = words.commit.format(commit=_name(shift.commit[:12])) if shift.commit else ""
    return f"{values}{commit}{_where(shift.scope, words)}"


def _open(each: OpenRegression, now_seconds: float, words: Words) -> str:
    days = max((now_seconds - each.since_seconds) / DAY_SECONDS, 0.0)
    opened = words.opened.format(
        name=_name(each.name),
        days=f"{days:.0f}",
        began=datetime.fromtimestamp(each.since_seconds, UTC).strftime("%Y-%m-%d"),
        state=_join((each.state, _change(each.worsening_ratio, words)), words),
    )
    return f"{opened}{_where(each.scope, words)}"


def _change(worsening_ratio: float | None, words: Words) -> str:
    if worsening_ratio is None:
        return ""
    text = words.changed_worse if worsening_ratio > 0 else words.changed_better
    return text.format(change=f"{abs(worsening_ratio):.1%}")


def _where(scope: Scope, words: Words) -> str:
    parts = _join(map(_name, (scope.branch, scope.environment, scope.machine_class)), words)
    return words.scope.format(parts=parts) if parts else ""


def _join(parts: Iterable[str], words: Words) -> str:
    return words.separator.join(part for part in parts if part)


def _name(text: str) -> str:
    """A text of a document: one line, not too long, and without what annotations must not have."""
    text = printable(" ".join(text.split())).replace(": ", ":")
    if len(text) <= LONGEST_NAME:
        return text
    half = (LONGEST_NAME - 1) // 2
    return f"{text[:half]}…{text[-half:]}"
