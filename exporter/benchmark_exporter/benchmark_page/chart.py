"""The history of a result as a chart: SVG that is made here, and a table of the same data.

The plot is stretched to the width that the page has; labels are outside of it, so that they keep
their size on a phone.
"""

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import NamedTuple

from benchmark_exporter.benchmark_page.axis import Axis, axis_of, tick_labels, ticks, time_labels
from benchmark_exporter.benchmark_page.markup import table, text
from benchmark_exporter.judge import VerdictState
from benchmark_exporter.ledger.change_points import ChangePoint
from benchmark_exporter.site.cells import moment
from benchmark_exporter.texts.say import Say
from benchmark_exporter.wording import (
    level_change,
    printable,
    verdict_said,
    verdict_word,
    with_unit,
)

SIZE = 1000  # of the plot, in its own units, in both directions
_LEAST_MARKED = 40  # up to so many points each is marked, otherwise only those that are worse
_TIME_LABELS = 3


class ChartPoint(NamedTuple):
    """A run of a result. The time is in seconds since 1970; values are in the result's unit."""

    at_seconds: float
    value: float
    reference: float | None
    limit: float | None
    state: VerdictState | None


class Chart(NamedTuple):
    """What a chart shows: points and changes of a result, the oldest point first.

    `run_count` is how many runs the points stand for; `number` tells charts of a page apart. `say`
    has the reader's language.
    """

    name: str
    unit: str
    points: Sequence[ChartPoint]
    changes: Sequence[ChangePoint]
    run_count: int
    number: int
    say: Say

    def html(self) -> str:
        """The chart with its legend and its table."""
        return (
            f'<figure class="history">{self._legend()}<div class="plot">{self._values_axis()}'
            f"{self._plot()}{self._times_axis()}</div></figure>{self._table()}"
        )

    @property
    def _axis(self) -> Axis:
        shown = [each.value for each in self.points]
        shown += [each.reference for each in self.points if each.reference is not None]
        shown += [each.limit for each in self.points if each.limit is not None]
        return axis_of(shown)

    @property
    def _span(self) -> tuple[float, float]:
        return self.points[0].at_seconds, self.points[-1].at_seconds

    @property
    def _changes_shown(self) -> Sequence[ChangePoint]:
        begin, end = self._span
        return [each for each in self.changes if begin <= each.at_seconds <= end]

    def _plot(self) -> str:
        axis, (begin, end) = self._axis, self._span

        def across(at_seconds: float) -> int:
            return round(SIZE * Axis(begin, end).share(at_seconds))

        def down(value: float) -> int:
            return round(SIZE * (1 - axis.share(value)))

        title, description = f"chart-{self.number}-title", f"chart-{self.number}-desc"
        grid = "".join(f"M0 {down(tick)}H{SIZE}" for tick in ticks(axis))
        changes = "".join(
            f'<line class="change" x1="{across(each.at_seconds)}" x2="{across(each.at_seconds)}" '
            f'y1="0" y2="{SIZE}"><title>{text(_said_of_change(each, self.say))}</title></line>'
            for each in self._changes_shown
        )
        lines = (
            ("baseline", [(each.at_seconds, each.reference) for each in self.points]),
            ("limit", [(each.at_seconds, each.limit) for each in self.points]),
            ("line", [(each.at_seconds, each.value) for each in self.points]),
        )
        drawn = "".join(
            f'<path class="{kind}" d="{_path(values, across, down)}"/>' for kind, values in lines
        )
        return (
            f'<svg class="chart" viewBox="0 0 {SIZE} {SIZE}" preserveAspectRatio="none" role="img" '
            f'aria-labelledby="{title} {description}"><title id="{title}">'
            f"{self.say('{name}: history', name=text(self.name))}</title>"
            f'<desc id="{description}">{text(self._description())}</desc>'
            f'<path class="axis" d="{grid}"/>{changes}{drawn}{self._marks(across, down)}</svg>'
        )

    def _marks(self, across: Callable[[float], int], down: Callable[[float], int]) -> str:
        """The points that are marked, by the kind of their verdict."""
        is_short = len(self.points) <= _LEAST_MARKED
        marked: dict[str, list[str]] = {}
        for each in self.points:
            kind = "unknown" if each.state is None else verdict_said(each.state, None).kind
            if is_short or kind in ("critical", "warning"):
                place = f"M{across(each.at_seconds)} {down(each.value)}h0"
                marked.setdefault(kind, []).append(place)
        return "".join(
            f'<path class="point {kind}" d="{"".join(places)}"/>' for kind, places in marked.items()
        )

    def _description(self) -> str:
        lowest = min(self.points, key=lambda each: each.value)
        highest = max(self.points, key=lambda each: each.value)
        newest = self.points[-1]
        say = self.say
        low, high, now = (with_unit(each.value, self.unit) for each in (lowest, highest, newest))
        said = [
            say.counted(
                self.run_count,
                "{count} run, {low} to {high}; the newest {now}",
                "{count} runs, {low} to {high}; the newest {now}",
                low=low,
                high=high,
                now=now,
            )
        ]
        if newest.reference is not None:
            said.append(say("baseline {value}", value=with_unit(newest.reference, self.unit)))
        if newest.limit is not None:
            said.append(say("limit {value}", value=with_unit(newest.limit, self.unit)))
        said += [_said_of_change(each, say) for each in self._changes_shown]
        return say("; ").join(said)

    def _values_axis(self) -> str:
        axis = self._axis
        marks = ticks(axis)
        labels = "".join(
            f'<text x="100%" y="{100 * (1 - axis.share(value)):.1f}%" dy=".35em" '
            f'text-anchor="end">{escape(label)}</text>'
            for value, label in zip(marks, tick_labels(axis, marks, self.unit), strict=True)
        )
        return f'<svg class="values" aria-hidden="true">{labels}</svg>'

    def _times_axis(self) -> str:
        anchors = {0.0: "start", 1.0: "end"}
        labels = "".join(
            f'<text x="{100 * share:.0f}%" y="1.1em" '
            f'text-anchor="{anchors.get(share, "middle")}">{escape(label)}</text>'
            for share, label in time_labels(*self._span, _TIME_LABELS)
        )
        return f'<svg class="times" aria-hidden="true">{labels}</svg>'

    def _legend(self) -> str:
        newest, say = self.points[-1], self.say
        entries = [
            ("line", say("value")),
            ("baseline", say("baseline") if any(each.reference for each in self.points) else ""),
            ("limit", say("limit") if newest.limit is not None else ""),
            ("change", say("change point") if self._changes_shown else ""),
        ]
        keys = "".join(f'<span class="key {kind}">{word}</span>' for kind, word in entries if word)
        scale = f" {say('Logarithmic scale.')}" if self._axis.logarithmic else ""
        return f"<figcaption>{keys} {say('Times are in UTC.')}{scale}</figcaption>"

    def _table(self) -> str:
        say = self.say
        rows = [
            (
                moment(each.at_seconds),
                *(
                    "" if value is None else text(with_unit(value, self.unit))
                    for value in (each.value, each.reference, each.limit)
                ),
                "" if each.state is None else text(verdict_word(each.state, say)),
            )
            for each in reversed(self.points)
        ]
        title = say("The chart as a table")
        if len(rows) != self.run_count:
            count = f"{self.run_count:,}"
            title = say(
                "{title}, {shown} of {count} runs", title=title, shown=len(rows), count=count
            )
        heads = (say("Run at (UTC)"), say("Value"), say("Baseline"), say("Limit"), say("Verdict"))
        label = say("History of {name}", name=printable(self.name))
        return f"<details><summary>{title}</summary>{table(label, heads, rows)}</details>"


def _path(
    values: Iterable[tuple[float, float | None]],
    across: Callable[[float], int],
    down: Callable[[float], int],
) -> str:
    """A line through values, with gaps where there are none."""
    commands, is_down = [], False
    for at_seconds, value in values:
        if value is None:
            is_down = False
            continue
        commands.append(f"{'L' if is_down else 'M'}{across(at_seconds)} {down(value)}")
        is_down = True
    return "".join(commands)


def _said_of_change(change: ChangePoint, say: Say) -> str:
    level = level_change(change.ratio, worse=change.worse, say=say)
    said = say("level changed {change}", change=level)
    if not change.commit_hash:
        return said
    return say("{said} with commit {commit}", said=said, commit=change.commit_hash[:12])
