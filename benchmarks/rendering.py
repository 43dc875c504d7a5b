"""What rendering a changed exposition costs, compared with prometheus_client."""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector as ClientCollector

from benchmark_exporter.config import Config, packaged
from benchmark_exporter.ledger import Ledger
from benchmark_exporter.metrics.collector import Collector
from benchmark_exporter.metrics.definitions import load_definitions
from benchmark_exporter.metrics.live import Live
from benchmarks import servers
from benchmarks.exposition import drop, page_of, project, series_of
from benchmarks.report import Figure, percentile, progress

LONGER_THAN_ANY_HOLD_SECONDS = 3600.0


def rendering(folder_name: str, options: argparse.Namespace, benchmarks: int) -> list[Figure]:
    folder = Path(folder_name)
    drop(folder, benchmarks)
    progress(
        f"rendering {benchmarks} benchmarks {options.renderings} times, then by prometheus_client"
    )
    with servers.exporter(folder) as server:  # it creates the ledger
        connection = server.connect()
        page_of(connection, benchmarks, settled=False)
        connection.close()
    collector = Collector(load_definitions(packaged("metrics.yaml")), Config())
    ledger = Ledger(folder / "ledger.sqlite3")
    now = time.time() + LONGER_THAN_ANY_HOLD_SECONDS
    live, changed, whole = Live(0, 0.0), [], []
    for _ in range(options.renderings + 1):
        with ledger.transaction() as transaction:
            labels = (project(0), "self-hosted", "", "", project(0))
            transaction.count("runs", labels, now)
        started = time.perf_counter()
        collector.expose(ledger, live, now)
        changed.append(time.perf_counter() - started)
    state = ledger.state()
    for _ in range(options.renderings):
        started = time.perf_counter()
        exposition = collector.render(state, live, now)
        whole.append(time.perf_counter() - started)
    ledger.close()
    page = b"".join(exposition.parts.values())
    ours = Figure(
        f"reading and rendering what one change made of {series_of(page):,} series, p50",
        percentile(changed[1:], 50) * 1e3,
        "ms",
        at_most=20,
    )
    registry = CollectorRegistry()
    registry.register(_Families(list(text_string_to_metric_families(page.decode()))))
    client = [_timed_rendering(registry) for _ in range(options.renderings)]
    return [
        ours,
        Figure("the first time, nothing known", changed[0] * 1e3, "ms"),
        Figure("rendering all of them, p50", percentile(whole, 50) * 1e3, "ms"),
        Figure(
            "prometheus_client's generate_latest, the same series, p50",
            percentile(client, 50) * 1e3,
            "ms",
            ours=ours,
        ),
    ]


class _Families(ClientCollector):
    """Ready-made families, so that only the rendering of prometheus_client is timed."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def _timed_rendering(registry: CollectorRegistry) -> float:
    started = time.perf_counter()
    generate_latest(registry)
    return time.perf_counter() - started
