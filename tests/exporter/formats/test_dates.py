"""Dates as every release of a tool has written them, on every system."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from benchmark_exporter.formats import Origin, Sidecar
from benchmark_exporter.formats.dates import moment_of
from tests.support.documents import changed, golden
from tests.support.parsing import accepted_run

GOOGLE, PYTEST = "google_benchmark/1-run", "pytest_benchmark/1-run"
WRITTEN_SECONDS = 1772366400.25
# 2026-03-31T10:00:00Z.
MARCH = 1774951200


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        # Google Benchmark's first releases; before 1.5.1; and since, with the zone.
        ("2018/01/30-18:40:25", "2018-01-30T18:40:25"),
        ("2026-03-31 10:00:00", "2026-03-31T10:00:00"),
        ("2026-03-31T10:00:00", "2026-03-31T10:00:00"),
        ("2026-03-31T10:00:00+09:00", "2026-03-31T10:00:00+09:00"),
        ("2026-03-31T10:00:00-0330", "2026-03-31T10:00:00-03:30"),
        ("2026-03-31T10:00:00Z", "2026-03-31T10:00:00+00:00"),
        ("2026-03-31 10:00:00 JST", "2026-03-31T10:00:00+09:00"),
        # Windows: strftime's %x %X in C's locale, and in others.
        ("03/31/26 10:00:00", "2026-03-31T10:00:00"),
        ("01/02/26 10:00:00", "2026-01-02T10:00:00"),
        ("12/31/99 23:59:59", "1999-12-31T23:59:59"),
        ("31/03/26 10:00:00", "2026-03-31T10:00:00"),
        ("3/1/2026 1:05:00 PM", "2026-03-01T13:05:00"),
        ("3/1/2026 12:05:00 AM", "2026-03-01T00:05:00"),
        ("31.03.2026 10:00:00", "2026-03-31T10:00:00"),
        ("2026/11/28 10:00:00", "2026-11-28T10:00:00"),
        ("2026/11/28T10:00:00.25Z", "2026-11-28T10:00:00.250000+00:00"),
        ("2026/11/28 10:00:00 -03:30", "2026-11-28T10:00:00-03:30"),
        ("Sun Mar  1 10:00:00 2026", "2026-03-01T10:00:00"),
        *((text, None) for text in ("soon", "", "13/32/26 10:00:00", "03/31/26 25:00:00")),
        ("03/31/26 10:00:00 XYZ", None),
    ],
)
def test_a_date_is_read_as_its_tool_wrote_it(text: str, moment: str | None) -> None:
    found = moment_of(text)
    assert (None if found is None else found.isoformat()) == moment


def test_a_date_without_a_zone_is_in_that_of_the_configuration() -> None:
    document = changed(golden(GOOGLE), "context.date", "03/31/26 19:00:00")
    tokyo = Origin(zone=timezone(timedelta(hours=9)))
    run = accepted_run(document, tokyo)
    assert (run.timestamp_seconds, run.notes) == (MARCH, ())


@pytest.mark.parametrize("text", ["soon", "1969-12-31", "9999-12-31T23:59:59-23:59"])
@pytest.mark.parametrize(("name", "path"), [(GOOGLE, "context.date"), (PYTEST, "datetime")])
def test_what_is_no_date_costs_only_the_date(name: str, path: str, text: str) -> None:
    document = changed(golden(name), path, text)
    run = accepted_run(document, Origin(written_seconds=WRITTEN_SECONDS))
    assert run.timestamp_seconds == WRITTEN_SECONDS
    assert run.notes == (f"{path} {text!r} is not a date; its time is its file's",)
    sidecar = Sidecar(timestamp=datetime(2026, 3, 31, 10, tzinfo=UTC))
    assert accepted_run(document, Origin(sidecar=sidecar)).timestamp_seconds == MARCH


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("bench_suite/2-module", "timestamp"),
        ("perf_analyze/1-analysis", "metadata.timestamp"),
        ("perf_diff/1-bench_results", "metadata.timestamp"),
        ("perf_diff/2-perf_diff", "metadata.generated_at"),
        ("asv/2-version-1", "date"),
    ],
)
def test_no_tools_date_costs_its_document(name: str, path: str) -> None:
    run = accepted_run(changed(golden(name), path, "soon"), Origin(written_seconds=1772366400.0))
    assert run.timestamp_seconds == 1772366400.0
    assert path.rpartition(".")[2] in run.notes[0]
