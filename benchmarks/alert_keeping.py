"""Measure what a dead Alertmanager and an absent Prometheus cost: `-m benchmarks.alert_keeping`.

On a separate stack that runs as processes on free ports: how long an alert takes that Alertmanager
had not sent yet when it was killed; and how many alerts are reported as resolved, though they are
not, while Prometheus is stopped, or killed and started again later.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import servers
from benchmarks.alert_intervals import ROUTES, with_group_wait
from benchmarks.alert_latency import (
    CRITICAL,
    PASSING,
    SLOW,
    command,
    drop_run,
    get_text,
    notified,
    own_stack,
    query,
    until,
)
from benchmarks.report import RESULTS, Figure, percentile, progress, write
from benchmarks.servers import BenchmarkError
from stack.settings import ALERTMANAGER, EXPORTER, NODE_EXPORTER, PROMETHEUS, Settings, StackError
from stack.supervisor import Supervisor

ABSENCES = 2
DOWN = "PrometheusDown"
# Those of the machine's load come and go by themselves.
MADE_HERE = (CRITICAL, "TargetDown")
DEADLINE_SECONDS = 240.0
# As asked: an Alertmanager's restart comes on top.
DELIVERED_SECONDS = 15.0
# What an alert has left when Prometheus is back; so long it may take to end.
EXTENDED_SECONDS = 120.0
RETRY_SECONDS = 30.0
RESOLVED = re.compile(
    r'^benchmark_exporter_notifications_received_total\{alertname="(\w+)",.*status="resolved"\}'
    r" (\d+)$",
    re.MULTILINE,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.kills < ABSENCES:
        parser.error(f"--kills must be at least {ABSENCES}, since an alert ends in each absence")
    servers.WORK.mkdir(parents=True, exist_ok=True)
    try:
        with (
            TemporaryDirectory(prefix="keeping-", dir=servers.WORK) as folder,
            own_stack(Path(folder) / "checkout") as settings,
        ):
            figures = _measure(settings, options.kills, options.away_seconds)
    except (BenchmarkError, StackError) as error:
        print(f"benchmarks.alert_keeping: {error}", file=sys.stderr)
        return 1
    title = (
        f"python -m benchmarks.alert_keeping --kills={options.kills} "
        f"--away-seconds={options.away_seconds:g}"
    )
    write(options.output, title, figures)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alert_keeping", description=__doc__)
    parser.add_argument(
        "--kills",
        type=int,
        default=20,
        metavar="N",
        help="alerts before whose notification Alertmanager is killed (%(default)s)",
    )
    parser.add_argument(
        "--away-seconds",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="for how long Prometheus is away (%(default)g)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "alert_keeping.md",
        metavar="FILE",
        help="file for the table (%(default)s)",
    )
    return parser


def _measure(settings: Settings, kills: int, away_seconds: float) -> list[Figure]:
    alertmanager = f"Alertmanager {_version(settings, 'alertmanager')}"
    server = f"Prometheus {_version(settings, 'prometheus')}"
    # Long enough to kill it before it sends.
    with_group_wait(settings.root / ROUTES, "1s")
    command(settings.root, "reload")
    # An alert with a `for`, which a restarted Prometheus has to remember.
    _supervise(settings, "stop", NODE_EXPORTER.name)
    names = [f"killed-{number}" for number in range(kills)]
    for name in names:
        drop_run(settings, name, 1, PASSING)
    progress(f"{kills} alerts, each with Alertmanager killed before it sends")
    ready, delivered = zip(*(_one_kill(settings, name) for name in names), strict=True)
    until(
        lambda: 1.0 if "TargetDown" in _active(settings, "alertname") else None,
        "TargetDown",
        DEADLINE_SECONDS,
    )
    figures = [
        Figure(f"{alertmanager} killed → ready again, p50", percentile(ready, 50), "s"),
        Figure(f"{alertmanager} killed → ready again, longest", max(ready), "s"),
        Figure(f"{alertmanager} killed → delivered, p50", percentile(delivered, 50), "s"),
        Figure(
            f"{alertmanager} killed → delivered, longest",
            max(delivered),
            "s",
            at_most=DELIVERED_SECONDS + max(ready),
        ),
    ]
    for how, absence in (("stopped", _stopped), ("down", _down)):
        progress(f"Prometheus {how} for {away_seconds:g} s")
        figures += _absence(settings, names.pop(), absence, away_seconds, f"{server} {how}")
    return figures


def _one_kill(settings: Settings, name: str) -> tuple[float, float]:
    """Return the seconds from the kill until Alertmanager is ready, and until it has delivered."""
    drop_run(settings, name, 2, SLOW)
    until(lambda: 1.0 if name in _active(settings, "benchmark_name") else None, name)
    process = _process(settings, ALERTMANAGER.name)
    if notified(settings, CRITICAL, name, "firing") is not None:
        raise BenchmarkError(f"{name}: it was delivered before Alertmanager could be killed")
    killed = time.time()
    os.kill(process, signal.SIGKILL)
    ready = until(lambda: _ready(settings), "Alertmanager", DEADLINE_SECONDS)
    delivered = until(
        lambda: notified(settings, CRITICAL, name, "firing"), f"{name}: delivered", DEADLINE_SECONDS
    )
    return ready - killed, delivered - killed


def _ready(settings: Settings) -> float | None:
    try:
        get_text(ALERTMANAGER.url(settings, "/-/ready"))
    except OSError:
        return None
    return time.time()


def _absence(
    settings: Settings,
    ending: str,
    absence: Callable[[Settings], Any],
    away_seconds: float,
    what: str,
) -> list[Figure]:
    """Return what is reported of one absence, during which one alert's cause ends."""
    # One whose `for` ends during the absence would begin after it, on old samples, and soon end.
    pending = f'ALERTS{{alertstate="pending",alertname=~"{"|".join(MADE_HERE)}"}}'
    until(lambda: None if query(settings, pending) else 1.0, "no alert is pending")
    before = _active(settings, "alertname")
    resolved_before = _resolved(settings)
    began = time.time()
    with absence(settings):
        time.sleep(away_seconds / 2)
        drop_run(settings, ending, 3, PASSING)
        time.sleep(away_seconds / 2)
        reported = notified(settings, DOWN, "", "firing")
    back = time.time()
    ended = until(
        lambda: notified(settings, CRITICAL, ending, "resolved"), f"{ending}: resolved", 300.0
    )
    # What was extended would have ended by now.
    time.sleep(max(0.0, back + EXTENDED_SECONDS + RETRY_SECONDS - time.time()))
    # The alert that ended is the only one that may: of CRITICAL, in one notification.
    false = _resolved(settings) - resolved_before - 1
    if false:
        progress(f"notified since: {_notified_since(settings, began)}")
    label = f"{what} for {away_seconds:g} s, {len(before)} alerts"
    heard = (
        [] if reported is None else [Figure(f"{label}: {DOWN} delivered", reported - began, "s")]
    )
    return [
        *heard,
        Figure(f"{label}: resolved though not", false, "", at_most=0),
        Figure(
            f"{label}: back → what ended meanwhile is resolved",
            ended - back,
            "s",
            at_most=EXTENDED_SECONDS + RETRY_SECONDS,
        ),
    ]


