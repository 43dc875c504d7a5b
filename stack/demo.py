"""`make demo`: a month of made-up history, then half a minute of runs and what became of them.

The last two runs are a regression.
"""

import json
import random
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from stack.demo_documents import (
    CI_PIPELINE,
    CONFIG_COMPILATION,
    GATE,
    KERNEL_CACHE,
    PATTERN_EXPANSION,
    PIPELINES,
    PROJECTS,
    perf_suite_document,
    pipeline_document,
    sampled_document,
    with_verdict,
)
from stack.demo_history import BASELINE_VERSION, DRIFT, first_run_id
from stack.demo_history import documents as history
from stack.readiness import is_ready
from stack.settings import ALERTMANAGER, EXPORTER, GRAFANA, PROMETHEUS, Settings, StackError

FOLDER, HISTORY = "demo", "history"
ROUNDS, ROUND_SECONDS = 10, 3.0
FAILED_PIPELINE_RUN = 4  # one of ten stays under HighCIFailureRate's 20 %
ARRIVAL_SECONDS = 60.0
POLL_SECONDS = 0.1
ALERT = "CriticalPerformanceRegression"
LIVE = (
    PATTERN_EXPANSION,
    replace(CONFIG_COMPILATION, compiled_ms=CONFIG_COMPILATION.compiled_ms * DRIFT),
)
# Critical by its gate at once, and by its history with the second run, since it is slower than
# judgement.large_ratio.
REGRESSED = replace(PATTERN_EXPANSION, compiled_ms=PATTERN_EXPANSION.compiled_ms * 3.4)


class Stack(Protocol):
    """Of a running stack, its exporter's command line."""

    def exporter_command(self, *words: str) -> str:
        """Run `benchmark-exporter` beside the exporter's ledger, and give what it prints.

        Raises:
            StackError: it fails; the message has its reason.
        """


def run(settings: Settings, stack: Stack) -> bool:
    """Bring in the history, drop the runs and tell what was seen to arrive, with times; False if something did not."""
    clean(settings, stack)
    folder = settings.results_dir / FOLDER
    folder.mkdir(parents=True)
    _bring_in_history(settings, stack, folder)
    print(
        f"\ndropping runs of three benchmarks into {settings['RESULTS_DIR']}/{FOLDER} for {ROUNDS * ROUND_SECONDS:.0f} s"
    )
    started = time.monotonic()
    for number in range(1, ROUNDS + 1):
        for benchmark in LIVE:
            document = perf_suite_document(
                benchmark, f"{number:010x}", datetime.now(UTC), random.lognormvariate
            )
            _drop(folder / f"{benchmark.project}-{number:02}.json", document)
            print(
                f"  {time.monotonic() - started:5.1f} s  {benchmark.project:<24} {document['metrics']['speedup_p50']:.1f}x, passes"
            )
            time.sleep(ROUND_SECONDS / 3)
        sampled = sampled_document(
            KERNEL_CACHE,
            f"{number:010x}",
            datetime.now(UTC),
            random.Random(),  # noqa: S311  # made-up measurements
        )
        _drop(folder / f"{KERNEL_CACHE.project}-{number:02}.json", sampled)
        outcome = pipeline_document(
            CI_PIPELINE,
            f"{started:.0f}-{number}",
            datetime.now(UTC),
            passed=number != FAILED_PIPELINE_RUN,
            duration_seconds=1200.0,
        )
        _drop(folder / f"ci-{number:02}.json", outcome)
        time.sleep(ROUND_SECONDS / 3)
    for number, seconds_ago in ((ROUNDS + 1, 1), (ROUNDS + 2, 0)):
        made = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        document = with_verdict(
            perf_suite_document(REGRESSED, f"{number:010x}", made, random.lognormvariate)
        )
        speedup = document["metrics"]["speedup_p50"]
        dropped = time.time()
        _drop(folder / f"{REGRESSED.project}-{number:02}.json", document)
        print(
            f"  {time.monotonic() - started:5.1f} s  {REGRESSED.project:<24} {speedup:.1f}x, "
            f"FAILS its gate of {GATE['p50x']}x"
        )
    print("\nwhat became of it:")
    arrived = True
    for name, seconds in _arrivals(settings, REGRESSED.project, speedup, dropped):
        arrived &= seconds is not None
        print(
            f"  {name:<42} "
            + (
                f"{seconds:5.2f} s after the file"
                if seconds is not None
                else f"not within {ARRIVAL_SECONDS:.0f} s"
            )
        )
    query = urllib.parse.quote('speedup_ratio{benchmark_name=~"demo-.*",percentile="p50"}')
    print(
        f"\nlook at it: {settings.public_url(EXPORTER)}  {settings.public_url(PROMETHEUS)}/graph?g0.expr={query}&g0.tab=0&g0.range_input=5m"
    )
    dashboards = (
        f"  dashboards: {settings.public_url(GRAFANA)}" if is_ready(GRAFANA, settings) else ""
    )
    print(f"the alert: {settings.public_url(ALERTMANAGER)}/#/alerts{dashboards}")
    print(
        "`make demo-clean` takes all of it away again, and so does the next `make demo` before it begins"
    )
    return arrived


