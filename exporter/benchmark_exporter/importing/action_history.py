"""github-action-benchmark's `data.js`: all results of a repository, by suite, oldest first.

`entries` has an array for each suite. One entry is what the action has extracted from what a tool
wrote for one commit, with the tool's name; which of them have bigger values for better ones is in
the action's source (src/write.ts). The units are those of its src/extract.ts.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from benchmark_exporter.formats import Sidecar, complete
from benchmark_exporter.formats.dates import moment_of
from benchmark_exporter.formats.decoding import decode
from benchmark_exporter.formats.github_action_benchmark import NAME
from benchmark_exporter.formats.naming import note_of_numbered, numbered
from benchmark_exporter.formats.non_json_numbers import is_non_json_number
from benchmark_exporter.formats.plausible import MOST
from benchmark_exporter.formats.text_results import Printed
from benchmark_exporter.formats.units import Quantity, quantity
from benchmark_exporter.formats.unpacking import unpacked
from benchmark_exporter.model import Better, Rejected, Result, Run, Statistics

# `window.BENCHMARK_DATA = {…}`, and what people have made of it.
_ASSIGNMENT = re.compile(rb"\A\s*(?:(?:const|let|var)\s+)?[\w.$]+\s*=\s*(?=\{)")
# Go is not among them: its units say it, but for those of metrics that a benchmark has made up.
_BETTER: Mapping[str, Better] = {
    **dict.fromkeys(("cargo", "cargo-criterion", "benchmarkluau", "googlecpp"), "lower"),
    **dict.fromkeys(("catch2", "julia", "jmh", "benchmarkdotnet"), "lower"),
    **dict.fromkeys(("benchmarkjs", "pytest", "customBiggerIsBetter"), "higher"),
    "customSmallerIsBetter": "lower",
}
# These say nothing but which direction is better. The unit of a result of the others says it too,
# and rightly where the tool's name does not: JMH's throughput, Go's MB/s.
_CUSTOM = ("customSmallerIsBetter", "customBiggerIsBetter")
# Whose range is the standard deviation, in the unit of the value.
_WITH_DEVIATION = ("catch2", "benchmarkdotnet")
_DEVIATION = re.compile(r"± ?(\d+(?:\.\d+)?(?:e[-+]?\d+)?)", re.IGNORECASE)
# Go prints further quantities on the line of the first, which the action keeps in its unit.
_NEXT_QUANTITY = re.compile(r"\t|  +")
_REMEDY = "give each a name of its own"
_LEAST_MILLISECONDS = 1e11  # a date below is in seconds
_YEAR_10000 = 253_402_300_800.0
NOTED = 3


class ActionEntry(msgspec.Struct, frozen=True):
    """One entry: `path` is where it is in the document, `data` its JSON with sorted keys.

    `seconds` is when it was made, since 1970. `digest` is of its suite and all that it
    states.
    """

    suite: str
    path: str
    seconds: float
    commit: str
    data: bytes
    digest: bytes

    @property
    def run_id(self) -> str:
        """The id of its run: its time, and a digest since several may be of one second."""
        moment = datetime.fromtimestamp(self.seconds, UTC)
        return f"{moment:%Y%m%dT%H%M%SZ}-{self.digest.hex()[:8]}"


class ActionHistory(msgspec.Struct, frozen=True):
    """A document: `project` is the repository's name, and empty if it states none.

    `names` are those of its benchmarks, `shared` those that more than one suite has.
    """

    project: str
    entries: Sequence[ActionEntry]
    rejected: Sequence[Rejected]
    names: frozenset[str]
    shared: frozenset[str]


def is_action_history(data: bytes) -> bool:
    """Whether the beginning of a file looks like one. It costs little for any other file."""
    head = data[:4096]
    return b"BENCHMARK_DATA" in head or (b'"entries"' in head and b'"repoUrl"' in head)


def parse_action_history(data: bytes) -> ActionHistory:
    """The entries of a `data.js`, and why others cannot be read.

    Raises:
        Rejected: it is not one, with the reason and the JSON path.
    """
    document = _decoded(_ASSIGNMENT.sub(b"", unpacked(data), count=1).rstrip(b"; \t\r\n"))
    suites = document.get("entries") if isinstance(document, dict) else None
    if not isinstance(suites, dict):
        raise Rejected("unknown_format", "no data.js of github-action-benchmark: it has no entries")
    entries, rejected = list[ActionEntry](), list[Rejected]()
    names: dict[str, set[str]] = {}
    for suite, values in suites.items():
        if not isinstance(values, list):
            rejected.append(
                Rejected("invalid_value", "not an array", json_path=f"$.entries.{suite}")
            )
            continue
        for index, value in enumerate(values):
            path = f"$.entries.{suite}[{index}]"
            try:
                entries.append(_entry(suite, path, value))
            except Rejected as error:
                rejected.append(error)
                continue
            for name in _names(value):
                names.setdefault(name, set()).add(suite)
    url = document.get("repoUrl") if isinstance(document, dict) else None
    return ActionHistory(
        url.rstrip("/").rpartition("/")[2] if isinstance(url, str) else "",
        entries,
        rejected,
        frozenset(names),
        frozenset(name for name, of in names.items() if len(of) > 1),
    )


def run_of(entry: ActionEntry, history: ActionHistory, sidecar: Sidecar) -> Run:
    """The run that an entry is, completed by the sidecar of its document.

    Raises:
        Rejected: there is no result in it.
    """
    document = msgspec.json.decode(entry.data)
    tool = document.get("tool")
    notes: list[str] = []
    results = list(_results(document, tool if isinstance(tool, str) else "", sidecar, notes))
    if not results:
        raise Rejected(
            "invalid_value", "; ".join(["no result", *notes]), json_path=f"{entry.path}.benches"
        )
    stated = [
        f"{entry.suite}/{result.benchmark}"
        if result.benchmark in history.shared
        else result.benchmark
        for result in results
    ]
    names = numbered(stated) if len(set(stated)) < len(stated) else stated
    run = Run(
        format=NAME,
        run_id=entry.run_id,
        timestamp_seconds=entry.seconds,
        results=tuple(
            result if result.benchmark == name else replace(result, benchmark=name)
            for name, result in zip(names, results, strict=True)
        ),
        comparisons=(),
        commit_hash=entry.commit,
        measurements=entry.digest,
        notes=(*notes, *note_of_numbered(stated, names, _REMEDY)),
    )
    return complete(run, sidecar)


def _decoded(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        document = decode(data)[0]
    if isinstance(document, Printed):
        raise Rejected("malformed_json", "not JSON after the assignment")
    return document


def _entry(suite: str, path: str, value: object) -> ActionEntry:
    if not isinstance(value, dict):
        raise Rejected("invalid_value", "not an object", json_path=path)
    if not isinstance(value.get("benches"), list):
        raise Rejected("invalid_value", "has no array of benches", json_path=path)
    commit = value.get("commit")
    commit = commit if isinstance(commit, dict) else {}
    identifier = commit.get("id")
    data = msgspec.json.encode(value, order="sorted")
    return ActionEntry(
        suite,
        path,
        _seconds(value.get("date"), commit.get("timestamp"), path),
        identifier[:1024] if isinstance(identifier, str) else "",
        data,
        hashlib.sha256(suite.encode("utf-8", "replace") + b"\0" + data).digest(),
    )


def _seconds(date: object, stamp: object, path: str) -> float:
    """When the entry was made: by its date, or else by its commit's time."""
    if isinstance(date, str):
        moment = moment_of(date)
        date = float(date) if date.isdecimal() else moment.timestamp() * 1e3 if moment else None
    if isinstance(date, int | float) and not isinstance(date, bool) and date > 0:
        seconds = date / 1e3 if date >= _LEAST_MILLISECONDS else float(date)
        if seconds < _YEAR_10000:
            return seconds
    if isinstance(stamp, str) and (moment := moment_of(stamp)) is not None:
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        if 0 < seconds < _YEAR_10000:
            return seconds
    raise Rejected(
        "invalid_value",
        "has neither a date (milliseconds since 1970) nor a commit with a timestamp",
        json_path=f"{path}.date",
    )


