"""Showing how far a backup or a restore is."""

import sys
import time

STEP_SECONDS = 0.5
# Where nobody looks: into a log, say.
LOG_SECONDS = 10.0


class Progress:
    """Bytes done of those to do, on one line that is rewritten, or now and then on one of its own.

    `total_bytes` may be set later; 0 is unknown.
    """

    def __init__(self, what: str, total_bytes: int = 0) -> None:
        self.what = what
        self.total_bytes = total_bytes
        self.done_bytes = 0
        self._is_terminal = sys.stdout.isatty()
        self._next = time.monotonic() + (STEP_SECONDS if self._is_terminal else LOG_SECONDS)

    def add(self, size_bytes: int) -> None:
        """Say that so many bytes more are done."""
        self.done_bytes += size_bytes
        if (now := time.monotonic()) >= self._next:
            self._next = now + (STEP_SECONDS if self._is_terminal else LOG_SECONDS)
            self.show()

    def show(self) -> None:
        """Print how far it is."""
        of = f" of {self.total_bytes / 1e6:.0f}" if self.total_bytes else ""
        line = f"  {self.what}: {self.done_bytes / 1e6:.0f}{of} MB"
        print(f"\r{line}" if self._is_terminal else line, end="" if self._is_terminal else "\n")
        sys.stdout.flush()

    def end(self) -> None:
        """Leave the line, if one is shown."""
        if self._is_terminal and self.done_bytes:
            print("\r\033[K", end="", flush=True)