def clean(settings: Settings, stack: Stack) -> str:
    """Remove the demo's files, and let the exporter forget its runs; gives what it said of them. What Prometheus has scraped stays.

    Raises:
        StackError: the exporter's ledger cannot be written.
    """
    shutil.rmtree(settings.results_dir / FOLDER, ignore_errors=True)
    forgotten = [f"--project={project}" for project in PROJECTS] + [
        f"--pipeline={pipeline}" for pipeline in PIPELINES
    ]
    return stack.exporter_command("forget", *forgotten).strip()


def _bring_in_history(settings: Settings, stack: Stack, folder: Path) -> None:
    """Into the ledger, by files that are there all at once, so that they are judged in their order; and into Prometheus by backfill.

    Raises:
        StackError: the exporter does not take them in, or Prometheus does not take them.
    """
    dated = list(history(datetime.now(UTC)))
    print(
        f"a month of history, {len(dated)} files, into {settings['RESULTS_DIR']}/{FOLDER}/{HISTORY}"
    )
    aside = folder / f".{HISTORY}.part"
    aside.mkdir()
    for name, document in dated:
        (aside / name).write_text(json.dumps(document), encoding="utf-8")
    ingested = _files_ingested(settings)
    aside.replace(folder / HISTORY)
    if (
        _first_seen(lambda: 0.0 if _files_ingested(settings) >= ingested + len(dated) else None)
        is None
    ):
        raise StackError(
            f"the exporter did not take in the demo's history within {ARRIVAL_SECONDS:.0f} s; `make logs PART=exporter` says why"
        )
    command = [
        sys.executable,
        "-m",
        "benchmark_exporter",
        "backfill",
        f"--url={PROMETHEUS.url(settings)}",
        str(folder / HISTORY),
    ]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StackError(f"Prometheus does not take the demo's history: {done.stderr.strip()}")
    print("  " + done.stdout.strip().replace("\n", "\n  "))
    first = next(
        document
        for _, document in dated
        if document.get("run", {}).get("project") == CONFIG_COMPILATION.project
    )
    pinned = stack.exporter_command(
        "baseline",
        "set",
        first_run_id(first),
        f"--version={BASELINE_VERSION}",
        "--reason=the demo's first run",
    )
    print("  " + pinned.strip().replace("\n", "\n  "))


def _files_ingested(settings: Settings) -> int:
    """Files that brought something new, since the ledger began."""
    with urllib.request.urlopen(  # noqa: S310  # our own http address
        EXPORTER.url(settings, "/metrics?collect[]=state"), timeout=5
    ) as answer:
        lines = answer.read().decode().splitlines()
    return sum(
        round(float(line.rpartition(" ")[2]))
        for line in lines
        if line.startswith("benchmark_exporter_files_ingested_total{")
    )


def _drop(path: Path, document: dict[str, Any]) -> None:
    """Write a file the way a careful tool does: aside, then renamed."""
    aside = path.with_name(f".{path.name}.part")
    aside.write_text(json.dumps(document, indent=2), encoding="utf-8")
    aside.replace(path)


def _arrivals(
    settings: Settings, project: str, speedup: float, dropped: float
) -> Iterator[tuple[str, float | None]]:
    """Each stage, and when it was first seen in seconds after the file; None if it was not."""
    labels = f'benchmark_name="{project}",percentile="p50"'

    def in_prometheus() -> bool:
        result = _get(
            PROMETHEUS.url(
                settings, f"/api/v1/query?query={urllib.parse.quote(f'speedup_ratio{{{labels}}}')}"
            )
        )["data"]["result"]
        return any(abs(float(series["value"][1]) - speedup) < 1e-9 for series in result)

    def firing() -> bool:
        return any(
            alert["labels"].get("alertname") == ALERT
            and alert["labels"].get("benchmark_name") == project
            and alert["state"] == "firing"
            for alert in _get(PROMETHEUS.url(settings, "/api/v1/alerts"))["data"]["alerts"]
        )

    def delivered() -> float | None:
        for alert in _get(EXPORTER.url(settings, "/api/v1/status"))["alerts"]:
            received: float = alert["received_timestamp_seconds"]
            if (alert["alertname"], alert["benchmark_name"], alert["status"]) == (
                ALERT,
                project,
                "firing",
            ) and received >= dropped:
                return received - dropped
        return None

    yield (
        "the metric is in Prometheus",
        _first_seen(lambda: time.time() - dropped if in_prometheus() else None),
    )
    yield f"{ALERT} fires", _first_seen(lambda: time.time() - dropped if firing() else None)
    yield "Alertmanager has delivered it", _first_seen(delivered)


def _first_seen(look: Callable[[], float | None]) -> float | None:
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while time.monotonic() < deadline:
        seen = look()
        if seen is not None:
            return seen
        time.sleep(POLL_SECONDS)
    return None


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # our own http address
        return json.load(answer)
