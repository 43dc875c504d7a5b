"""Expositions of the ledger's state: what a scrape shows."""

import threading
from collections.abc import Mapping
from itertools import chain

from msgspec.structs import replace

from benchmark_exporter.config import Config
from benchmark_exporter.ledger import BranchRuns, Ledger, State
from benchmark_exporter.ledger.current_state import CurrentState
from benchmark_exporter.ledger.history import RecordedRun
from benchmark_exporter.ledger.owner_states import with_owners
from benchmark_exporter.ledger.touched import Touched
from benchmark_exporter.metrics.definitions import Definition, Part
from benchmark_exporter.metrics.exposition import Exposition, text
from benchmark_exporter.metrics.families import process
from benchmark_exporter.metrics.holding import AWAITED_SECONDS, Releases
from benchmark_exporter.metrics.known_state import KnownState, Times, subjects_read
from benchmark_exporter.metrics.lines import Layout, Lines
from benchmark_exporter.metrics.live import ConfigStatus, Live, LiveProgress
from benchmark_exporter.metrics.pending_changes import PendingChanges
from benchmark_exporter.metrics.renderer import Renderer
from benchmark_exporter.metrics.resources import Resources
from benchmark_exporter.metrics.run_samples import samples_of
from benchmark_exporter.metrics.samples import Sample
from benchmark_exporter.metrics.series_text import SeriesText
from benchmark_exporter.metrics.sparse import PACES, SparsePart
from benchmark_exporter.model import PipelineRun

# For how long `newest` may wait for the ledger's thread, which reads or renders meanwhile.
NEWEST_WAIT_SECONDS = 0.05