@contextmanager
def _stopped(settings: Settings) -> Iterator[None]:
    """Stop Prometheus' process, as a machine does that is too busy for it."""
    process = _process(settings, PROMETHEUS.name)
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


@contextmanager
def _down(settings: Settings) -> Iterator[None]:
    """End Prometheus, and start it again."""
    _supervise(settings, "stop", PROMETHEUS.name)
    try:
        yield
    finally:
        _supervise(settings, "start", PROMETHEUS.name)


def _supervise(settings: Settings, action: str, name: str) -> None:
    words = ["-m", "supervisor.supervisorctl", "-c", str(settings.state_dir / "supervisord.conf")]
    subprocess.run(  # noqa: S603  # our own process
        [sys.executable, *words, action, name], capture_output=True, check=True
    )


def _process(settings: Settings, name: str) -> int:
    """Return the id of a running process."""
    states = Supervisor(settings.state_dir, settings.root).processes()
    [process] = [state.process_id for state in states if state.name == name and state.process_id]
    return process


def _active(settings: Settings, label: str) -> list[str]:
    """Return the label's value of each alert that Alertmanager has, Watchdog excepted."""
    try:
        alerts = json.loads(get_text(ALERTMANAGER.url(settings, "/api/v2/alerts")))
    except OSError:
        return []
    names = [alert["labels"] for alert in alerts]
    return [each.get(label, "") for each in names if each["severity"] != "none"]


def _resolved(settings: Settings) -> int:
    """Return how many alerts, of those whose causes are made here, were reported as resolved."""
    text = get_text(EXPORTER.url(settings, "/metrics?collect[]=state"))
    return sum(int(count) for name, count in RESOLVED.findall(text) if name in MADE_HERE)


def _notified_since(settings: Settings, began: float) -> str:
    """Return the newest notification of each alert, with the seconds after the beginning."""
    alerts = json.loads(get_text(EXPORTER.url(settings, "/api/v1/status")))["alerts"]
    return ", ".join(
        f"{each['alertname']} {each['benchmark_name']} {each['summary']} {each['status']} "
        f"{each['received_timestamp_seconds'] - began:.1f} s"
        for each in alerts
        if each["received_timestamp_seconds"] > began and each["alertname"] in MADE_HERE
    )


def _version(settings: Settings, name: str) -> str:
    url = {"prometheus": PROMETHEUS, "alertmanager": ALERTMANAGER}[name].url(settings, "/metrics")
    [version] = re.findall(
        rf'^{name}_build_info\{{.*version="([^"]*)"', get_text(url), re.MULTILINE
    )
    return str(version)


if __name__ == "__main__":
    sys.exit(main())