def _names(value: Mapping[str, Any]) -> Iterable[str]:
    return {
        each["name"]
        for each in value["benches"]
        if isinstance(each, dict) and isinstance(each.get("name"), str)
    }


def _results(
    document: Mapping[str, Any], tool: str, sidecar: Sidecar, notes: list[str]
) -> Iterator[Result]:
    """The results of an entry; one that cannot be read costs itself, and is noted."""
    left_out: list[str] = []
    benches = [each if isinstance(each, dict) else {} for each in document["benches"]]
    values = {each.get("name"): each.get("value") for each in benches if _is_text(each.get("name"))}
    for index, bench in enumerate(benches):
        name, value = bench.get("name"), _number(bench.get("value"))
        if not isinstance(name, str) or not name or value is None:
            left_out.append(f"benches[{index}]")
            continue
        unit = _first_unit(bench)
        if _repeats(name, unit, value, values):
            continue
        measured = _directed(quantity(unit), tool, sidecar.better)
        deviation = None
        if tool in _WITH_DEVIATION and isinstance(bench.get("range"), str):
            found = _DEVIATION.search(bench["range"])
            deviation = float(found[1]) * measured.factor if found else None
        statistics = Statistics(mean=value * measured.factor, stddev=deviation)
        yield Result(name, "", statistics, unit=measured.unit, better=measured.better)
    if left_out:
        more = f" and {len(left_out) - NOTED} more" if len(left_out) > NOTED else ""
        notes.append(f"without a name and a value, and left out: {', '.join(left_out[:3])}{more}")


def _first_unit(bench: Mapping[str, Any]) -> str:
    unit = bench.get("unit")
    return _NEXT_QUANTITY.split(unit.strip(), maxsplit=1)[0] if isinstance(unit, str) else ""


def _repeats(name: str, unit: str, value: float, values: Mapping[object, object]) -> bool:
    """Whether it is the first quantity of a line of Go again, as `BenchmarkX - ns/op`."""
    first = name.removesuffix(f" - {unit}")
    return bool(unit) and first != name and values.get(first) == value


def _directed(measured: Quantity, tool: str, better: Better | None) -> Quantity:
    if tool in _CUSTOM:
        better = _BETTER[tool]
    elif measured.better is not None:
        return measured
    return replace(measured, better=better or _BETTER.get(tool))


def _number(value: object) -> float | None:
    """The value, if it is one that a result can have. The action also keeps text of one."""
    if isinstance(value, str):
        text = value.strip()
        try:
            value = None if is_non_json_number(text) else float(text)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -MOST <= value <= MOST else None


def _is_text(value: object) -> bool:
    return isinstance(value, str)
