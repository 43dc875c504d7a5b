"""Names of files and folders that are hard to handle: each is ingested, or rejected by its name."""

import json
import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.documents import perf_suite
from tests.support.odd_names import ODD_NAMES
from tests.support.process import COMMAND, Exporter

# What a terminal or a log reader may take for more than text; a line break ends a line of the log.
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@pytest.fixture
def exporter(
    request: pytest.FixtureRequest, tmp_path: Path, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    log_format = getattr(request, "param", "logfmt")
    running = Exporter(tmp_path, free_port(), f"--log-format={log_format}", stream_port=free_port())
    yield running
    assert running.stop() == 0, running.log.read_text()


def write(folder: bytes, name: bytes, data: bytes) -> None:
    with open(os.path.join(folder, name), "wb") as file:  # noqa: PTH118, PTH123  # bytes
        file.write(data)


def document(number: int) -> bytes:
    return json.dumps(perf_suite(f"run-{number}", p50_ms=0.05 + number / 1000)).encode()


def status(exporter: Exporter) -> dict[str, str]:
    answer = json.loads(exporter.get("/api/v1/status"))
    return {file["file"]: file["reason"] for file in answer["rejected_files"]}


def test_files_and_folders_of_odd_names_are_ingested(exporter: Exporter) -> None:
    root = os.fsencode(exporter.results)
    for number, name in enumerate(ODD_NAMES):
        write(root, name + b".json", document(2 * number))
        os.mkdir(os.path.join(root, name))  # noqa: PTH102, PTH118  # bytes
        write(os.path.join(root, name), b"in.json", document(2 * number + 1))  # noqa: PTH118
    write(root, b"\xff.txt", b"no result")
    ingested = 'benchmark_exporter_files_ingested_total{format="perf_suite"}'
    exporter.until(lambda: exporter.value(ingested) == 2 * len(ODD_NAMES))
    assert status(exporter) == {}
    text = exporter.log.read_bytes().decode("utf-8")
    assert RAW.findall(text) == []
    assert text.count("cannot be watched") == 0
    # The files count as known: no scan reads one of them again.
    assert exporter.value("benchmark_exporter_files_duplicate_total") in (None, 0.0)


@pytest.mark.parametrize("exporter", ["logfmt", "json"], indirect=True)
def test_rejected_files_are_shown_by_names_that_can_be_printed(exporter: Exporter) -> None:
    root = os.fsencode(exporter.results)
    for name in ODD_NAMES:
        write(root, name + b".json", b'{"a": 1}')
    wanted = {f"{shown}.json": "unknown_format" for shown in ODD_NAMES.values()}
    exporter.until(lambda: status(exporter) == wanted)
    exporter.until(lambda: exporter.value("benchmark_exporter_rejected_files") == len(wanted))
    assert RAW.findall(exporter.log.read_bytes().decode("utf-8")) == []
    page = exporter.get("/files").decode("utf-8")
    assert RAW.findall(page) == []
    assert r"latin-\xe9\xff.json" in page
    live_page = exporter.get("/metrics").decode("utf-8")
    assert RAW.findall(live_page) == []


def test_a_sidecar_of_an_odd_name_belongs_to_its_document(exporter: Exporter) -> None:
    root = os.fsencode(exporter.results)
    for number, name in enumerate(ODD_NAMES):
        if len(name) < 240:  # else its sidecar's name would be too long
            write(root, name + b".meta.json", json.dumps({"branch": f"odd-{number}"}).encode())
            write(root, name + b".json", document(number))
    branches = {f"odd-{number}" for number, name in enumerate(ODD_NAMES) if len(name) < 240}

    def recorded() -> set[str]:
        ledger = f"--ledger={exporter.folder / 'ledger.sqlite3'}"
        listed = subprocess.run(
            [*COMMAND, "history", ledger, "--format=json"], stdout=subprocess.PIPE, check=True
        )
        return {run["branch"] for run in json.loads(listed.stdout or "[]")}

    exporter.until(lambda: exporter.value("benchmark_exporter_ledger_commits"))
    exporter.until(lambda: recorded() == branches)


def test_live_files_of_odd_names_are_followed(exporter: Exporter) -> None:
    live = exporter.results / "live"
    live.mkdir()
    for name in ODD_NAMES:
        if len(name) < 249:
            iteration = {
                "type": "iteration",
                "timestamp": "2026-03-01T12:00:02Z",
                "iteration": 1,
                "memory_mb": 5,
            }
            write(os.fsencode(live), name + b".jsonl", json.dumps(iteration).encode() + b"\nx\n")
    exporter.until(lambda: exporter.value('memory_usage_mb{process="latin-\\\\xe9\\\\xff"}') == 5)
    shown = sum(len(name) < 249 for name in ODD_NAMES)
    exporter.until(lambda: exporter.value("benchmark_live_runs") == shown)
    text = exporter.log.read_bytes().decode("utf-8")
    assert "a line of a live file was skipped" in text
    assert RAW.findall(text) == []


def test_names_of_what_is_not_a_file_harm_nothing(exporter: Exporter) -> None:
    root = exporter.results
    os.mkfifo(root / "fifo.json")
    os.mkfifo(root / "of-fifo.meta.json")
    (root / "of-fifo.json").write_bytes(document(0))
    (root / "folder.json").mkdir()
    (root / "loop.json").symlink_to("loop.json")
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    (root / "self").symlink_to(".")
    (root / "null.json").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listening:
        folder = os.open(root, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{folder}/socket.json")
        os.close(folder)
    live = root / "live"
    live.mkdir()
    os.mkfifo(live / "fifo.jsonl")
    (live / "folder.jsonl").mkdir()
    (live / "loop.jsonl").symlink_to("loop.jsonl")
    wanted = {
        "fifo.json": "not_a_file",
        "of-fifo.meta.json": "not_a_file",
        "of-fifo.json": "not_a_file",
        "folder.json": "not_a_file",
        "loop.json": "unreadable",
        "null.json": "link_outside",
        "socket.json": "not_a_file",
    }
    exporter.until(lambda: status(exporter) == wanted)
    (root / "good.json").write_bytes(document(1))
    exporter.until(lambda: b"\nspeedup_ratio{" in exporter.get("/metrics"))


def test_what_lies_deeper_than_any_path_is_rejected_once(exporter: Exporter) -> None:
    name = "folder"
    folder = os.open(exporter.results, os.O_RDONLY)
    try:
        for _ in range(1500):
            os.mkdir(name, dir_fd=folder)
            below = os.open(name, os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = below
        file = os.open("deep.json", os.O_CREAT | os.O_WRONLY, dir_fd=folder)
        os.write(file, document(0))
        os.close(file)
    finally:
        os.close(folder)
    (exporter.results / "good.json").write_bytes(document(1))
    try:
        exporter.until(lambda: list(status(exporter).values()) == ["unreadable"])
        exporter.until(lambda: b"\nspeedup_ratio{" in exporter.get("/metrics"))
        ((place, _),) = status(exporter).items()
        assert place.startswith("folder/folder/")
        line = exporter.log.read_text()
        assert line.count("its path is too long for the system") == 1
        # Long after the next scans, it is still the one rejection.
        scans = exporter.value("benchmark_exporter_ledger_commits")
        exporter.until(lambda: exporter.value("benchmark_exporter_files_pending") == 0)
        assert exporter.value("benchmark_exporter_ledger_commits") == scans
        total = 'benchmark_exporter_files_rejected_total{reason="unreadable"}'
        exporter.until(lambda: exporter.value(total) == 1)
    finally:
        subprocess.run(["rm", "-rf", exporter.results / name], check=True)


def test_commands_print_odd_names_as_text(tmp_path: Path) -> None:
    paths = []
    for number, name in enumerate(ODD_NAMES):
        write(os.fsencode(tmp_path), name + b".json", document(number))
        paths.append(os.path.join(os.fsencode(tmp_path), name + b".json"))  # noqa: PTH118  # bytes
    for options in ([], [b"--gate"]):
        done = subprocess.run(
            [*map(os.fsencode, COMMAND), b"check", *options, *paths],
            capture_output=True,
            check=False,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )
        assert done.returncode == 0, done.stderr
        text = done.stdout.decode("utf-8")
        assert RAW.findall(text) == []
        for shown in ODD_NAMES.values():
            # What a person typed is shown as it is; only names in the ledger double a backslash.
            assert options or shown.replace("\\\\", "\\") + ".json: " in text
