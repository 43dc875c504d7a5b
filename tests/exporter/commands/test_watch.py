"""`watch` as a process with a running exporter: in a pipe, and on a terminal."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from benchmark_exporter.commands.event_lines import lines, milliseconds
from benchmark_exporter.commands.origins import Origins
from benchmark_exporter.commands.screen import Trail
from benchmark_exporter.commands.stream_client import Received
from benchmark_exporter.stream.messages import RunNews, VerdictNews
from tests.support.documents import perf_suite
from tests.support.live_files import LiveFile
from tests.support.process import COMMAND, DEADLINE_SECONDS, Exporter

TOKEN = "a-token-of-the-tests-own"


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    running = Exporter(tmp_path, free_port(), stream_port=free_port())
    yield running
    assert running.stop() == 0, running.log.read_text()


class Watching:
    """A running `watch`, and what it wrote."""

    def __init__(self, process: subprocess.Popen[bytes], output: int) -> None:
        self.process = process
        self._output = output
        self.text = ""

    def until(self, pattern: str) -> re.Match[str]:
        """Waits for a text."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (found := re.search(pattern, self.text)) is None:
            assert time.monotonic() < deadline, self.text
            if select.select([self._output], [], [], 0.1)[0]:
                data = os.read(self._output, 65536)
                assert data, self.text
                self.text += data.decode()
        return found

    def leave(self) -> None:
        """Closes the pipe, as `head` does."""
        os.close(self._output)
        self._output = -1

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(DEADLINE_SECONDS)


@contextmanager
def watching(
    exporter: Exporter, *options: str, terminal: bool = False, words: Sequence[str] = COMMAND
) -> Iterator[Watching]:
    ours, theirs = pty.openpty() if terminal else os.pipe()
    command = [*words, "watch", f"--url=ws://127.0.0.1:{exporter.stream_port}", *options]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        command, stdout=theirs, stderr=subprocess.PIPE, env=environment
    ) as process:
        os.close(theirs)
        watch = Watching(process, ours)
        try:
            yield watch
        finally:
            process.kill()
            if watch._output >= 0:
                watch.leave()


def test_plain_lines_in_a_pipe(exporter: Exporter) -> None:
    with watching(exporter) as watch:
        watch.until(r"connected")
        addresses = watch.text.splitlines()[:4]
        assert addresses[0] == f"stream     ws://127.0.0.1:{exporter.stream_port}/stream"
        assert [line.split()[-1] for line in addresses[2:]] == [
            "http://127.0.0.1:9090",
            "http://127.0.0.1:3000",
        ]
        file = LiveFile(exporter.results)
        watch.until(r"Z progress router running")
        for number in range(50):
            file.iteration(number)
        file.end()
        watch.until(r"Z progress router completed  49/100  500 µs  51.2 MB  98% CPU\n")
        assert watch.text.count("router running") < 5
        (exporter.results / "a.json").write_text(
            json.dumps(perf_suite(project="orbit", speedup=5.0))
        )
        watch.until(
            r"Z run      orbit \(orbit, self-hosted, \w+\): compiled 50 µs, fallback 250 µs\n"
        )
        watch.until(
            r"Z gate     orbit \(orbit, self-hosted\) failed, critical regression: "
            r"speedup p50 5×, threshold 15×\n"
        )
        (exporter.results / "odd.json").write_text("{}")
        watch.until(
            r"Z rejected 1 file in the results folder, the newest odd.json: unknown_format at \$"
        )
        exporter.results.rename(exporter.folder / "away")
        watch.until(r"Z ingest   no results are ingested: \[Errno 2\] No such file or directory: ")
        with watching(exporter) as second:
            second.until(r"Z ingest   no results are ingested: ")
        (exporter.folder / "away").rename(exporter.results)
        watch.until(r"Z ingest   results are ingested again\n")
        assert "\x1b" not in watch.text
        assert watch.interrupt() == 130
        assert watch.process.stderr is not None
        assert watch.process.stderr.read() == b""


def test_a_table_in_a_terminal(exporter: Exporter) -> None:
    with watching(exporter, terminal=True) as watch:
        watch.until("nothing is running")
        file = LiveFile(exporter.results)
        for number in range(20):
            file.iteration(number, execution_time_ms=0.5 + number % 3)
        watch.until("19/100")
        watch.until("▁▄█▁▄█")
        file.end("failed", error="\x1b]0;title\x07")
        watch.until("router failed .*: \\\\x1b]0;title\\\\x07")
        assert watch.interrupt() == 130
        assert watch.process.stderr is not None
        assert watch.process.stderr.read() == b""
        watch.until(re.escape("\x1b[?25h"))  # the cursor is shown again


def test_it_reconnects_after_a_restart(exporter: Exporter) -> None:
    with watching(exporter) as watch:
        watch.until("connected")
        assert exporter.stop() == 0
        watch.until("the exporter is stopping; retrying in")
        exporter.start()
        LiveFile(exporter.results)
        watch.until("(?s)retrying.*connected.*router running")