class Collector:
    """Reads and renders states. `sparse` has the sparse series of each part that has any.

    What it keeps from one state to the next saves work, or says which counters were shown with
    their values. Otherwise the same state gives the same bytes. `exposition` is the last that was
    rendered. All of this belongs to the ledger's thread, except that any may ask for the `newest`.
    """

    exposition: Exposition

    def __init__(self, definitions: Mapping[str, Definition], config: Config) -> None:
        self.sparse: Mapping[Part, SparsePart] = {
            part: SparsePart(
                part, [name for name, each in definitions.items() if part in each.sparse_parts]
            )
            for part in PACES
        }
        self._layout = Layout(definitions)
        self._releases = Releases({})
        self._known = KnownState()
        self._must_read_all = self._is_renewed = True
        self._lock = threading.Lock()  # of all that is rendered, and of what is known
        self._pending = PendingChanges()
        self._live = Live(0, 0.0)
        self._rendered_seconds = 0.0
        self.configure(config)
        self._renderer = self._new_renderer()

    def expose(
        self, ledger: Ledger, live: Live, now: float, *, at_once: bool = True
    ) -> tuple[CurrentState, Exposition]:
        """The newest state of as many subjects as are shown, and its exposition.

        It costs by what has changed since the last call. Unless it is needed at once, a small
        change is only read: the exposition is the one before, and `newest` renders the other.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        with self._lock:
            self._releases.load(ledger)
            while True:
                exposition = self._expose_fitting(ledger, live, now, at_once=at_once)
                if exposition is None:
                    self._live = live
                    return self._known.current, self.exposition
                if not self._releases.store(ledger, now):
                    self._publish(exposition, now)
                    return self._known.current, exposition

    @property
    def behind_since_seconds(self) -> float:
        """Since when something was read that is not in `exposition`; infinity: nothing is."""
        return self._pending.since_seconds

    def newest(self, now: float) -> Exposition:
        """The exposition of what was read last. It waits for no disk, and for a moment at most.

        What holds of counters have to do with the time is left to the ledger's thread.
        """
        if self._pending and self._lock.acquire(timeout=NEWEST_WAIT_SECONDS):
            try:
                self._render_pending(now)
            finally:
                self._lock.release()
        return self.exposition

    def _render_pending(self, now: float) -> None:
        """Renders what waits, unless that is left to the ledger's thread."""
        known = self._known
        if not self._pending or self._must_read_all or not self._is_steady(now):
            return
        self._must_read_all = True  # unless this succeeds
        exposition = self._renderer.render(self._pending.take(), known, self._live, now)
        self._must_read_all = not self._has_enough(exposition)
        self._publish(exposition, now)

    def _is_steady(self, now: float) -> bool:
        """Whether one was published, no hold ends, nothing is too old, the clock not set back."""
        return 0.0 < self._rendered_seconds <= now < self.exposition.stale_at_seconds

    def _expose_fitting(
        self, ledger: Ledger, live: Live, now: float, *, at_once: bool
    ) -> Exposition | None:
        """The exposition, or None if what was read waits for `newest`."""
        known = self._known
        while True:
            touched = ledger.changed_states.touched()
            touched.everything |= self._must_read_all or self._is_renewed
            if touched.everything:
                self._render_pending(now)  # what follows may take seconds
                self._pending.discard()
            self._must_read_all = True  # unless this succeeds
            self._renderer.note_expired(touched, now)
            renderer = self._new_renderer() if self._is_renewed else self._renderer
            changes = known.read(ledger, touched, self._times(now))
            if not at_once and self._can_wait(touched, now):
                self._pending.add(changes, now)
                self._must_read_all = False
                return None
            exposition = renderer.render(chain(self._pending.take(), changes), known, live, now)
            self._renderer = renderer
            self._must_read_all = self._is_renewed = False
            if known.is_complete:
                if self._has_enough(exposition):
                    return exposition
            elif exposition.shown == known.subjects:
                known.at_most *= 2
            elif (
                known.at_most > subjects_read(self._config.max_series)
                and exposition.shown < known.at_most // 2
            ):
                if touched.everything:
                    return exposition
                known.at_most = subjects_read(self._config.max_series)
            else:
                return exposition
            self._must_read_all = True

    def _has_enough(self, exposition: Exposition) -> bool:
        """Whether as many subjects are known as are shown, and not far more; all are known."""
        subjects, at_most = self._known.subjects, self._known.at_most
        return exposition.shown == subjects or subjects <= at_most or exposition.shown >= at_most

    def _can_wait(self, touched: Touched, now: float) -> bool:
        known = self._known
        return (
            known.is_complete
            and known.first_seen_seconds > self._times(now).after
            and self._is_steady(now)
            and self._pending.has_room(touched)
        )

    def _times(self, now: float) -> Times:
        config = self._config
        longest = max(config.counter_hold_seconds, config.histogram_hold_seconds)
        return Times(now, config.series_max_age_seconds, longest + AWAITED_SECONDS)

    def render(self, state: State, live: Live, now: float) -> Exposition:
        """The `state` and `distributions` parts of a whole state at a time (seconds since 1970).

        Nothing that was rendered before is used.
        """
        known = KnownState()
        unowned = replace(with_owners(state, ()), selection=state.selection)
        changes = known.take([unowned, state], BranchRuns)
        return self._new_renderer().render(changes, known, live, now)

    def _new_renderer(self) -> Renderer:
        return Renderer(self._layout, self._config, self._releases)

    def render_live(self, live: Live, now: float) -> Exposition:
        """The exposition of the state that was read last, with what has changed without a commit.

        The ledger is not read.
        """
        with self._lock:
            exposition = self._renderer.render(self._pending.take(), self._known, live, now)
            self._publish(exposition, now)
        return exposition

    def _publish(self, exposition: Exposition, now: float) -> None:
        self.exposition, self._rendered_seconds = exposition, now
        for sparse in self.sparse.values():
            sparse.publish(exposition, now)

    def samples(self, run: RecordedRun | PipelineRun) -> list[Sample]:
        """The gauges that a scrape shows while the run is the newest.

        Counters and histograms are left out: they are totals over many runs.
        """
        return samples_of(run, self._layout.definitions, self._config)

    def configure(self, config: Config) -> None:
        """Renders by other settings from now on."""
        with self._lock:
            self._render_pending(self._rendered_seconds)  # by the settings of then
            self._config = config
            self._releases.configure(
                {
                    "state": config.counter_hold_seconds,
                    "distributions": config.histogram_hold_seconds,
                }
            )
            self._known.at_most = subjects_read(config.max_series)
            self._must_read_all = self._is_renewed = True

    def render_resources(
        self,
        resources: Resources,
        live: Live,
        uploads: Mapping[int, int],
        progress: LiveProgress,
        config_status: ConfigStatus,
    ) -> bytes:
        """The `resources` part. `uploads` has the number of answers by status code."""
        series_text = SeriesText(self._layout.definitions, self._config.max_label_bytes)
        lines = Lines(self._layout, series_text)
        process.add_resources(lines, resources)
        process.add_scan(lines, live.scan_duration_seconds, uploads)
        process.add_config_status(lines, config_status)
        process.add_searches(lines, live.searches_due)
        process.add_progress(lines, progress)
        return text([lines.families("resources")])
