"""Documents of benchmark tools to the model.

A format is a module with `NAME`, `matches(document)` (is this mine, judged by its keys alone) and `parse(document, origin)`. It is
recognised by content, never by file name. To add one, write the module and append it to FORMATS; another distribution names its
module in the entry point group `benchmark_exporter.formats`.
"""

import json
import logging
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import Protocol

import msgspec
from msgspec.structs import replace

from benchmark_exporter.formats import (
    bench_guard,
    bench_results,
    bench_suite,
    bench_suite_baseline,
    github_action_benchmark,
    golden_metrics,
    google_benchmark,
    hyperfine,
    jmh,
    perf_analyze,
    perf_diff,
    perf_guard,
    perf_suite,
    pipeline,
    pytest_benchmark,
    result,
)
from benchmark_exporter.formats.origin import Origin, Sidecar, parse_sidecar
from benchmark_exporter.model import Document, Rejected, Run

__all__ = ["Format", "Origin", "Sidecar", "formats", "growing_formats", "parse", "parse_sidecar"]

log = logging.getLogger(__name__)

ENTRY_POINT_GROUP = "benchmark_exporter.formats"
KEYS_SHOWN, KEY_CHARACTERS_SHOWN = 8, 30
_NOTHING_SAID = Sidecar()
# Numbers that are no JSON, and the beginning of one at the end of the file.
_NO_NUMBER = re.compile(rb"NaN|Infinity")
_NO_NUMBER_CUT = re.compile(rb"\b(?:N|Na|I|In|Inf|Infi|Infin|Infini|Infinit)\Z")


class Format(Protocol):
    """What a format module offers.

    With `READS_NAN = True` it also reads documents that hold what JSON has no number for. `GROWS = True` says that its tool writes a
    document again and again while it measures, each time with more results in it: of these, those that are recorded already are left out.
    """

    NAME: str

    def matches(self, document: object, /) -> bool: ...

    def parse(self, document: object, origin: Origin, /) -> Document:
        """Raises Rejected or msgspec.ValidationError for what is wrong in the document."""


# perf_guard before perf_suite: it writes the same document with a verdict in it.
FORMATS: tuple[Format, ...] = (
    *(
        result,
        pipeline,
        perf_guard,
        perf_suite,
        bench_guard,
        bench_suite,
        bench_suite_baseline,
        golden_metrics,
    ),
    *(
        perf_diff,
        bench_results,
        perf_analyze,
        pytest_benchmark,
        google_benchmark,
        hyperfine,
        jmh,
        github_action_benchmark,
    ),
)


@cache
def formats() -> Sequence[Format]:
    """The formats in the order they are asked, those of other distributions last: what is read today keeps its meaning."""
    found = list(FORMATS)
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            found.append(point.load())
        except Exception:  # whatever is wrong with another's module, the others are read
            log.exception(
                "a format cannot be loaded", extra={"fields": {"entry_point": point.value}}
            )
    return found


@cache
def growing_formats() -> frozenset[str]:
    """The names of the formats whose documents are written again with more in them."""
    return frozenset(each.NAME for each in formats() if getattr(each, "GROWS", False))


def parse(data: bytes, origin: Origin = Origin()) -> Document:  # noqa: B008  # frozen
    """What a document's bytes hold. Where a key stands twice in an object, the last one counts.

    Project, environment, commit, branch and whatever of the machine the document does not name are its side file's.

    Raises:
        Rejected: with the reason, the JSON path and what was wrong there. `truncated` means the bytes end early,
            so that a file still being written can be told from a bad one.
    """
    document, flaw = _decode(data)
    candidate = next((each for each in formats() if each.matches(document)), None)
    if flaw is not None and (
        flaw.reason != "not_finite" or not getattr(candidate, "READS_NAN", False)
    ):
        raise flaw
    if candidate is None:
        raise _unknown(document)
    try:
        parsed = candidate.parse(document, origin)
    except msgspec.ValidationError as error:
        raise _invalid(error) from error
    return _complete(parsed, origin.sidecar) if isinstance(parsed, Run) else parsed


def _complete(run: Run, side: Sidecar) -> Run:
    if not run.results and not run.failures:
        raise Rejected("invalid_value", "no benchmark in it")
    names = [each.name for each in run.results]
    if len(set(names)) < len(names):
        ((name, count),) = Counter(names).most_common(1)
        raise Rejected("invalid_value", f"{count} results have the name {name}")
    if side == _NOTHING_SAID:
        return run
    return replace(
        run,
        project=run.project or side.project,
        environment=run.environment or side.environment,
        commit_hash=run.commit_hash or side.commit or "",
        branch=run.branch or side.branch or "",
        machine=side.machine.complete(run.machine) if side.machine else run.machine,
    )


