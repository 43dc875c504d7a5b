"""Waiting until every part answers."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence

from stack.settings import Part, Settings

READY_SECONDS = 60.0
POLL_SECONDS = 0.2
ANSWER_SECONDS = 3.0


def is_ready(part: Part, settings: Settings) -> bool:
    """Whether a part says that it is ready."""
    try:
        with urllib.request.urlopen(part.url(settings, part.ready_path), timeout=ANSWER_SECONDS) as answer:  # noqa: S310  # our own http address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def wait_until_ready(parts: Sequence[Part], settings: Settings, timeout_seconds: float = READY_SECONDS) -> Iterator[Part]:
    """Yield each part when it is ready, and end when all are or the time is over: the caller sees which are missing."""
    deadline = time.monotonic() + timeout_seconds
    waiting = list(parts)
    while waiting and time.monotonic() < deadline:
        for part in [part for part in waiting if is_ready(part, settings)]:
            waiting.remove(part)
            yield part
        if waiting:
            time.sleep(POLL_SECONDS)
