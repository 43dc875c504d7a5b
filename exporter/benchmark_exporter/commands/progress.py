"""Progress of long work: one line that is rewritten on a terminal, else a plain line at times."""

import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Self, TextIO

TERMINAL_SECONDS, PLAIN_SECONDS = 0.2, 10.0


class Progress:
    """Reports on `stream` how many of `total` things, like `runs`, are done.

    Work that ends before the first line is due has none. `begun` were done before it began. It ends
    at `ends` in any case, a time of the clock `monotonic`.
    """

    def __init__(
        self,
        total: int,
        what: str,
        stream: TextIO,
        *,
        begun: int = 0,
        ends: float = math.inf,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total
        self._begun = begun
        self._ends = ends
        self._what = what
        self._stream = stream
        self._monotonic = monotonic
        self._is_terminal = stream.isatty()
        self._interval_seconds = TERMINAL_SECONDS if self._is_terminal else PLAIN_SECONDS
        self._started = self._reported = monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Clears the terminal's line for what comes next."""
        if self._is_terminal and self._reported > self._started:
            self._write("")

    def report(self, done: int) -> None:
        """Takes the number of things done. May be called as often as convenient."""
        now = self._monotonic()
        if done > self._begun and now - self._reported >= self._interval_seconds:
            self._reported = now
            a_thing = (now - self._started) / (done - self._begun)
            seconds = min(a_thing * (self._total - done), max(self._ends - now, 0.0))
            left = timedelta(seconds=round(seconds))
            self._write(f"{done:,} of {self._total:,} {self._what}, {left} left")

    def _write(self, text: str) -> None:
        self._stream.write(f"\r\x1b[K{text}" if self._is_terminal else f"{text}\n")
        self._stream.flush()