def _unknown(document: object) -> Rejected:
    if not isinstance(document, dict | list):
        return Rejected(
            "unknown_format",
            f"a result document is a JSON object or array, this is {_kind(document)}",
        )
    known = ", ".join(candidate.NAME for candidate in formats())
    first = (
        document[0]
        if isinstance(document, list) and document and isinstance(document[0], dict)
        else document
    )
    keys = (
        ", ".join(key[:KEY_CHARACTERS_SHOWN] for key in sorted(first)[:KEYS_SHOWN])
        if isinstance(first, dict)
        else ""
    )
    return Rejected(
        "unknown_format", f"the keys {keys or '(none)'} are of no format known: {known}"
    )


def _decode(data: bytes) -> tuple[object, Rejected | None]:
    """The document, and the first thing in it that is no JSON though some writers write it."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise Rejected("truncated", "the file ends in the middle of a character") from error
        raise Rejected("not_utf8", f"{error.reason} at byte {error.start}") from error
    try:
        return msgspec.json.decode(data), None
    except RecursionError as error:
        raise Rejected("malformed_json", "nested too deeply") from error
    except msgspec.DecodeError as error:
        try:
            # Python reads some of what is no JSON, as its writers write it; then the place of that can be told.
            lenient = json.loads(text)
        except (ValueError, RecursionError):
            raise _why_not_json(error, data) from error
        return lenient, _unwritable(lenient) or Rejected("malformed_json", str(error))


def _why_not_json(error: msgspec.DecodeError, data: bytes) -> Rejected:
    if isinstance(error, msgspec.ValidationError):
        return _invalid(error)
    message, end = str(error), len(data)
    if _NO_NUMBER.search(data) or _NO_NUMBER_CUT.search(data):
        # What comes after such a number decides: the file may end early.
        plain = _NO_NUMBER_CUT.sub(
            b"", _NO_NUMBER.sub(lambda found: b"0".ljust(len(found[0])), data)
        )
        try:
            msgspec.json.decode(plain)
        except (msgspec.DecodeError, RecursionError) as second:
            message, end = str(second), len(plain)
    if "truncated" in message or message.endswith(f"(byte {end})"):
        return Rejected("truncated", "the file ends before its JSON does")
    return Rejected("malformed_json", message)


def _unwritable(document: object) -> Rejected | None:
    """The first text, in the document's order, that JSON has no word for, else the first such number."""
    number: Rejected | None = None
    # Its own stack: a document may be nested deeper than Python's calls may be. Places are put in words only where they are needed.
    levels: list[Iterator[tuple[object, object]]] = [iter([("$", document)])]
    steps: list[object] = []  # that led to the last level
    while levels:
        for step, value in levels[-1]:
            if isinstance(value, float):
                if number is None and not math.isfinite(value):
                    json_path = _json_path([*steps, step])
                    number = Rejected(
                        "not_finite",
                        f"{value} is not a number that a result can have",
                        json_path=json_path,
                    )
            elif isinstance(value, str) and not _is_utf8(value):
                return Rejected(
                    "malformed_json",
                    "half of a surrogate pair is no character",
                    json_path=_json_path([*steps, step]),
                )
            elif isinstance(value, dict | list):
                steps.append(step)
                if isinstance(value, dict) and not all(map(_is_utf8, value)):
                    return Rejected(
                        "malformed_json",
                        "a key has half of a surrogate pair, which is no character",
                        json_path=_json_path(steps),
                    )
                levels.append(iter(value.items() if isinstance(value, dict) else enumerate(value)))
                break
        else:
            levels.pop()
            del steps[-1:]
    return number


def _json_path(steps: Iterable[object]) -> str:
    return "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps
    ).removeprefix(".")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _invalid(error: msgspec.ValidationError) -> Rejected:
    # The last one is msgspec's: before it stands what the document holds.
    detail, found, json_path = str(error).rpartition(" - at ")
    return Rejected(
        "invalid_value",
        detail if found else json_path,
        json_path=json_path.replace("`", "") if found else "$",
    )


def _kind(value: object) -> str:
    return {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}.get(
        type(value), "a number"
    )
