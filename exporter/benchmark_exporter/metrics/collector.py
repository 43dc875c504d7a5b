"""Expositions of the ledger's state: what a scrape shows."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmark_exporter.config import Config
from benchmark_exporter.ledger import Ledger, State, Subject
from benchmark_exporter.ledger.delivery import DELIVERY_MAX_AGE_SECONDS
from benchmark_exporter.ledger.history import RecordedRun
from benchmark_exporter.ledger.reports import Alarm
from benchmark_exporter.ledger.state import (
    NewestGate,
    NewestPipeline,
    NewestResult,
    NewestRun,
    PendingReport,
)
from benchmark_exporter.metrics.definitions import PARTS, Definition, Part
from benchmark_exporter.metrics.exposition import KnownSeries, Page, Series
from benchmark_exporter.metrics.families import (
    changes,
    exporter,
    gates,
    pipelines,
    process,
    results,
    shifts,
    totals,
    verdicts,
)
from benchmark_exporter.metrics.holding import AWAITED_SECONDS, Releases
from benchmark_exporter.metrics.live import ConfigStatus, Live, LiveProgress
from benchmark_exporter.metrics.resources import Resources
from benchmark_exporter.metrics.samples import Sample, Samples
from benchmark_exporter.metrics.sparse import SparsePart
from benchmark_exporter.model import PipelineRun, SubjectKind

LEAST_SUBJECTS_READ = 500


@dataclass(frozen=True, slots=True)
class Exposition:
    """Rendered parts, and when they change without a commit (seconds since 1970; infinity: never).

    `shown` is how many of the state's first subjects fit into `max_series`; `dropped` is how many
    of each kind do not fit, although they had a run lately. `alarms` are the confirmed regressions
    that are shown and are not reported to each Prometheus yet.
    """

    parts: Mapping[Part, bytes]
    commits: int
    stale_at_seconds: float
    shown: int
    dropped: Mapping[SubjectKind, int]
    alarms: Sequence[Alarm] = ()


class Collector:
    """Renders states. `sparse` is the `state` part as Prometheus scrapes it.

    What it keeps from one rendering to the next saves work, or says which counters were shown with
    their values. Otherwise the same state gives the same bytes.
    """

    def __init__(self, definitions: Mapping[str, Definition], config: Config) -> None:
        self.sparse = SparsePart()
        self._definitions = definitions
        self._prefixes: Mapping[Series, KnownSeries] = {}
        self._histograms = totals.Histograms()
        self._releases = Releases({})
        self.configure(config)
        # How many subjects are read: few more than are shown, however many exist. It doubles until
        # one does not fit.
        self._subjects_read = LEAST_SUBJECTS_READ

    def expose(self, ledger: Ledger, live: Live, now: float) -> tuple[State, Exposition]:
        """The newest state of as many subjects as are shown, and its exposition.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        self._releases.load(ledger)
        while True:
            state, page, exposition = self._expose_fitting(ledger, live, now)
            if not self._releases.store(ledger, now):
                self.sparse.publish(page.families("state"), now)
                return state, exposition

    def _expose_fitting(
        self, ledger: Ledger, live: Live, now: float
    ) -> tuple[State, Page, Exposition]:
        config = self._config
        longest_hold = max(config.counter_hold_seconds, config.histogram_hold_seconds)
        while True:
            state = ledger.state(
                after_seconds=now - config.series_max_age_seconds,
                at_most=self._subjects_read,
                returned_after_seconds=now - longest_hold - AWAITED_SECONDS,
                passed_after_seconds=now - DELIVERY_MAX_AGE_SECONDS,
            )
            page, exposition = self._render(state, live, now)
            if exposition.shown < len(state.selection.subjects):
                self._subjects_read = max(LEAST_SUBJECTS_READ, exposition.shown + 1)
            elif any(exposition.dropped.values()):
                self._subjects_read *= 2
                continue
            return state, page, exposition

    def render(self, state: State, live: Live, now: float) -> Exposition:
        """The `state` and `distributions` parts of a state at a time (seconds since 1970)."""
        page, exposition = self._render(state, live, now)
        self.sparse.publish(page.families("state"), now)
        return exposition

    def _render(self, state: State, live: Live, now: float) -> tuple[Page, Exposition]:
        page = Page(self._definitions, self._config.max_label_bytes, self._prefixes)
        holds = self._releases.holds(now, live.scrapes)
        results.add_results(page, state.results)
        results.add_runs(page, state.runs)
        gates.add_gate_outcomes(page, state.gates, self._config.baseline_version)
        gates.add_failed_runs(page, state.gates, state.runs)
        verdicts.add_verdicts(page, state.verdicts, state.reports)
        verdicts.add_baseline_speedups(page, state)
        shifts.add_shifts(page, state.shifts)
        shifts.add_accepted_shifts(page, state.accepted_shifts)
        shifts.add_common_regressions(page, state.verdicts, self._config.judgement)
        changes.add_changes(page, state.changes, state.verdicts)
        pipelines.add_pipelines(page, state.pipelines)
        pipelines.add_failure_ratios(page, state.pipeline_failure_ratios)
        pipelines.add_suite_durations(page, state, self._definitions)
        exporter.add_exporter(page, state, live)
        totals.add_counters(page, state, self._definitions, holds)
        self._histograms.add(page, state, self._definitions, holds["distributions"])
        self._releases.note(holds)
        shown, dropped = self._limit(page, state)
        exporter.add_series_counts(page, self._config.max_series, dropped)
        self._prefixes = page.prefixes
        aged = state.selection.first_seen_seconds + self._config.series_max_age_seconds
        ends = [hold.ends_seconds for hold in holds.values()]
        exposition = Exposition(
            {part: page.text(part) for part in PARTS if part != "resources"},
            state.commits,
            min(*ends, aged, _first_to_expire(state.reports)),
            shown,
            dropped,
            _alarms(state, shown),
        )
        return page, exposition

    def _limit(self, page: Page, state: State) -> tuple[int, Mapping[SubjectKind, int]]:
        """Drops what does not fit; how many subjects are shown, and how many of each kind not."""
        subjects = state.selection.subjects
        shown = page.keep_fitting(subjects, self._config.max_series)
        of_kind = Counter(subject.kind for subject in subjects[:shown])
        counts = state.selection.counts
        return shown, {kind: count - of_kind[kind] for kind, count in counts.items()}

    def samples(self, run: RecordedRun | PipelineRun) -> list[Sample]:
        """The gauges that a scrape shows while the run is the newest.

        Counters and histograms are left out: they are totals over many runs.
        """
        sink = Samples(self._definitions, self._config.max_label_bytes)
        if isinstance(run, PipelineRun):
            newest_pipeline = NewestPipeline(
                run.project or self._config.project,
                run.pipeline,
                run.branch,
                run.trigger,
                run.passed,
                run.duration_seconds,
            )
            pipelines.add_pipelines(sink, [newest_pipeline])
            return sink.samples
        if not run.tracked:  # a scrape shows nothing of it
            return []
        outcomes = dict.fromkeys((result.benchmark for result in run.results), False)
        outcomes |= dict.fromkeys((failure.benchmark for failure in run.failures), True)
        newest_runs = [
            NewestRun(
                scope=run.scope,
                benchmark=benchmark,
                run_id=run.run_id,
                commit_hash=run.commit_hash,
                format=run.format,
                timestamp_seconds=run.timestamp_seconds,
                failed=failed,
            )
            for benchmark, failed in outcomes.items()
        ]
        newest_results = [NewestResult(run.scope, result) for result in run.results]
        results.add_results(sink, newest_results)
        results.add_runs(sink, newest_runs)
        newest_gates = [
            NewestGate(run.scope, run.run_id, run.timestamp_seconds, outcome)
            for outcome in run.gate_outcomes
        ]
        gates.add_gate_outcomes(sink, newest_gates, self._config.baseline_version)
        gates.add_failed_runs(sink, newest_gates, newest_runs)
        return sink.samples

    def configure(self, config: Config) -> None:
        """Renders by other settings from now on."""
        self._config = config
        self._releases.configure(
            {"state": config.counter_hold_seconds, "distributions": config.histogram_hold_seconds}
        )

    def render_resources(
        self,
        resources: Resources,
        live: Live,
        uploads: Mapping[int, int],
        progress: LiveProgress,
        config_status: ConfigStatus,
    ) -> bytes:
        """The `resources` part. `uploads` has the number of answers by status code."""
        page = Page(self._definitions, self._config.max_label_bytes, {})
        process.add_resources(page, resources)
        process.add_scan(page, live.scan_duration_seconds, uploads)
        process.add_config_status(page, config_status)
        process.add_searches(page, live.searches_due)
        process.add_progress(page, progress)
        return page.text("resources")


def _first_to_expire(reports: Iterable[PendingReport]) -> float:
    """When the first regression is no longer shown although it was not reported."""
    since = [
        each.confirmed_seconds if each.ended_seconds is None else each.ended_seconds
        for each in reports
    ]
    return min(since, default=math.inf) + DELIVERY_MAX_AGE_SECONDS


def _alarms(state: State, shown: int) -> Sequence[Alarm]:
    """The regressions that have to be reported, of the first subjects, which are shown."""
    subjects = set(state.selection.subjects[:shown]) if state.reports else ()
    return [
        ((*each.regression.scope.key, each.regression.name), each.alarm)
        for each in state.reports
        if Subject.benchmark(each.regression.scope, each.regression.name) in subjects
    ]
