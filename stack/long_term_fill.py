"""`make long-term-fill`: copies into the long-term store what Prometheus has and the store lacks.

Prometheus sends only what it scrapes while it runs: not what it had before LONG_TERM_STORE=yes, not
what `backfill` brought in, and not what was unsent when it was restarted. What is in the store
already is sent again with the same times and values, which the store takes for one sample. The ends
of series that Prometheus marked (staleness) are not copied: such a series ends 5 minutes later.
"""

import time
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark_exporter.commands.remote_write import Point, RemoteWriteError, RemoteWriter
from stack import credential, internal, long_term, remote_write
from stack.settings import PROMETHEUS, VMAUTH, Settings, StackError
from stack.validation import duration_seconds

# Of one metric at a time, as many hours as have so many samples, which take 200 MB of memory.
MOST_SAMPLES = 500_000
LONGEST_SECONDS, SHORTEST_SECONDS = 86_400.0, 60.0
POINTS_A_REQUEST = 20_000
QUERY_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class _Window:
    """A metric within a time; `end` and `seconds` are of the left-open range (end - s, end]."""

    metric: str
    end: float
    seconds: float

    def selector(self) -> str:
        # A millisecond more, since Prometheus 3 leaves out a sample at the beginning.
        return f'{{__name__="{self.metric}"}}[{round(self.seconds * 1000) + 1}ms]'

    def halves(self) -> tuple["_Window", "_Window"]:
        half = self.seconds / 2
        return _Window(self.metric, self.end - half, half), _Window(self.metric, self.end, half)


def fill(settings: Settings, since: str) -> Iterator[str]:
    """Copy what is not older than `since`, such as 2h; empty for all that Prometheus keeps.

    Yields what was done.

    Raises:
        StackError: there is no store, a server does not answer, or `since` is not a duration.
    """
    if not long_term.is_on(settings):
        raise StackError("there is no long-term store; set LONG_TERM_STORE=yes, then `make up`")
    length = duration_seconds(since or settings["PROMETHEUS_RETENTION_TIME"])
    if not length:
        raise StackError(f"SINCE must be a duration like 30d or 2h, not '{since}'")
    now = time.time()
    headers = {"Authorization": f"Basic {credential.basic(settings)}"}
    samples = series = 0
    try:
        with RemoteWriter(internal.url(VMAUTH, settings), headers) as writer:
            for metric in _metrics(settings, now - length, now):
                found, sent = _copy(metric, settings, writer, now - length, now)
                series, samples = series + found, samples + sent
    except (OSError, ValueError, RemoteWriteError) as error:
        raise StackError(f"not all was copied: {error}; run it again") from error
    yield f"copied {samples:,} samples of {series:,} series into the long-term store"


def _copy(
    metric: str, settings: Settings, writer: RemoteWriter, start: float, end: float
) -> tuple[int, int]:
    """Copy one metric; gives how many series and samples it has."""
    series: set[Any] = set()
    samples = 0
    for window in _windows(metric, settings, start, end):
        points = list(_points(_query(settings, window.selector(), window.end)))
        for begin in range(0, len(points), POINTS_A_REQUEST):
            writer.write(points[begin : begin + POINTS_A_REQUEST])
        series |= {point.labels for point in points}
        samples += len(points)
    return len(series), samples


def _windows(metric: str, settings: Settings, start: float, end: float) -> Iterator[_Window]:
    """The times in which it has samples, each with few enough of them."""
    waiting = []
    while end > start:
        seconds = min(LONGEST_SECONDS, end - start)
        waiting.append(_Window(metric, end, seconds))
        end -= seconds
    while waiting:
        window = waiting.pop()
        counted = _query(settings, f"sum(count_over_time({window.selector()}))", window.end)
        samples = float(counted[0]["value"][1]) if counted else 0.0
        if samples > MOST_SAMPLES and window.seconds > SHORTEST_SECONDS:
            waiting += reversed(window.halves())
        elif samples:
            yield window


def _points(result: Sequence[Any]) -> Iterator[Point]:
    for series in result:
        labels = tuple(sorted(series["metric"].items()))
        for seconds, value in series.get("values", ()):
            yield Point(labels, round(seconds * 1000), float(value))


def _metrics(settings: Settings, start: float, end: float) -> Sequence[str]:
    """The names of what Prometheus has within a time, but for what is not sent to stores."""
    words = urllib.parse.urlencode({"start": f"{start:.3f}", "end": f"{end:.3f}"})
    path = f"/api/v1/label/__name__/values?{words}"
    names = internal.get_json(PROMETHEUS, settings, path, QUERY_SECONDS)["data"]
    return [name for name in names if not remote_write.NOT_SENT.fullmatch(name)]


def _query(settings: Settings, expression: str, at: float) -> Any:
    words = urllib.parse.urlencode({"query": expression, "time": f"{at:.3f}"})
    path = f"/api/v1/query?{words}"
    return internal.get_json(PROMETHEUS, settings, path, QUERY_SECONDS)["data"]["result"]
