"""Renders what has changed of a state, and keeps the rest of the exposition as it was."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from benchmark_exporter.config import Config
from benchmark_exporter.counters import UNTRACKED_BRANCH_RUNS
from benchmark_exporter.ledger import RunningTotal, State
from benchmark_exporter.ledger.current_state import placed
from benchmark_exporter.ledger.delivery import DELIVERY_MAX_AGE_SECONDS
from benchmark_exporter.ledger.owner_states import Owner, OwnerState, with_owners
from benchmark_exporter.ledger.reports import Alarm
from benchmark_exporter.ledger.state import PendingReport
from benchmark_exporter.ledger.touched import Touched
from benchmark_exporter.metrics import rendering
from benchmark_exporter.metrics.common_regressions import RegressedTogether
from benchmark_exporter.metrics.definitions import PARTS, Part
from benchmark_exporter.metrics.exposition import Exposition
from benchmark_exporter.metrics.families.exporter import add_series_counts
from benchmark_exporter.metrics.families.shifts import add_common_regressions
from benchmark_exporter.metrics.families.totals import Holds, births
from benchmark_exporter.metrics.holding import Releases
from benchmark_exporter.metrics.known_state import Change, KnownState
from benchmark_exporter.metrics.lines import EXPORTER, Group, GroupLines, Layout, Lines
from benchmark_exporter.metrics.live import Live
from benchmark_exporter.metrics.page import Page
from benchmark_exporter.metrics.series_limit import fitting, positions
from benchmark_exporter.metrics.series_text import SeriesText, head
from benchmark_exporter.metrics.timed_owners import TimedOwners
from benchmark_exporter.model import Scope, SubjectKind

COUNTS: Group = ("series counts",)
# benchmark_exporter_series of two parts, its limit, and what is dropped of two kinds: these are
# only known once all the others are counted.
_SERIES_ABOUT_SERIES = 5


class Renderer:
    """Renders one change after the other, by the same settings."""

    def __init__(self, layout: Layout, config: Config, releases: Releases) -> None:
        self._layout = layout
        self._config = config
        self._releases = releases
        self._text = SeriesText(layout.definitions, config.max_label_bytes)
        self._page = Page(layout, self._text)
        self._together = RegressedTogether()
        self._timed = TimedOwners()
        self._held_untracked: dict[str, RunningTotal] = {}  # by project
        self._scopes: set[Scope] = set()  # whose common regressions have to be rendered
        self._is_complete = False  # whether a whole state was rendered, and each change since
        self._groups_of: dict[Owner, tuple[Group, ...]] = {}  # of pipelines
        self._heads = {name: head(each) for name, each in layout.definitions.items()}
        self._families_of = {
            part: [name for name, each in layout.definitions.items() if part in each.parts]
            for part in PARTS
        }

    def note_expired(self, touched: Touched, now: float) -> None:
        """Notes the owners of regressions that are too old to be shown although not reported."""
        for owner, reports in self._timed.reporting:
            if any(_expires_seconds(each) <= now for each in reports):
                touched.benchmarks.add(owner[1:])

    def render(
        self, changes: Iterable[Change], known: KnownState, live: Live, now: float
    ) -> Exposition:
        """The exposition after changes, or after none, at a time (seconds since 1970).

        Raises:
            LedgerError: the changes are read meanwhile, and cannot be.
        """
        holds = self._releases.holds(now, live.scrapes)
        page, is_whole, rendered = self._page, False, set[Group]()
        was_complete, self._is_complete = self._is_complete, False
        page.discard()
        for change in changes:
            is_whole = change.whole
            rendered.update(self._render_change(change, holds))
        if was_complete or is_whole:  # else what is kept may be of different commits
            self._render_released(known, holds)
        rendered |= {*self._render_rest(known, live, holds), COUNTS}
        if is_whole:
            for group in page.groups.keys() - rendered:
                page.replace(group, None)
        page.take()
        self._releases.note(holds)
        shown, dropped = self._limit(known)
        self._is_complete = was_complete or is_whole
        ends = [hold.ends_seconds for hold in holds.values()]
        aged = known.first_seen_seconds + self._config.series_max_age_seconds
        reports = [report for _, reports in self._timed.reporting for report in reports]
        return Exposition(
            self._heads,
            page.blocks,
            known.current.commits,
            min(*ends, aged, *map(_expires_seconds, reports)),
            shown,
            dropped,
            self._alarms(),
            self._families_of,
        )

    def _render_change(self, change: Change, holds: Holds) -> Iterable[Group]:
        """Renders what a change has; returns the groups that have lines."""
        definitions = self._layout.definitions
        lines = self._lines_of(change.state, holds)
        rendering.add_projects(lines, change.state, definitions)
        counters = change.state.counters.get(UNTRACKED_BRANCH_RUNS.name, ())
        self._held_untracked |= rendering.add_untracked(lines, counters, definitions, holds)
        rendering.add_shifts(lines, change.state)
        groups = lines.groups(_Order(change.owners))
        replaced: list[Group] = [rendering.ACCEPTED, *map(rendering.of_shift, change.scopes)]
        for owner, state in change.owners.items():
            replaced += self._groups_of.pop(owner, ())
            if state is not None:
                self._groups_of[owner] = _groups_of(state)
                replaced += self._groups_of[owner]
            self._keep(owner, state, holds)
        replaced += map(rendering.of_project, change.projects)
        replaced += map(rendering.of_untracked, change.projects)
        for group in replaced:
            self._page.replace(group, groups.get(group))
        return groups.keys()

    def _lines_of(self, state: State, holds: Holds) -> Lines:
        lines = Lines(self._layout, self._text)
        rendering.add_owners(lines, state, self._layout.definitions, self._config, holds)
        return lines

    def _keep(self, owner: Owner, state: OwnerState | None, holds: Holds) -> None:
        """Keeps what is needed of an owner that is rendered."""
        self._scopes.update(self._together.keep(owner, () if state is None else state.verdicts))
        born = () if state is None else set(births(state, self._layout.definitions))
        self._timed.keep(owner, state, born, holds)

    def _render_released(self, known: KnownState, holds: Holds) -> None:
        """Renders the owners of counters that are no longer held, or are held again."""
        released = self._timed.released(holds)
        if not released or known.state is None:
            return
        lines = self._lines_of(with_owners(known.state, released.values()), holds)
        groups = lines.groups(_Order(released))
        for owner, state in released.items():
            for group in self._groups_of[owner]:
                self._page.replace(group, groups.get(group))
            self._keep(owner, state, holds)

    def _render_rest(self, known: KnownState, live: Live, holds: Holds) -> Iterable[Group]:
        """Renders what follows from all owners, and what changes without them."""
        definitions = self._layout.definitions
        lines = Lines(self._layout, self._text)
        for scope in self._scopes:
            lines.group = rendering.of_common(scope)
            regressed, judged_in = self._together.of(scope), self._together.judged_in
            add_common_regressions(lines, regressed, judged_in, self._config.judgement)
        held = [each for at, each in self._held_untracked.items() if at in known.projects]
        replaced = [*map(rendering.of_common, self._scopes), EXPORTER]
        replaced += (rendering.of_untracked(project) for project in self._held_untracked)
        self._held_untracked = rendering.add_untracked(lines, held, definitions, holds)
        self._scopes.clear()
        if known.state is not None:
            target = self._config.alerts_real_target_ratio
            rendering.add_exporter(lines, known.state, live, definitions, holds, target)
        groups = lines.groups(_Order({}))
        for group in replaced:
            self._page.replace(group, groups.get(group))
        return groups.keys()

    def _limit(self, known: KnownState) -> tuple[int, Mapping[SubjectKind, int]]:
        """Shows what fits; how many subjects these are, and how many of each kind do not fit."""
        page, limit = self._page, self._config.max_series
        counted = page.groups.get(COUNTS, GroupLines())
        most = max(
            page.series["state"] - counted.state_series + _SERIES_ABOUT_SERIES,
            page.series["distributions"],
        )
        left_out: frozenset[Group] = frozenset()
        if most <= limit and known.is_complete:
            shown, dropped = known.subjects, dict.fromkeys(known.counts, 0)
        else:
            subjects = [subject for subject, _ in placed(known.owners)]
            position_of = positions(subjects)
            counts = _counts(page.groups)
            counts["state"][None] += _SERIES_ABOUT_SERIES
            shown = fitting(position_of, counts.values(), limit)
            left_out = frozenset(
                group for group in page.groups if position_of.get(group, -1) >= shown
            )
            of_kind = Counter(subject.kind for subject in subjects[:shown])
            dropped = {kind: count - of_kind[kind] for kind, count in known.counts.items()}
        series: dict[Part, int] = dict(page.series)
        series["state"] += _SERIES_ABOUT_SERIES - counted.state_series
        for group in left_out:
            series["state"] -= page.groups[group].state_series
            series["distributions"] -= page.groups[group].distributions_series
        lines = Lines(self._layout, self._text)
        lines.group = COUNTS
        add_series_counts(lines, limit, dropped, series)
        page.replace(COUNTS, lines.groups(lambda _: "")[COUNTS])
        page.take()
        page.show(left_out)
        return shown, dropped

    def _alarms(self) -> Sequence[Alarm]:
        """The regressions that have to be reported, of the owners that are shown."""
        return [
            ((*each.regression.scope.key, each.regression.name), each.alarm)
            for owner, reports in self._timed.reporting
            if owner not in self._page.left_out
            for each in reports
        ]


class _Order:
    """Where lines stand that are not sorted: by the place of their owner, or their project."""

    def __init__(self, owners: Mapping[Owner, OwnerState | None]) -> None:
        self._owners = owners

    def __call__(self, group: Group) -> int | str:
        length = 6 if group[0] == "benchmark" else 3
        owner = self._owners.get(group[:length])
        return group[-1] if owner is None else owner.position


def _groups_of(state: OwnerState) -> tuple[Group, ...]:
    """The groups that an owner's lines are in."""
    found: dict[Group, None] = {}
    for subject, _ in state.subjects:
        owner = subject.kind, *subject.total_labels
        found[owner] = None
        if subject.kind == "pipeline":
            found[*owner, subject.branch, subject.trigger] = None
    return tuple(found)


def _counts(groups: Mapping[Group, GroupLines]) -> dict[Part, Counter[Group | None]]:
    """How many series of each part an owner has; None is what no owner has."""
    counts: dict[Part, Counter[Group | None]] = {"state": Counter(), "distributions": Counter()}
    for group, lines in groups.items():
        if group != COUNTS:
            owner = group if group[0] in ("benchmark", "pipeline") else None
            counts["state"][owner] += lines.state_series
            counts["distributions"][owner] += lines.distributions_series
    return counts


def _expires_seconds(report: PendingReport) -> float:
    """When a regression is no longer shown although it was not reported."""
    ended = report.ended_seconds
    return (report.confirmed_seconds if ended is None else ended) + DELIVERY_MAX_AGE_SECONDS
