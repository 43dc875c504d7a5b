"""Work at an even pace while a server is scraped, and what that costs its process."""

import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection

import psutil

from benchmarks import servers
from benchmarks.report import percentile
from benchmarks.servers import PLAIN, BenchmarkError, Server, request

SEED = 17
# As Prometheus 2.42 and later ask, except for a version number.
PROMETHEUS: Mapping[str, str] = {
    "User-Agent": "Prometheus/3.5.0",
    "Accept-Encoding": "gzip",
    "Accept": "application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
    "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "X-Prometheus-Scrape-Timeout-Seconds": "1",
}
_CPUCLOCK_SCHED = 2  # of clock_gettime(2): a process' clock id is (~pid << 3) | 2
POLL_SECONDS = 0.005
GRACE_SECONDS = 60.0


def cpu_seconds(process: psutil.Process) -> float:
    """Return the CPU time, user and system, of a process and of those that it started.

    The kernel's clock of a process has nanoseconds where /proc has hundredths of a second.
    """
    ended = process.cpu_times()
    total = float(ended.children_user + ended.children_system)
    for each in (process, *process.children(recursive=True)):
        try:
            total += time.clock_gettime((~each.pid << 3) | _CPUCLOCK_SCHED)
        except OSError:  # it has ended meanwhile
            continue
    return total


@dataclass(slots=True)
class Scrapes:
    """What scrapes returned: how long each took, and the bytes of the last on the wire."""

    seconds: list[float] = field(default_factory=list)
    size_bytes: int = 0

    def make(self, connection: HTTPConnection, path: str) -> None:
        begun = time.perf_counter()
        self.size_bytes = len(request(connection, path, PROMETHEUS))
        self.seconds.append(time.perf_counter() - begun)


def scrape_each_second(server: Server, path: str, seconds: float) -> Scrapes:
    """Scrape for so long. A scrape that takes longer than a second delays the next one."""
    scrapes, connection = Scrapes(), server.connect()
    started = time.perf_counter()
    while (begun := time.perf_counter()) < started + seconds:
        scrapes.make(connection, path)
        time.sleep(max(0.0, min(begun + 1, started + seconds) - time.perf_counter()))
    connection.close()
    return scrapes


@dataclass(slots=True)
class Sent:
    """When the work of each number began, and what has to be on the page for it to be visible."""

    wanted: dict[int, bytes] = field(default_factory=dict)
    begun: dict[int, float] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)  # how long the work itself took
    error: Exception | None = None


@contextmanager
def pace(
    numbers: Sequence[int],
    rate: float,
    work: Callable[[int], bytes],
) -> Iterator[tuple[Sent, threading.Thread]]:
    """Do the work of each number, `rate` a second, each at a random moment of its interval.

    `work` returns what makes its result visible. Work that is late is done as soon as possible, so
    that a slow server gets less of it. It runs in a thread, which is stopped at the end.
    """
    sent, stop = Sent(), threading.Event()

    def send() -> None:
        dice = random.Random(SEED)  # noqa: S311  # no secret
        started = time.perf_counter()
        for place, number in enumerate(numbers):
            due = started + (place + dice.random()) / rate
            if stop.wait(max(0.0, due - time.perf_counter())):
                return
            begun = time.perf_counter()
            try:
                sent.wanted[number] = work(number)
            except (OSError, BenchmarkError) as error:
                sent.error = error
                return
            sent.seconds.append(time.perf_counter() - begun)
            sent.begun[number] = begun

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield sent, thread
    finally:
        stop.set()
        thread.join(servers.DEADLINE_SECONDS)
    if sent.error is not None:
        raise BenchmarkError(f"sending failed: {sent.error}") from sent.error


def until_visible(
    server: Server,
    path: str,
    sent: Sent,
    thread: threading.Thread,
    benchmarks: int,
    most_seconds: float = math.inf,
) -> list[float]:
    """Read the page again and again, and return the seconds until each result was on it.

    Numbers that differ by a multiple of `benchmarks` are runs of the same one. A run that a newer
    one replaced before the page was read is not counted. After `most_seconds`, what has been seen
    is returned, if anything was.

    Raises:
        BenchmarkError: nothing new is visible for GRACE_SECONDS although something was sent.
    """
    connection, latencies = server.connect(), list[float]()
    started = last = time.perf_counter()
    while thread.is_alive() or sent.begun:
        if latencies and time.perf_counter() > started + most_seconds:
            break
        page = request(connection, path, PLAIN)
        now = time.perf_counter()
        waiting = list(sent.begun)
        for number in waiting:
            if number in sent.begun and sent.wanted[number] in page:
                latencies.append(now - sent.begun[number])
                last = now
                for other in waiting:
                    if other <= number and (number - other) % benchmarks == 0:
                        sent.begun.pop(other, None)
        if waiting and now - last > GRACE_SECONDS:
            raise BenchmarkError(f"{len(waiting)} results do not become visible on {path}")
        time.sleep(POLL_SECONDS)
    connection.close()
    return latencies


def quantiles_ms(seconds: Sequence[float]) -> tuple[float, float, float]:
    """Return p50, p95 and p99 in ms."""
    p50, p95, p99 = (percentile(seconds, percent) * 1e3 for percent in (50, 95, 99))
    return p50, p95, p99
