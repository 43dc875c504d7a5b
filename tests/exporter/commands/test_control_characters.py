"""What commands and the log print of documents that hold control characters."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from tests.support.documents import result
from tests.support.process import COMMAND, Exporter

# Clears a screen, in 7 and 8 bits; sets a title; goes to the start of a line and erases it; ends a
# line; reverses the text around; is not seen; ends a line for some programs.
EVIL = "\x1b[2J\x9b2J\x1b]0;t\x07\r\x1b[K\nok\x08\x7f\u202e\u2067\u200b\u2028\x85\x0b\x0c\x1c end"
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def evil_document() -> dict[str, Any]:
    document = result(1, {f"name {EVIL}": 5.0})
    for key in ("project", "environment", "commit", "branch", "run_id"):
        document[key] = f"{key} {EVIL}"
    document["failures"] = [{"benchmark": f"failing {EVIL}", "error": f"error {EVIL}"}]
    document["machine"]["profile"] = f"profile {EVIL}"
    return document


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    path = tmp_path / f"{EVIL.replace('/', '')}.json"
    path.write_text(json.dumps(evil_document()))
    return path


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int], evil: Path) -> Iterator[Exporter]:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / evil.name).write_bytes(evil.read_bytes())
    (tmp_path / "results" / "bad.json").write_text(json.dumps({**evil_document(), EVIL: 1})[:-1])
    tokens = tmp_path / "tokens"
    tokens.write_text("ci secret-of-the-test-1234567890\n")
    running = Exporter(tmp_path, free_port(), f"--upload-tokens={tokens}", stream_port=free_port())
    yield running
    assert running.stop() == 0


def printed(*words: str | Path, **variables: str) -> list[str]:
    """The lines of a command's output, which hold nothing raw."""
    done = subprocess.run(
        [*COMMAND, *words],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **variables},
    )
    text = (done.stdout + done.stderr).decode("utf-8")
    assert "Traceback" not in text
    assert RAW.findall(text) == []
    return text.split("\n")


def test_check_shows_them_as_text(evil: Path) -> None:
    lines = printed("check", evil)
    assert lines[0].startswith(str(evil.parent))
    assert any(r"project project \x1b[2J\x9b2J" in line for line in lines)
    # A line break of the document begins no line.
    assert not [line for line in lines if line.startswith("ok")]