def test_only_what_is_selected_is_shown(exporter: Exporter) -> None:
    with watching(exporter, "--benchmark=pars*") as watch:
        watch.until("connected")
        LiveFile(exporter.results, "one", benchmark="router")
        LiveFile(exporter.results, "two", benchmark="parser")
        watch.until("parser running")
        assert "router" not in watch.text


def test_a_branch_is_named_once_there_is_more_than_one(exporter: Exporter) -> None:
    with watching(exporter) as watch, watching(exporter, "--branch=rel*") as filtered:
        watch.until("connected")
        filtered.until("connected")
        LiveFile(exporter.results, "one", branch="main")
        watch.until("router running")
        LiveFile(exporter.results, "two", branch="refs/heads/release/2")
        watch.until(r"router \(release/2\) running")
        filtered.until("router running")
        (exporter.results / "a.json").write_text(json.dumps(perf_suite(project="orbit")))
        watch.until(r"run      orbit \(orbit, main, self-hosted, \w+\)")
        assert "run      orbit" not in filtered.text


def test_a_token(tmp_path: Path, free_port: Callable[[], int]) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{TOKEN}\n")
    exporter = Exporter(tmp_path, free_port(), f"--stream-tokens={tokens}", stream_port=free_port())
    with watching(exporter) as watch:
        assert watch.process.wait(DEADLINE_SECONDS) == 2
        assert watch.process.stderr is not None
        assert b"--token-file" in watch.process.stderr.read()
    with watching(exporter, f"--token-file={tokens}") as watch:
        watch.until("connected")
    assert exporter.stop() == 0


def test_a_wrong_port_is_reported(exporter: Exporter) -> None:
    wrong = subprocess.run(
        [*COMMAND, "watch", f"--url=ws://127.0.0.1:{exporter.port}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert wrong.returncode == 2
    assert "8765" in wrong.stderr


def test_a_reader_that_leaves_ends_it(exporter: Exporter) -> None:
    with watching(exporter) as watch:
        watch.until("connected")
        watch.leave()
        LiveFile(exporter.results)
        assert watch.process.wait(DEADLINE_SECONDS) == 0


@pytest.mark.parametrize("url", ["http://localhost:8765", "localhost:8765", "ws://"])
def test_a_wrong_address_is_refused(url: str) -> None:
    wrong = subprocess.run(
        [*COMMAND, "watch", "--url", url], capture_output=True, text=True, timeout=60, check=False
    )
    assert wrong.returncode == 2
    assert "ws://localhost:8765" in wrong.stderr


def test_verdicts_that_are_news_are_shown() -> None:
    states = (
        ("a", "critical", 0.5),
        ("b", "warning", 0.125),
        ("c", "ok", 0.01),
        ("d", "improved", -0.2),
        ("e", "insufficient_data", None),
    )
    run = RunNews(
        run_id="r1",
        benchmark="router",
        project="orbit",
        environment="ci",
        machine_class="",
        branch="main",
        base_branch="main",
        commit_hash="a1b2c3d",
        format="result",
        timestamp=datetime(2026, 3, 1, tzinfo=UTC),
        failed=False,
        p50_ms={"": 1.5},
        verdicts=[
            VerdictNews(name=name, state=state, worsening_ratio=ratio)
            for name, state, ratio in states
        ],
    )
    origins = Origins()
    assert [line.text for line in lines(Received(run.timestamp, run), origins)] == [
        "run      router (orbit, ci, r1): 1.5 ms",
        "judged   a critical, 50.0% worse than before",
        "judged   b warning, 12.5% worse than before",
        "judged   d improved, 20.0% better than before",
    ]
    other = replace(run, branch="fast", machine_class="2 cpus", verdicts=run.verdicts[:1])
    assert [line.text for line in lines(Received(run.timestamp, other), origins)] == [
        "run      router (orbit, fast against main, ci, 2 cpus, r1): 1.5 ms",
        "judged   a (fast against main) critical, 50.0% worse than before",
    ]
    second = replace(run, run_id="r2")
    assert lines(Received(run.timestamp, second), origins)[0].text == (
        "run      router (orbit, main, ci, unknown machine, r2): 1.5 ms"
    )
    taken = [replace(second.verdicts[0], triage="fixing", triaged_by="ann")]
    again = lines(Received(run.timestamp, replace(second, verdicts=taken)), origins)
    assert [line.text for line in again] == [
        "judged   a (main) critical, 50.0% worse than before; fixing by ann"
    ]
    corrected = replace(second, p50_ms={"": 2.5})
    assert "r2): 2.5 ms" in lines(Received(run.timestamp, corrected), origins)[0].text


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0.0005, "500 ns"), (0.42, "420 µs"), (1.0, "1 ms"), (15.678, "15.68 ms"), (2500, "2.5 s")],
)
def test_times_have_four_digits(ms: float, text: str) -> None:
    assert milliseconds(ms) == text


def test_a_trail() -> None:
    trail = Trail()
    assert str(trail) == ""
    for ms in (1.0, 1.0):
        trail.add(ms)
    assert str(trail) == "▁▁"
    for ms in (8.0, 4.5):
        trail.add(ms)
    assert str(trail) == "▁▁█▄"
