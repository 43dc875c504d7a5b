"""The commands of docs/tutorial.md with the output that it shows, and how real output compares."""

import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# What a block says before what the second terminal shows.
SECOND_TERMINAL = "# in the second terminal:"
LEFT_OUT = "…"
_BLOCK = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What differs each time: times, run ids, hashes that are not commits of the page, and figures.
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?Z?")
_FINGERPRINT = re.compile(r"\b[0-9a-f]{16}\b|\b\d{8}T\d{6}Z-[0-9a-f]{8}\b|(?<=by )\w+@[\w.-]+")
_FIGURE = re.compile(r"(?<![\w.])[+-]?\d[\d,]*(\.\d+)?(?=(?:%|[nµm]?s|min|h)?(?![\w.]))")
_UNIT = re.compile(r"# ?(?:[nµm]?s|min|h)\b")
# On which side of zero noise is.
_SIDE = re.compile(r"(on average|ok,|ok again,) #% (?:better|worse)")


@dataclass(frozen=True, slots=True)
class Step:
    """A command as it is typed, and the lines of its output, or those of the second terminal."""

    command: str
    output: Sequence[str]
    watched: Sequence[str] = ()


def steps(page: str) -> Iterator[Step]:
    """The commands of the page in order. A block whose first line is no prompt has none."""
    for block in _BLOCK.findall(page):
        if block.startswith("$ "):
            yield from _steps_of(block)


def _steps_of(block: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.rstrip("\n").split("\n")
        length = next(
            count for count in range(1, len(lines) + 1) if _is_whole("\n".join(lines[:count]))
        )
        rest = lines[length:]
        at = rest.index(SECOND_TERMINAL) if SECOND_TERMINAL in rest else len(rest)
        yield Step("\n".join(lines[:length]), rest[:at], rest[at + 1 :])


def _is_whole(command: str) -> bool:
    """Whether a shell would run it, and not wait for more lines."""
    if command.endswith("\\"):
        return False
    checked = subprocess.run(  # noqa: S603  # -n: nothing is run
        ["bash", "-n", "-c", command],  # noqa: S607  # the one that a person has
        capture_output=True,
        check=False,
    )
    return checked.returncode == 0


def normalized(line: str) -> str:
    """A line without what differs each time."""
    line = _FINGERPRINT.sub("ID", _TIME.sub("TIME", line))
    line = _SIDE.sub(r"\1 #% off", _UNIT.sub("# U", _FIGURE.sub("#", line)))
    return re.sub(r"\s+|-{3,}", " ", line).strip()


def differences(shown: Sequence[str], real: Sequence[str]) -> list[str]:
    """The lines in which real output is not as shown, with - for the page's and + for the real one.

    The order of lines does not count, since results are sorted by figures. `…` stands for what the
    page leaves out: a whole line for others, within a line or at its end for the rest. A long line
    of the page may go on in the next one, which is indented.
    """
    left = Counter(map(normalized, filter(None, real)))
    found = []
    lines = iter([line for line in shown if line and line != LEFT_OUT])
    line = next(lines, None)
    while line is not None:
        following = next(lines, None)
        match = _match(line, left)
        if match is None and following is not None and following.startswith("  "):
            match = _match(f"{line} {following.strip()}", left)
            following = following if match is None else next(lines, None)
        if match is None:
            found.append(f"- {line}")
        else:
            left[match] -= 1
        line = following
    if LEFT_OUT not in shown:
        found += [f"+ {line}" for line in real if left[normalized(line)] > 0]
    return found


def _match(line: str, left: Counter[str]) -> str | None:
    """The real line that is as this one of the page."""
    parts = [re.escape(normalized(part)) for part in line.split(LEFT_OUT)]
    wanted = re.compile(" ?.*?".join(parts).replace(r"\ ", " ?"))
    return next((each for each, count in left.items() if count and wanted.fullmatch(each)), None)
