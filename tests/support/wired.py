"""The exporter's parts over a real folder and a real ledger, wired as `serve` wires them.

Their clocks are moved by the test.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from benchmark_exporter.config import Config, packaged
from benchmark_exporter.counters import EXECUTION_TIME
from benchmark_exporter.ingest.branches import BranchRules
from benchmark_exporter.ingest.inbox import UPLOADS_PREFIX, Inbox
from benchmark_exporter.ingest.inboxes import Inboxes
from benchmark_exporter.ingest.ingest import Defaults, Ingest
from benchmark_exporter.ingest.judging import judge_after_deletion
from benchmark_exporter.ingest.upload_folder import UploadFolder
from benchmark_exporter.ledger import (
    Connect,
    DeletedRuns,
    DeletionSelection,
    Ledger,
    connect_to_write,
)
from benchmark_exporter.metrics.collector import Collector
from benchmark_exporter.metrics.definitions import load_definitions
from benchmark_exporter.metrics.exposition import Exposition, join
from benchmark_exporter.metrics.live import LastScrapes, Live
from benchmark_exporter.names import Aliases
from benchmark_exporter.server.compressed_lines import compress, old_chunks

START_SECONDS = 1_780_000_000.0  # 2026-05-28T20:26:40Z, after the runs of every fixture
DEFINITIONS = load_definitions(packaged("metrics.yaml"))

Labels = frozenset[tuple[str, str]]
Samples = Mapping[str, Mapping[Labels, float]]


class Wired:
    """An exporter without a process: `results` is its folder, `now` the time of both clocks.

    `restart` does what a new process would do with the same folder and ledger.
    """

    def __init__(
        self,
        folder: Path,
        config: Config | None = None,
        *,
        publish: Callable[[], None] = lambda: None,
    ) -> None:
        self.folder = folder
        self.results = folder / "results"
        self.results.mkdir(exist_ok=True)
        self.config = config or Config()
        self.now = START_SECONDS
        self.publish = publish
        self.scrapes: LastScrapes = {}
        self.exporter_url: str | None = None
        self.clock: Callable[[], float] = lambda: self.now
        self.connect: Connect = connect_to_write  # of the ledger that is opened next
        self._open()

    def _open(self) -> None:
        self.ledger_path = self.folder / "ledger.sqlite3"
        self.ledger = Ledger(self.ledger_path, connect=self.connect)
        self.uploads = UploadFolder(self.folder / "uploads", self.config.zone)
        self.collector = Collector(DEFINITIONS, self.config)
        self.ingest = Ingest(
            self.ledger,
            Inboxes(
                Inbox(self.results, self.config.max_file_bytes),
                Inbox(self.uploads.path, self.config.max_file_bytes, UPLOADS_PREFIX),
            ),
            self.config.policy,
            self.config.limits_for,
            Defaults(
                project=self.config.project,
                environment=self.config.environment,
                execution_time_bounds_ms=DEFINITIONS[EXECUTION_TIME.metric].buckets,
                settle_seconds=self.config.settle_seconds,
                series_max_age_seconds=self.config.series_max_age_seconds,
                zone=self.config.zone,
                branches=BranchRules(
                    self.config.default_branch, tuple(self.config.tracked_branches)
                ),
                clock_tolerance_seconds=self.config.clock_tolerance_seconds,
                aliases=Aliases(self.config.aliases),
            ),
            publish=self._publish,
            clock=self._clock,
            monotonic=self._clock,
        )

    def _publish(self) -> None:
        self.publish()

    def _clock(self) -> float:
        return self.clock()

    def restart(self, config: Config | None = None) -> None:
        self.ledger.close()
        self.config = config or self.config
        self._open()

    def drop(self, name: str, document: object) -> Path:
        """Writes a file into the results folder: bytes unchanged, anything else as JSON."""
        path = self.results / name
        path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
        return path

    def delete_runs(self, selection: DeletionSelection, *, dry_run: bool = False) -> DeletedRuns:
        """Deletes runs as the command does."""
        judge_again = judge_after_deletion(self.config.limits_for, self.now)
        return self.ledger.delete_runs(selection, judge_again, dry_run=dry_run)

    def take(self, name: str, document: object) -> None:
        """Drops a file and scans until it no longer counts as incomplete."""
        self.drop(name, document)
        self.settle()

    def settle(self) -> None:
        self.ingest.scan()
        self.now += self.config.settle_seconds
        self.ingest.scan()

    def search_changes(self) -> None:
        """Searches all series with new runs for change points."""
        while self.ledger.search_changes(self.now, lambda: False).due:
            pass

    def render(self) -> Exposition:
        live = Live(
            self.ingest.pending_files, 0.0, scrapes=self.scrapes, exporter_url=self.exporter_url
        )
        exposition = self.collector.expose(self.ledger, live, self.now)[1]
        same_as_whole(self.collector, self.ledger, live, self.now, exposition)
        compress(old_chunks(exposition.blocks.values())[::2])  # as `serve` does, here sooner
        return exposition

    def exposition(self) -> str:
        """All that results change, once no counter is held at 0 any longer."""
        self.now += self.config.histogram_hold_seconds
        exposition = self.render()
        return join([exposition.parts["state"], exposition.parts["distributions"]]).decode()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query on the ledger, through a connection of its own."""
        with closing(sqlite3.connect(self.folder / "ledger.sqlite3")) as connection:
            return connection.execute(sql).fetchall()

    def samples(self) -> Samples:
        return samples(self.exposition())

    def value(self, name: str, **labels: str) -> float | None:
        """The value of the one series that has these labels; None if none is exposed.

        Labels that are not given may be anything, as in a query.
        """
        return value(self.samples(), name, **labels)


def same_as_whole(
    collector: Collector, ledger: Ledger, live: Live, now: float, exposition: Exposition
) -> None:
    """Fails unless what was rendered bit by bit is what rendering everything gives."""
    whole = Collector(DEFINITIONS, collector._config).expose(ledger, live, now)[1]
    for part, text in whole.parts.items():
        rendered = exposition.parts[part]
        if rendered != text:
            lines, expected = rendered.decode().splitlines(), text.decode().splitlines()
            difference = [f"- {line}" for line in expected if line not in lines]
            difference += [f"+ {line}" for line in lines if line not in expected]
            raise AssertionError("\n".join([f"{part} differs:", *(difference or ["order"])]))
    assert exposition.stale_at_seconds == whole.stale_at_seconds
    assert (exposition.shown, exposition.dropped) == (whole.shown, whole.dropped)
    assert sorted(exposition.alarms) == sorted(whole.alarms)


def value(samples: Samples, name: str, **labels: str) -> float | None:
    """The value of the one series that has these labels among its own; None if there is none."""
    wanted = labels.items()
    found = [value for known, value in samples.get(name, {}).items() if wanted <= known]
    assert len(found) < 2, f"{len(found)} series of {name} have {labels}"
    return found[0] if found else None


def samples(exposition: str) -> Samples:
    """Every sample by name and labels, as prometheus_client's parser reads them.

    Fails if a series occurs twice.
    """
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            series = found.setdefault(sample.name, {})
            labels = frozenset(sample.labels.items())
            assert labels not in series, f"{sample.name}{sample.labels} occurs twice"
            series[labels] = sample.value
    return found
