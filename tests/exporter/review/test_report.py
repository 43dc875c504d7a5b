"""The document that a comment is made of: what is accepted, and what a fork could try."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmark_exporter.compare.comparison import Compared, Comparison
from benchmark_exporter.compare.documents import Quantity
from benchmark_exporter.compare.report import as_json
from benchmark_exporter.compare.statistics import Change as Ratio
from benchmark_exporter.review.report import (
    MAX_BYTES,
    MAX_RESULTS,
    Change,
    Failure,
    Moved,
    Report,
    ReportError,
    finite,
    parse_report,
    read_report,
    to_json,
)

RATIO = Ratio(0.2, 0.15, 0.25, 0.001, 0.999)
COMPARISON = Comparison(
    [
        Compared(Quantity("parse", "seconds", "lower"), 1.0, 1.2, RATIO, 0.01, "worse"),
        Compared(Quantity("count", "items", None), 5.0, 6.0, RATIO, None, None),
    ],
    rounds=10,
    seconds=4.0,
    detect_ratio=0.02,
    missing=["render"],
)
REPORT = Report(
    "history",
    [Change("parse", "seconds", 1.2, 1.0, 0.2, 0.15, 0.25, 0.05, "worse", "critical", "router")],
    against="main",
    commit="a1b2c3d",
    passed=False,
    failures=[Failure("render", "no memory")],
    moved=Moved(5, 6, 0.1),
)


def test_what_compare_writes_is_read() -> None:
    report = parse_report(as_json(COMPARISON).encode())
    assert report == Report(
        "comparison",
        [
            Change("parse", "seconds", 1.2, 1.0, 0.2, 0.15, 0.25, 0.01, "worse"),
            Change("count", "items", 6.0, 5.0, 0.2, 0.15, 0.25, detail="no known direction"),
        ],
        missing=["render"],
        rounds=10,
    )


def test_a_report_is_read_as_it_was_written() -> None:
    assert parse_report(to_json(REPORT)) == REPORT


def changed(**parts: Any) -> bytes:
    return json.dumps(json.loads(to_json(REPORT)) | parts).encode()


ONE = json.loads(to_json(REPORT))["changes"][0]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "Input data was truncated"),
        (b"{", "Input data was truncated"),
        (b"\xff", "malformed"),
        (b"[" * 100_000, "recursion"),
        (b"[]", "is neither what `compare --format json`"),
        (b'{"results": []}', "is neither"),
        (changed(kind="other"), r"Invalid enum value 'other' - at `\$\.kind`"),
        (changed(more=1), "unknown field `more`"),
        (changed(changes=[ONE] * (MAX_RESULTS + 1)), "length <= 20000"),
        (changed(changes=[ONE | {"outcome": "**bad**"}]), "Invalid enum value"),
        (changed(changes=[ONE | {"name": "x" * 2_001}]), r"length <= 2000 - at `\$\.changes\[0\]"),
        (changed(changes=[ONE | {"new": "1 s"}]), r"Expected `float`, got `str`"),
        (changed(changes=[ONE | {"new": None}]), r"Expected `float`, got `null`"),
        (to_json(REPORT).replace(b"1.2,", b"1e999,"), "out of range"),
        (to_json(REPORT).replace(b"1.2,", b"NaN,"), "malformed"),
        (changed(changes=[ONE | {"new": 1e301}]), r"<= 1e\+300"),
        (changed(commit=["x"]), "Expected `str`, got `array`"),
        (b'{"rounds": -1, "results": []}', ">= 0"),
        (b'{"rounds": 1, "results": {}}', "Expected `array`, got `object`"),
    ],
)
def test_a_document_that_is_none_is_refused_with_the_reason(data: bytes, words: str) -> None:
    with pytest.raises(ReportError, match=words):
        parse_report(data)


def test_a_later_version_of_compare_may_say_more() -> None:
    document = json.loads(as_json(COMPARISON)) | {"more": 1}
    document["results"][0]["more"] = 1
    assert len(parse_report(json.dumps(document).encode()).changes) == 2


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(100 * MAX_BYTES)
    with pytest.raises(ReportError, match=r"large\.json: is larger than 8,388,608 bytes"):
        read_report(str(path))


def test_a_link_or_a_pipe_in_an_artifact_is_not_followed(tmp_path: Path) -> None:
    target, linked, pipe = tmp_path / "a.json", tmp_path / "link.json", tmp_path / "pipe.json"
    target.write_bytes(to_json(REPORT))
    assert read_report(str(target)) == REPORT
    linked.symlink_to(target)
    os.mkfifo(pipe)
    with pytest.raises(ReportError, match=r"link\.json: cannot be read"):
        read_report(str(linked))
    with pytest.raises(ReportError, match=r"pipe\.json: cannot be read: it is not a regular file"):
        read_report(str(pipe))
    with pytest.raises(ReportError, match="cannot be read: "):
        read_report(str(tmp_path))
    with pytest.raises(ReportError, match="cannot be read: No such file"):
        read_report(str(tmp_path / "none.json"))


def test_standard_input_is_read() -> None:
    script = (
        "from benchmark_exporter.review.report import read_report as read\n"
        "print(len(read('-').changes))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=to_json(REPORT), capture_output=True, check=True
    )
    assert done.stdout == b"1\n"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, None), (1.5, 1.5), (float("inf"), None), (float("nan"), None), (1e301, None)],
)
def test_a_number_that_no_report_may_have_is_left_out(
    value: float | None, expected: float | None
) -> None:
    assert finite(value) == expected


def test_messages_name_no_more_of_a_document_than_a_value() -> None:
    with pytest.raises(ReportError) as error:
        parse_report(changed(kind="\x1b[31m"))
    assert isinstance(error.value.__cause__, msgspec.ValidationError)
