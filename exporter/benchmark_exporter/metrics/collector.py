"""Expositions of the ledger's state: what a scrape shows."""

from collections.abc import Mapping

from msgspec.structs import replace

from benchmark_exporter.config import Config
from benchmark_exporter.ledger import BranchRuns, Ledger, State
from benchmark_exporter.ledger.current_state import CurrentState
from benchmark_exporter.ledger.history import RecordedRun
from benchmark_exporter.ledger.owner_states import with_owners
from benchmark_exporter.metrics.definitions import Definition, Part
from benchmark_exporter.metrics.exposition import Exposition, text
from benchmark_exporter.metrics.families import process
from benchmark_exporter.metrics.holding import AWAITED_SECONDS, Releases
from benchmark_exporter.metrics.known_state import KnownState, Times, subjects_read
from benchmark_exporter.metrics.lines import Layout, Lines
from benchmark_exporter.metrics.live import ConfigStatus, Live, LiveProgress
from benchmark_exporter.metrics.renderer import Renderer
from benchmark_exporter.metrics.resources import Resources
from benchmark_exporter.metrics.run_samples import samples_of
from benchmark_exporter.metrics.samples import Sample
from benchmark_exporter.metrics.series_text import SeriesText
from benchmark_exporter.metrics.sparse import PACES, SparsePart
from benchmark_exporter.model import PipelineRun


class Collector:
    """Reads and renders states. `sparse` has the sparse series of each part that has any.

    What it keeps from one state to the next saves work, or says which counters were shown with
    their values. Otherwise the same state gives the same bytes.
    """

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
        self.configure(config)
        self._renderer = self._new_renderer()

    def expose(self, ledger: Ledger, live: Live, now: float) -> tuple[CurrentState, Exposition]:
        """The newest state of as many subjects as are shown, and its exposition.

        It costs by what has changed since the last call.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        self._releases.load(ledger)
        while True:
            exposition = self._expose_fitting(ledger, live, now)
            if not self._releases.store(ledger, now):
                self._publish(exposition, now)
                return self._known.current, exposition

    def _expose_fitting(self, ledger: Ledger, live: Live, now: float) -> Exposition:
        known = self._known
        while True:
            touched = ledger.changed_states.touched()
            touched.everything |= self._must_read_all or self._is_renewed
            self._must_read_all = True  # unless this succeeds
            self._renderer.note_expired(touched, now)
            renderer = self._new_renderer() if self._is_renewed else self._renderer
            changes = known.read(ledger, touched, self._times(now))
            exposition = renderer.render(changes, known, live, now)
            self._renderer = renderer
            self._must_read_all = self._is_renewed = False
            if known.is_complete and exposition.shown == known.subjects:
                return exposition
            if known.is_complete:
                if known.subjects <= known.at_most or exposition.shown >= known.at_most:
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
        exposition = self._renderer.render((), self._known, live, now)
        self._publish(exposition, now)
        return exposition

    def _publish(self, exposition: Exposition, now: float) -> None:
        for sparse in self.sparse.values():
            sparse.publish(exposition, now)

    def samples(self, run: RecordedRun | PipelineRun) -> list[Sample]:
        """The gauges that a scrape shows while the run is the newest.

        Counters and histograms are left out: they are totals over many runs.
        """
        return samples_of(run, self._layout.definitions, self._config)

    def configure(self, config: Config) -> None:
        """Renders by other settings from now on."""
        self._config = config
        self._releases.configure(
            {"state": config.counter_hold_seconds, "distributions": config.histogram_hold_seconds}
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
