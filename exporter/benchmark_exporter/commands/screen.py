"""Where `watch` shows events: plain lines, for a pipe, and what every screen needs."""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol, TextIO

from benchmark_exporter.commands.event_lines import Line, progress_text
from benchmark_exporter.stream.messages import UNFINISHED, Progress
from benchmark_exporter.wording import printable

# Between two plain lines on the progress of one run.
PLAIN_SECONDS = 1.0
TRAIL_ITERATIONS = 24
_TRAIL = "▁▂▃▄▅▆▇█"


class Screen(Protocol):
    """Shows events, and the progress of runs."""

    def line(self, at: datetime, line: Line) -> None:
        """Shows an event."""

    def progress(self, at: datetime, progress: Progress) -> None:
        """Shows how far a run is, or that it has ended."""

    def running(self, running: Sequence[Progress]) -> None:
        """Replaces what is known of the running runs, after a new connection."""


class PlainScreen:
    """A line for each event. A run's progress has one line a second, and one at its end."""

    def __init__(self, stream: TextIO, monotonic: Callable[[], float]) -> None:
        self._stream = stream
        self._monotonic = monotonic
        self._shown_seconds: dict[str, float] = {}

    def line(self, at: datetime, line: Line) -> None:
        """Writes a line with its time."""
        self._stream.write(f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} {printable(line.text)}\n")
        self._stream.flush()

    def progress(self, at: datetime, progress: Progress) -> None:
        """Writes a line, unless the run had one within the last second and goes on."""
        now = self._monotonic()
        if (
            progress.status == "running"
            and now - self._shown_seconds.get(progress.run_id, float("-inf")) < PLAIN_SECONDS
        ):
            return
        self._shown_seconds[progress.run_id] = now
        if progress.status not in UNFINISHED:
            del self._shown_seconds[progress.run_id]
        self.line(at, Line(progress_text(progress)))

    def running(self, running: Sequence[Progress]) -> None:
        """Writes a line for each run."""
        for progress in running:
            self.progress(datetime.now(UTC), progress)


class Trail:
    """The last iterations of a run as a small chart of characters."""

    def __init__(self) -> None:
        self._times_ms: deque[float] = deque(maxlen=TRAIL_ITERATIONS)

    def add(self, ms: float) -> None:
        """Appends an iteration."""
        self._times_ms.append(ms)

    def __str__(self) -> str:
        low, high = min(self._times_ms, default=0.0), max(self._times_ms, default=0.0)
        steps = (
            int((ms - low) / (high - low) * (len(_TRAIL) - 1)) if high > low else 0
            for ms in self._times_ms
        )
        return "".join(_TRAIL[step] for step in steps)
