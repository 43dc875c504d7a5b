"""Measure the time from a file to the webhook of its alert: `python -m benchmarks.alert_latency`.

It times every stage in between, on a separate stack that runs as processes on free ports.
"""

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import servers
from benchmarks.alert_intervals import EARLIER, NOW, Intervals
from benchmarks.latency_figures import of_stages, p50_and_p95
from benchmarks.report import RESULTS, Figure, progress, write
from benchmarks.servers import BenchmarkError
from stack import settings as stack_settings
from stack.demo_documents import PerfSuiteBenchmark, perf_suite_document
from stack.programs import Programs
from stack.settings import EXPORTER, LISTENERS, PROMETHEUS, Settings, StackError

SEED = 11
DEADLINE_SECONDS = 60.0
POLL_SECONDS = 0.01
CRITICAL, WARNING = "CriticalPerformanceRegression", "PerformanceBelowThreshold"
# Speedups over the reference: one that passes, one below the gate (15), one below the critical 10.
PASSING, SLOWER, SLOW = 20.0, 12.0, 5.0
# Generated files, and the secrets: no channel except the exporter's webhook may receive these
# alerts.
NOT_COPIED = shutil.ignore_patterns(
    ".git",
    ".venv",
    ".local",
    "results",
    "secrets",
    "tests",
    ".env",
    "*.egg-info",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
)
# So many with the same intervals, then as many with the others.
IN_TURN = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    options = _parser().parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    try:
        with (
            TemporaryDirectory(prefix="alert-", dir=servers.WORK) as folder,
            own_stack(Path(folder) / "checkout") as settings,
        ):
            figures = _measure(settings, options.repeats, options.earlier)
    except (BenchmarkError, StackError) as error:
        print(f"benchmarks.alert_latency: {error}", file=sys.stderr)
        return 1
    write(
        options.output,
        f"python -m benchmarks.alert_latency --repeats={options.repeats}"
        + (" --earlier" if options.earlier else ""),
        figures,
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alert_latency", description=__doc__)
    parser.add_argument(
        "--repeats",
        type=int,
        default=30,
        metavar="N",
        help="regressions, each of a benchmark of its own (%(default)s)",
    )
    parser.add_argument(
        "--earlier",
        action="store_true",
        help="also measure the intervals that 0.5.0 had, in turn with those of now",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "alert_latency.md",
        metavar="FILE",
        help="file for the table (%(default)s)",
    )
    return parser


@contextmanager
def own_stack(folder: Path) -> Iterator[Settings]:
    """Run a stack in a copy of this checkout, without the channels configured here."""
    kept = stack_settings.ROOT / stack_settings.STATE / "programs"
    programs = Programs(kept)
    shutil.copytree(stack_settings.ROOT, folder, ignore=NOT_COPIED)
    values = {"MODE": "local"} | {part.port_setting: str(servers.free_port()) for part in LISTENERS}
    (folder / ".env").write_text(
        "".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8"
    )
    settings = stack_settings.load(folder, environ={})
    settings.state_dir.mkdir()
    if programs.missing():
        progress("fetching Prometheus and Alertmanager, as far as they are not installed")
        programs.fetch()
    if kept.exists():
        (settings.state_dir / "programs").symlink_to(kept)
    try:
        progress("starting a stack")
        command(folder, "up")
        yield settings
    finally:
        command(folder, "down")


def command(folder: Path, name: str) -> None:
    """Run a command of a checkout's stack, such as `reload`.

    Raises:
        BenchmarkError: it fails.
    """
    words = [sys.executable, "-m", "stack", name]
    done = subprocess.run(  # noqa: S603  # our own program
        words, cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchmarkError(f"the stack's {name} failed: {done.stderr[-500:]}")


def _measure(settings: Settings, repeats: int, earlier: bool) -> list[Figure]:
    dice = random.Random(SEED)  # noqa: S311  # no secret
    intervals = [NOW, EARLIER] if earlier else [NOW]
    names = {
        each: [f"critical-{each.name}-{number}" for number in range(repeats)] for each in intervals
    }
    passing = [*chain(*names.values()), *(f"warning-{number}" for number in range(repeats))]
    for name in passing:
        drop_run(settings, name, 1, PASSING)
    until(
        lambda: (
            len(query(settings, f'speedup_ratio{{percentile="p50"}} == {PASSING:g}'))
            == len(passing)
            or None
        ),
        "passing runs",
    )

    critical: dict[Intervals, list[Mapping[str, float]]] = {each: [] for each in intervals}
    for begin in range(0, repeats, IN_TURN):
        for each in intervals:
            if earlier:
                each.apply(settings.root)
                command(settings.root, "reload")
            progress(f"critical regressions from the {begin + 1}th on, {each.name}")
            for name in names[each][begin : begin + IN_TURN]:
                time.sleep(dice.uniform(0.0, 1.0))  # not in step with what happens once a second
                critical[each].append(_one(settings, name))

    progress(f"{repeats} warnings, each about a second after the other")
    dropped = {}
    for number in range(repeats):
        time.sleep(dice.uniform(0.5, 1.5))
        dropped[f"warning-{number}"] = drop_run(settings, f"warning-{number}", 2, SLOWER)
    warnings = [
        until(partial(notified, settings, WARNING, name, "firing"), name) - at
        for name, at in dropped.items()
    ]

    figures = of_stages("critical", critical[NOW], (0.2, 1.2, None, 1.9))
    if earlier:
        figures += of_stages("critical, intervals of 0.5.0", critical[EARLIER], ours=figures)
    return figures + p50_and_p95(
        "warning (group_wait 10 s), file → webhook", warnings, DEADLINE_SECONDS
    )


def _one(settings: Settings, name: str) -> Mapping[str, float]:
    """Return the seconds from a complete file to each stage of its regression.

    The last is from the time that the receiver recorded, the others from when the stage was seen.
    """
    started = drop_run(settings, name, 2, SLOW)
    active = re.compile(
        rf'^performance_regression_active{{benchmark_name="{name}",severity="critical",.*}} 1$',
        re.MULTILINE,
    )
    checks: Mapping[str, Callable[[], float | None]] = {
        "/metrics": lambda: _now_if(
            active.search(get_text(EXPORTER.url(settings, "/metrics?collect[]=state"))) is not None
        ),
        "Prometheus": lambda: _now_if(
            bool(
                query(
                    settings,
                    f'speedup_ratio{{benchmark_name="{name}",percentile="p50"}} == {SLOW:g}',
                )
            )
        ),
        "firing": lambda: _now_if(
            bool(
                query(
                    settings,
                    f'ALERTS{{alertname="{CRITICAL}",benchmark_name="{name}",alertstate="firing"}}',
                )
            )
        ),
        "webhook": lambda: notified(settings, CRITICAL, name, "firing"),
    }
    return {stage: until(check, f"{name}: {stage}") - started for stage, check in checks.items()}


def drop_run(settings: Settings, name: str, number: int, speedup: float) -> float:
    """Write a run in place, as perf_suite does; return the seconds since 1970 when complete."""
    benchmark = PerfSuiteBenchmark(name, 0.05, 0.05 * speedup, 0.0)
    document = perf_suite_document(
        benchmark, f"{number:07x}", datetime.now(UTC), lambda _mean, _sigma: 1.0
    )
    (settings.results_dir / f"{name}-{number}.json").write_text(
        json.dumps(document, indent=2), encoding="utf-8"
    )
    return time.time()


def until(
    check: Callable[[], float | None], what: str, deadline_seconds: float = DEADLINE_SECONDS
) -> float:
    """Return what `check` gives as soon as that is not None.

    Raises:
        BenchmarkError: it has given nothing within the time.
    """
    deadline = time.monotonic() + deadline_seconds
    while (seen := check()) is None:
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{what}: not within {deadline_seconds:g} s")
        time.sleep(POLL_SECONDS)
    return seen


def _now_if(seen: bool) -> float | None:
    return time.time() if seen else None


def notified(settings: Settings, alert: str, name: str, status: str) -> float | None:
    """Return when the newest notification of an alert came, in seconds since 1970.

    None if there was none, or if it had another status.
    """
    for each in json.loads(get_text(EXPORTER.url(settings, "/api/v1/status")))["alerts"]:
        if (each["alertname"], each["benchmark_name"], each["status"]) == (alert, name, status):
            received: float = each["received_timestamp_seconds"]
            return received
    return None


def query(settings: Settings, expression: str) -> list[Any]:
    """Return the series of an instant query."""
    text = get_text(
        PROMETHEUS.url(settings, f"/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
    )
    series: list[Any] = json.loads(text)["data"]["result"]
    return series


def get_text(url: str) -> str:
    """Return the body of a response from one of our own servers."""
    # The address is our own.
    with urllib.request.urlopen(url, timeout=DEADLINE_SECONDS) as answer:  # noqa: S310
        text: str = answer.read().decode()
        return text


if __name__ == "__main__":
    sys.exit(main())
