"""The lines of a log that say why a part does not run."""

import re
from collections.abc import Sequence

# The gravest first: Go's panics and Python's exceptions, then what programs log as errors.
CAUSES = (
    re.compile(r"^(panic: |fatal error: |Traceback \(most recent call last\):)"),
    re.compile(
        r"level=(error|ERROR|fatal|critical|CRITICAL)\b|\"level\": ?\"error\"|^\S+: error: "
    ),
    re.compile(r"\berr(or)?=|\b[Ee]rror\b"),
)
EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit)?(: .*)?$")
LINES = 5


def excerpt(lines: Sequence[str], count: int = LINES) -> list[str]:
    """Up to `count` lines from the newest panic, exception or error on, else the last lines."""
    for cause in CAUSES:
        found = [number for number, line in enumerate(lines) if cause.search(line)]
        if found:
            begin = found[-1]
            if lines[begin].startswith("Traceback"):
                begin = _exception(lines, begin)
            return list(lines[begin : begin + count])
    return list(lines[-count:])


def _exception(lines: Sequence[str], begin: int) -> int:
    """Where the exception itself stands, below its traceback."""
    for number in range(begin + 1, len(lines)):
        if EXCEPTION.match(lines[number]):
            return number
    return begin
