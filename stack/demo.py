"""`make demo`: a month of made-up history, then half a minute of runs that end in a regression.

It prints what became of the regression: metric, alert and notification, with their times.
"""

import json
import random
import shutil
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from benchmark_exporter.atomic_write import write_file
from stack import internal, long_term, long_term_fill
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
from stack.settings import (
    ALERTMANAGER,
    EXPORTER,
    GRAFANA,
    PROMETHEUS,
    STREAM,
    Part,
    Settings,
    StackError,
)

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
    """Of a running stack, the command line of its exporter."""

    def exporter_command(self, *words: str) -> str:
        """Run `benchmark-exporter` with the exporter's ledger, and give what it prints.

        Raises:
            StackError: it fails; the message has its reason.
        """


def run(settings: Settings, stack: Stack) -> bool:
    """Bring in the history, drop the runs, and print what arrived and when; False if not all did.

    Raises:
        StackError: the history is not ingested, or Prometheus does not accept it.
    """
    clean(settings, stack)
    folder = settings.results_dir / FOLDER
    folder.mkdir(parents=True)
    _bring_in_history(settings, stack, folder)
    speedup, dropped = _drop_runs(settings, folder)
    print("\nwhat became of it:")
    arrived = True
    for name, seconds in _arrivals(settings, REGRESSED.project, speedup, dropped):
        arrived &= seconds is not None
        missing = f"not within {ARRIVAL_SECONDS:.0f} s"
        print(f"  {name:<42} {missing if seconds is None else f'{seconds:5.2f} s after the file'}")
    _print_addresses(settings)
    print("`make demo-clean` removes all of it, and so does the next `make demo` before it begins")
    return arrived


def _drop_runs(settings: Settings, folder: Path) -> tuple[float, float]:
    """Drop the live runs; gives the regressed one's speedup and when it was dropped."""
    started = time.monotonic()

    def announce(project: str, what: str) -> None:
        print(f"  {time.monotonic() - started:5.1f} s  {project:<24} {what}")

    seconds = ROUNDS * ROUND_SECONDS
    print(
        f"\ndropping runs of {len(PROJECTS)} benchmarks and a CI pipeline into "
        f"{settings['RESULTS_DIR']}/{FOLDER} for {seconds:.0f} s"
    )
    for number in range(1, ROUNDS + 1):
        commit = f"{number:010x}"
        for benchmark in LIVE:
            run = perf_suite_document(benchmark, commit, datetime.now(UTC), random.lognormvariate)
            _drop(folder / f"{benchmark.project}-{number:02}.json", run)
            announce(benchmark.project, f"{run['metrics']['speedup_p50']:.1f}x, passes")
            time.sleep(ROUND_SECONDS / 3)
        noise = random.Random()  # noqa: S311  # made-up measurements
        sampled = sampled_document(KERNEL_CACHE, commit, datetime.now(UTC), noise)
        _drop(folder / f"{KERNEL_CACHE.project}-{number:02}.json", sampled)
        announce(
            KERNEL_CACHE.project, f"{median(sampled['results'][0]['samples']):.1f} ms a lookup"
        )
        passed = number != FAILED_PIPELINE_RUN
        outcome = pipeline_document(
            CI_PIPELINE,
            f"{started:.0f}-{number}",
            datetime.now(UTC),
            passed=passed,
            duration_seconds=1200.0,
        )
        _drop(folder / f"ci-{number:02}.json", outcome)
        announce(CI_PIPELINE, "passes" if passed else "FAILS")
        time.sleep(ROUND_SECONDS / 3)
    for number, seconds_ago in ((ROUNDS + 1, 1), (ROUNDS + 2, 0)):
        made = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        document = perf_suite_document(REGRESSED, f"{number:010x}", made, random.lognormvariate)
        regressed = with_verdict(document)
        speedup: float = regressed["metrics"]["speedup_p50"]
        dropped = time.time()
        _drop(folder / f"{REGRESSED.project}-{number:02}.json", regressed)
        announce(REGRESSED.project, f"{speedup:.1f}x, FAILS its gate of {GATE['p50x']}x")
    return speedup, dropped


def _print_addresses(settings: Settings) -> None:
    query = urllib.parse.quote('speedup_ratio{benchmark_name=~"demo-.*",percentile="p50"}')
    graph = f"{settings.public_url(PROMETHEUS)}/graph?g0.expr={query}&g0.tab=0&g0.range_input=5m"
    print(f"\n  live page   {settings.public_url(STREAM)}/live")
    print(f"  exporter    {settings.public_url(EXPORTER)}")
    print(f"  the speed   {graph}")
    print(f"  the alert   {settings.public_url(ALERTMANAGER)}/#/alerts")
    if is_ready(GRAFANA, settings):
        print(f"  dashboards  {settings.public_url(GRAFANA)}")


