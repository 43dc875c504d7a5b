"""Hypothesis strategies for documents, and a new folder for each example."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st

from benchmark_exporter.config import Config
from tests.support.documents import Json, bench_guard, changed, perf_suite, pipeline
from tests.support.wired import Wired

# Each example is a folder and a database of its own.
EXAMPLES = settings(max_examples=40, deadline=None)


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=150) | st.sampled_from(
    ["a", "a/compiled", "x" * 1024]
)


TIMES_MS = st.floats(0, 1e15)


SPEEDUPS = st.floats(0, 1e15)


MOMENTS = st.datetimes(datetime(1970, 1, 1)).map(lambda moment: moment.isoformat() + "Z")  # noqa: DTZ001  # Z follows


@st.composite
def suites(draw: st.DrawFn) -> Json:
    document = perf_suite(
        draw(NAMES),
        project=draw(NAMES),
        commit=draw(NAMES),
        timestamp=draw(MOMENTS),
        verdict=draw(st.sampled_from(["PASS", "FAIL", "PENDING"])),
    )
    for field in (
        "compiled.p50_ms",
        "compiled.p95_ms",
        "fallback.p50_ms",
        "fallback.p95_ms",
        "absolute_p95_ms",
        "cv",
    ):
        document = changed(document, f"metrics.{field}", draw(TIMES_MS))
    for field in ("speedup_p50", "speedup_p95"):
        document = changed(document, f"metrics.{field}", draw(SPEEDUPS))
    return document


# Names that may belong to one benchmark with a variant and to another without.
SLASHED = st.sampled_from(["a", "a/b", "a/b/c", "b", "b/c", "c"])


MEASUREMENTS = st.fixed_dictionaries(
    {"benchmark": SLASHED, "samples": st.lists(st.floats(0, 1e15), min_size=1, max_size=5)},
    optional={
        "variant": st.sampled_from(["", "b", "c", "b/c"]),
        "unit": st.sampled_from(["seconds", "nanoseconds", "bytes", "per_second", "ratio"]),
        "better": st.sampled_from(["lower", "higher", None]),
    },
)


def full_name(measurement: Json) -> str:
    return f"{measurement['benchmark']}/{measurement.get('variant', '')}".removesuffix("/")


@st.composite
def results(draw: st.DrawFn) -> Json:
    """Documents of our own format.

    There are few names, so that many documents have the same benchmark in different units.
    """
    failures = [
        {"benchmark": name, "error": "TypeError"} for name in draw(st.lists(SLASHED, max_size=2))
    ]
    measured = draw(
        st.lists(MEASUREMENTS, min_size=0 if failures else 1, max_size=4, unique_by=full_name)
    )
    return {
        "schema": "strataregula.result/1",
        "timestamp": draw(MOMENTS),
        "run_id": draw(NAMES),
        "results": measured,
        "failures": failures,
    }


# Times and speedups are bounded so that the values derived from them stay finite.
GUARDS = st.builds(
    bench_guard,
    st.dictionaries(NAMES, st.floats(1e-3, 1e9), min_size=1, max_size=4),
    passed=st.booleans(),
    two_tier=st.booleans(),
)


PIPELINES = st.builds(
    pipeline, NAMES, status=st.sampled_from(["pass", "fail"]), timestamp=MOMENTS, branch=NAMES
)


DOCUMENTS = st.lists(
    suites() | results() | GUARDS | PIPELINES | st.just({}), min_size=1, max_size=6
)


@contextmanager
def wired_in_a_new_folder(config: Config | None = None) -> Iterator[Wired]:
    with tempfile.TemporaryDirectory() as folder:
        wired = Wired(Path(folder), config)
        yield wired
        wired.ledger.close()


def drop_all(wired: Wired, documents: Sequence[Json]) -> None:
    for number, document in enumerate(documents):
        wired.drop(f"{number}.json", document)
    wired.settle()