def test_a_gate_and_its_summary_show_them_as_text(evil: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    lines = printed("check", "--gate", f"--summary={summary}", evil)
    assert not [line for line in lines if line.startswith("ok")]
    assert RAW.findall(summary.read_text(encoding="utf-8")) == []
    assert "x1b" in summary.read_text(encoding="utf-8")


def test_a_rejection_shows_them_as_text(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps({**evil_document(), "timestamp": EVIL}))
    lines = printed("check", bad)
    assert "rejected" in lines[0]
    assert len(lines) == 2


def test_commands_on_a_ledger_show_them_as_text(exporter: Exporter, tmp_path: Path) -> None:
    exporter.until(lambda: exporter.value("benchmark_exporter_ledger_commits"))
    exporter.until(lambda: '"project' in exporter.get("/metrics").decode())
    ledger = f"--ledger={tmp_path / 'ledger.sqlite3'}"
    table = printed("history", ledger)
    assert any(r"\x1b[2J\x9b2J" in line for line in table)
    (run,) = json.loads("\n".join(printed("history", ledger, "--format=json")))
    assert run["project"] == f"project {EVIL}"
    pinned = printed("baseline", "set", run["run_id"], f"--version=v1{EVIL}", ledger)
    assert any(r"\x1b" in line for line in pinned)
    for command in ("list", "show"):
        assert printed("baseline", command, *[f"v1{EVIL}"] * (command == "show"), ledger)
    printed("delete", f"--project=no {EVIL}", ledger)
    printed("rename", f"from {EVIL}", f"to {EVIL}", ledger)
    assert RAW.findall(exporter.log.read_bytes().decode("utf-8")) == []


def test_what_is_sent_and_followed_is_shown_as_text(
    exporter: Exporter, evil: Path, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{exporter.port}"
    variables = {"BENCHMARK_EXPORTER_TOKEN": "secret-of-the-test-1234567890"}
    pushed = printed("push", f"--url={url}", evil, **variables)
    assert any(r"\x1b[2J" in line for line in pushed)
    printed("ci-status", f"--url={url}", "--status=pass", f"--pipeline=p {EVIL}", **variables)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    printed("ci-status", f"--results-dir={folder}", "--status=pass", f"--pipeline=p {EVIL}")
    (exporter.results / "live").mkdir()
    start = {"type": "start", "timestamp": "2026-03-01T12:00:02Z", "run_id": f"r {EVIL}"}
    live = exporter.results / "live" / f"{EVIL}.jsonl"
    live.write_text(json.dumps({**start, "benchmark": f"b {EVIL}"}) + "\n")
    shown = tmp_path / "shown"
    with shown.open("wb") as output:
        watching = subprocess.Popen(
            [*COMMAND, "watch", "--plain", f"--url=ws://127.0.0.1:{exporter.stream_port}"],
            stdout=output,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )
    try:
        exporter.until(lambda: r"\x1b[2J" in shown.read_text(encoding="utf-8"))
    finally:
        watching.terminate()
        watching.wait()
    assert RAW.findall(shown.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "words",
    [
        ["no such program EVIL"],
        ["--results-dir=no such folder EVIL", "true"],
        ["--results-dir=is a file EVIL", "true"],
        ["--name=EVIL", "--results-dir=live cannot be written EVIL", "true"],
    ],
)
def test_what_a_run_warns_of_is_shown_as_text(tmp_path: Path, words: list[str]) -> None:
    file_name = EVIL.replace("/", "")
    (tmp_path / f"is a file {file_name}").touch()
    folder = tmp_path / f"live cannot be written {file_name}"
    folder.mkdir()
    (folder / "live").touch()
    named = [
        word.replace("--results-dir=", f"--results-dir={tmp_path}/").replace("EVIL", file_name)
        for word in words
    ]
    lines = printed("run", *named)
    assert any(r"\x1b[2J\x9b2J" in line for line in lines)
    assert not [line for line in lines if line.startswith("ok")]


@pytest.mark.parametrize("program", ["client", "pytest", "pytest at its end"])
def test_what_the_client_warns_of_is_shown_as_text(tmp_path: Path, program: str) -> None:
    """On standard error, where Python logs warnings if nobody configures it, and by pytest."""
    folder = tmp_path / EVIL.replace("/", "")
    test = tmp_path / "test_it.py"
    remove = f"__import__('os').rmdir({str(folder)!r})"
    test.write_text(f"def test_it(benchmark):\n    benchmark(int)\n    {remove}\n")
    client = "from benchmark_exporter.client import MonitoredPerfSuite; import pathlib, sys\n"
    client += (
        "MonitoredPerfSuite(pathlib.Path(sys.argv[1])).run_benchmark_with_monitoring(int, 'b')"
    )
    words = [sys.executable, "-c", client, str(folder)]
    if program != "client":
        plugin = "benchmark_exporter.client.pytest_plugin"
        words = [sys.executable, "-m", "pytest", "-q", str(test), f"--benchmark-results={folder}"]
        words += [] if _plugin_is_installed() else ["-p", plugin]
    if program == "pytest at its end":
        folder.mkdir()
    done = subprocess.run(
        words,
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env={
            # Without what would make the pytest in it a worker of this one, which measures nothing.
            **{name: each for name, each in os.environ.items() if "XDIST" not in name},
            "PYTHONIOENCODING": "utf-8",
        },
    )
    text = (done.stdout + done.stderr).decode("utf-8")
    warned = [line for line in text.split("\n") if r"\x1b[2J" in line and "folder" in line]
    warned += [line for line in text.split("\n") if "the results cannot be written" in line]
    assert warned
    assert [line for line in warned if RAW.findall(line)] == []


def _plugin_is_installed() -> bool:
    return any(
        point.value.startswith("benchmark_exporter.client.pytest_plugin")
        for point in entry_points(group="pytest11")
    )