def clean(settings: Settings, stack: Stack) -> str:
    """Remove the demo's files and delete its runs from the ledger; gives what the exporter says.

    What Prometheus has scraped stays.

    Raises:
        StackError: the exporter's ledger cannot be written.
    """
    shutil.rmtree(settings.results_dir / FOLDER, ignore_errors=True)
    projects = [f"--project={project}" for project in PROJECTS]
    pipelines = [f"--pipeline={pipeline}" for pipeline in PIPELINES]
    return stack.exporter_command("delete", *projects, *pipelines).strip()


def _bring_in_history(settings: Settings, stack: Stack, folder: Path) -> None:
    """Bring the history into the ledger by files, and into Prometheus by backfill.

    The files appear all at once, so that they are judged in their order.

    Raises:
        StackError: the exporter does not ingest them, or Prometheus does not accept them.
    """
    dated = list(history(datetime.now(UTC)))
    print(
        f"a month of history, {len(dated)} files, into {settings['RESULTS_DIR']}/{FOLDER}/{HISTORY}"
    )
    aside = folder / f".{HISTORY}.part"
    aside.mkdir()
    try:
        for name, document in dated:
            (aside / name).write_text(json.dumps(document), encoding="utf-8")
    except OSError as error:  # which names no file if it is the disk that is full
        raise OSError(error.errno, error.strerror, str(aside)) from error
    ingested = _files_ingested(settings)
    aside.replace(folder / HISTORY)
    expected = ingested + len(dated)
    if _first_seen(lambda: 0.0 if _files_ingested(settings) >= expected else None) is None:
        raise StackError(
            f"the exporter did not ingest the demo's history within {ARRIVAL_SECONDS:.0f} s; "
            "`make logs PART=exporter` says why"
        )
    command = [
        *(sys.executable, "-m", "benchmark_exporter", "backfill"),
        f"--stack={settings.root}",
        str(folder / HISTORY),
    ]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StackError(f"Prometheus does not accept the demo's history: {done.stderr.strip()}")
    print("  " + done.stdout.strip().replace("\n", "\n  "))
    if long_term.is_on(settings):  # which History asks, and backfill does not write to
        print("  " + "\n  ".join(long_term_fill.fill(settings, "")))
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
    """How many files have brought something new since the ledger began."""
    lines = internal.request(EXPORTER, settings, "/metrics?collect[]=state").decode().splitlines()
    ingested = "benchmark_exporter_files_ingested_total{"
    return sum(round(float(line.rpartition(" ")[2])) for line in lines if line.startswith(ingested))


def _drop(path: Path, document: dict[str, Any]) -> None:
    """Write a file as a careful tool does: under another name, then renamed."""
    write_file(path, json.dumps(document, indent=2).encode())


def _arrivals(
    settings: Settings, project: str, speedup: float, dropped: float
) -> Iterator[tuple[str, float | None]]:
    """Each stage, and how many seconds after the file it was first seen; None if it was not."""
    labels = f'benchmark_name="{project}",percentile="p50"'

    def in_prometheus() -> bool:
        query = urllib.parse.quote(f"speedup_ratio{{{labels}}}")
        result = _get(settings, PROMETHEUS, f"/api/v1/query?query={query}")["data"]["result"]
        return any(abs(float(series["value"][1]) - speedup) < 1e-9 for series in result)

    def firing() -> bool:
        wanted = {"alertname": ALERT, "benchmark_name": project}
        return any(
            alert["state"] == "firing" and wanted.items() <= alert["labels"].items()
            for alert in _get(settings, PROMETHEUS, "/api/v1/alerts")["data"]["alerts"]
        )

    def delivered() -> float | None:
        for alert in _get(settings, EXPORTER, "/api/v1/status")["alerts"]:
            received: float = alert["received_timestamp_seconds"]
            about = (alert["alertname"], alert["benchmark_name"], alert["status"])
            if about == (ALERT, project, "firing") and received >= dropped:
                return received - dropped
        return None

    def since_dropped(seen: Callable[[], bool]) -> float | None:
        return _first_seen(lambda: time.time() - dropped if seen() else None)

    yield "the metric is in Prometheus", since_dropped(in_prometheus)
    yield f"{ALERT} fires", since_dropped(firing)
    yield "Alertmanager has delivered it", _first_seen(delivered)


def _first_seen(check: Callable[[], float | None]) -> float | None:
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while time.monotonic() < deadline:
        seen = check()
        if seen is not None:
            return seen
        time.sleep(POLL_SECONDS)
    return None


def _get(settings: Settings, part: Part, path: str) -> Any:
    return internal.get_json(part, settings, path)
