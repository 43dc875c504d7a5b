"""The formats of benchmark tools: which of them a document is in, and what it holds.

A format is a module with `NAME`, `matches(document)` (whether the document is in this format,
judged by its keys alone) and `parse(document, origin)`. It is recognised by content, never by file
name. To add one, write the module and append it to FORMATS. Another distribution names its module
in the entry point group `benchmark_exporter.formats`.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import Protocol

import msgspec
from msgspec.structs import replace

from benchmark_exporter.formats import (
    asv,
    autocannon,
    bench_guard,
    bench_results,
    bench_suite,
    bench_suite_baseline,
    bencher,
    benchmarkdotnet,
    cargo_bench,
    catch2,
    criterion,
    fio,
    github_action_benchmark,
    go_test,
    golden_metrics,
    google_benchmark,
    hyperfine,
    jmh,
    julia_benchmarktools,
    k6,
    mitata,
    nanobench,
    oha,
    perf_analyze,
    perf_diff,
    perf_guard,
    perf_suite,
    pipeline,
    pyperf,
    pytest_benchmark,
    result,
    tinybench,
    vegeta,
    vitest,
    wrk,
)
from benchmark_exporter.formats.decoding import (
    decode,
    invalid_value,
    not_finite,
    with_nan,
    with_words,
)
from benchmark_exporter.formats.naming import MAX_CHARACTERS, with_short_names
from benchmark_exporter.formats.origin import Origin, Sidecar, parse_sidecar
from benchmark_exporter.formats.several_documents import Several
from benchmark_exporter.formats.text_results import Printed, with_hint
from benchmark_exporter.formats.unknown import unknown
from benchmark_exporter.model import Document, Rejected, Run

__all__ = [
    "Format",
    "Origin",
    "Sidecar",
    "complete",
    "formats",
    "growing_formats",
    "is_written_as_measured",
    "parse",
    "parse_sidecar",
]

log = logging.getLogger(__name__)

ENTRY_POINT_GROUP = "benchmark_exporter.formats"
HEAD_BYTES = 4096  # within which a document shows what it is
_NO_SIDECAR = Sidecar()
_NO_ORIGIN = Origin()


class Format(Protocol):
    """What a format module offers. The document is a JSON value, or `Printed` for other text.

    With `READS_NAN = True` a format of another distribution also reads documents that contain NaN
    or Infinity, for which JSON has no number. To ours, they are null; one with `TYPE_WITH_WORDS`
    gets such a document as that type, with strings in their places. `join(documents)` makes one
    document of several in a file. `GROWS = True` means that its tool rewrites the document while it
    measures, with more results each time; results that were recorded before are then left out.
    `BEGINS` is a pattern of how a document begins whose tool writes each benchmark when it is done:
    until the last one, it is unfinished.
    """

    NAME: str

    def matches(self, document: object, /) -> bool: ...

    def parse(self, document: object, origin: Origin, /) -> Document:
        """Raises Rejected or msgspec.ValidationError for what is wrong in the document."""


FORMATS: tuple[Format, ...] = (
    result,
    pipeline,
    perf_guard,  # before perf_suite: it writes the same document with the gate's outcome in it
    perf_suite,
    bench_guard,
    bench_suite,
    bench_suite_baseline,
    golden_metrics,
    perf_diff,
    bench_results,
    perf_analyze,
    pytest_benchmark,
    google_benchmark,
    hyperfine,
    jmh,
    github_action_benchmark,
    asv,
    pyperf,
    criterion,
    go_test,
    benchmarkdotnet,
    k6,
    catch2,
    nanobench,
    vitest,
    tinybench,
    mitata,
    julia_benchmarktools,
    autocannon,
    oha,
    vegeta,
    wrk,
    fio,
    cargo_bench,
    bencher,  # after all others: only the shape of its documents tells
)


@cache
def formats() -> Sequence[Format]:
    """The formats in the order in which they are tried.

    Those of other distributions come last, so that installing one never changes how a document that
    is read today is understood.
    """
    found = list(FORMATS)
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            found.append(point.load())
        except Exception:  # whatever is wrong with one module, the others are loaded
            log.exception(
                "a format cannot be loaded", extra={"fields": {"entry_point": point.value}}
            )
    return found


@cache
def growing_formats() -> frozenset[str]:
    """The names of the formats whose tools rewrite their documents with more results in them."""
    return frozenset(each.NAME for each in formats() if getattr(each, "GROWS", False))


def is_written_as_measured(data: bytes) -> bool:
    """Whether an unfinished document is one whose tool writes each benchmark when it is done.

    An empty file is: a shell creates it before the tool begins, and so does hyperfine.
    """
    head = data[:HEAD_BYTES].replace(b"\0", b"")  # of UTF-16
    patterns = (getattr(each, "BEGINS", None) for each in formats())
    return not head.strip() or any(each.search(head) for each in patterns if each is not None)


def parse(data: bytes, origin: Origin = _NO_ORIGIN) -> Document:
    """What a document holds. If a key occurs twice in an object, the last one counts.

    Project, environment, commit, branch and the parts of the machine that the document does not
    state come from its sidecar.

    Raises:
        Rejected: with the reason, the JSON path and what is wrong there. `truncated` means that the
            bytes end early, so that a file still being written can be told from a bad one.
    """
    document, is_finite = decode(data)
    if isinstance(document, Several):
        document = _joined(document)
    for candidate in formats():  # a loop costs less than a generator
        if candidate.matches(document):
            break
    else:
        if isinstance(document, Printed):
            raise with_hint(document.rejected, document.text.encode())
        raise unknown(document, [each.NAME for each in formats()])
    if not is_finite and candidate not in FORMATS:
        if not getattr(candidate, "READS_NAN", False):
            raise not_finite(data)
        document = with_nan(data)
    try:
        if not is_finite and (type_ := getattr(candidate, "TYPE_WITH_WORDS", None)):
            document = with_words(data, type_) or document
        parsed = candidate.parse(document, origin)
    except msgspec.ValidationError as error:
        is_of_null = not is_finite and "got `null`" in str(error)
        raise not_finite(data) if is_of_null else invalid_value(error) from error
    return complete(parsed, origin.sidecar) if isinstance(parsed, Run) else parsed


def _joined(several: Several) -> object:
    """The one document that several in a file are.

    Raises:
        Rejected: no tool writes such documents into one file.
    """
    documents = several.documents
    for candidate in formats():
        join = getattr(candidate, "join", None)
        if join is not None and all(map(candidate.matches, documents)):
            return join(documents)
        if candidate.matches(several.entries):
            return several.entries
    raise Rejected(
        "malformed_json",
        f"{len(documents)} documents in one file, of no format that is read so; write each into "
        "a file of its own",
    )


def complete(run: Run, sidecar: Sidecar) -> Run:
    """The run with what its sidecar adds, once it is known to measure each name once."""
    if not run.results and not run.failures:
        why = "; ".join(("the document holds no benchmark", *run.notes))
        raise Rejected("invalid_value", why)
    names = [each.name for each in run.results]
    if len(set(names)) < len(names):
        ((name, count),) = Counter(names).most_common(1)
        raise Rejected("invalid_value", f"{count} results have the name {name}")
    if run.failures:
        names = [*names, *(each.benchmark for each in run.failures)]
    if max(map(len, names)) > MAX_CHARACTERS:
        run = with_short_names(run)
    if sidecar == _NO_SIDECAR:
        return run
    return replace(
        run,
        project=run.project or sidecar.project,
        environment=run.environment or sidecar.environment,
        commit_hash=run.commit_hash or sidecar.commit or "",
        branch=run.branch or sidecar.branch or "",
        base_branch=run.base_branch or sidecar.base_branch or "",
        machine=sidecar.machine.complete(run.machine) if sidecar.machine else run.machine,
    )
