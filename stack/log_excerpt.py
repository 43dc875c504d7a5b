"""The lines of a log that say why a part does not run."""

import re
from collections.abc import Sequence

# Go's panics and Python's exceptions, then what programs log as errors.
PANIC = re.compile(r"^(panic: |fatal error: |Traceback \(most recent call last\):)")
ERROR = re.compile(r"level=(error|fatal|critical)\b|^\S+: error: ", re.IGNORECASE)
MENTION = re.compile(r"\berr(or)?=|\b[Ee]rror\b")
EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit)?(: .*)?$")
LINES = 5


def excerpt(lines: Sequence[str], count: int = LINES) -> list[str]:
    """Up to `count` lines from the newest panic, exception or error on, else the last lines."""
    for cause in (PANIC, ERROR, MENTION):
        found = [number for number, line in enumerate(lines) if cause.search(line)]
        if found:
            begin = _first(lines, found[-1])
            return list(lines[begin : begin + count])
    return list(lines[-count:])


def _first(lines: Sequence[str], begin: int) -> int:
    """Where to begin: at an exception, not its traceback; at the error before a panic."""
    if lines[begin].startswith("Traceback"):
        below = range(begin + 1, len(lines))
        return next((number for number in below if EXCEPTION.match(lines[number])), begin)
    is_panic = PANIC.search(lines[begin])
    return begin - 1 if begin and is_panic and ERROR.search(lines[begin - 1]) else begin
