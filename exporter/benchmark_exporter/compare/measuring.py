"""Runs a side's command and measures it."""

import marshal
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import IO, Self

from benchmark_exporter.compare import runner
from benchmark_exporter.compare.documents import CompareError, Quantity, read_results
from benchmark_exporter.compare.sides import Side, last_lines

RESULTS = "{results}"
RESULTS_VARIABLE = "BENCHMARK_RESULTS_DIR"
TIME, MEMORY = "time", "peak memory"
LAST_BYTES = 2_000
STOP_SECONDS = 5.0


class Runner:
    """A process that runs commands, so that they do not count this program's memory as theirs.

    It and what it runs have a process group of their own, which ends with the context, as does the
    folder for what they write: one in `folder`, or else in the system's for temporary files.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._parent = folder

    def __enter__(self) -> Self:
        self._folder = Path(mkdtemp(prefix="benchmark-compare-", dir=self._parent))
        self._process = subprocess.Popen(  # noqa: S603  # our own module
            [sys.executable, "-I", "-S", runner.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for this program, which then ends it
        )
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._pipes[0].close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
                break
        self._pipes[1].close()
        rmtree(self._folder, ignore_errors=True)

    def measure(self, side: Side) -> Mapping[Quantity, float]:
        """Runs a side once and waits for it.

        Its command finds a new folder for result files in `{results}` and in
        BENCHMARK_RESULTS_DIR. If it leaves documents there that the exporter reads, they are the
        measurement: each result's median, or its mean where it has none. Otherwise it is the
        command's duration in seconds and the peak resident memory, in bytes, of its largest
        process; less than the 10 MB or so of the process that runs it cannot be seen.

        Raises:
            CompareError: the command cannot be started, fails, or leaves a document that is
                rejected.
        """
        folder = Path(mkdtemp(dir=self._folder))
        results, output = folder / "results", folder / "output"
        results.mkdir()
        seconds, peak_bytes = self._run(side, results, output)
        try:
            measured = dict(read_results(results))
        except CompareError as error:
            raise CompareError(f"{side.name}: {error}") from error
        rmtree(folder, ignore_errors=True)  # otherwise with the context
        return measured or {
            Quantity(TIME, "seconds", "lower"): seconds,
            Quantity(MEMORY, "bytes", "lower"): peak_bytes,
        }

    def _run(self, side: Side, results: Path, output: Path) -> tuple[float, float]:
        words = [word.replace(RESULTS, str(results)) for word in side.command]
        environment = {**os.environ, RESULTS_VARIABLE: str(results)}
        try:
            marshal.dump([words, str(side.folder), environment, str(output)], self._pipes[0])
            self._pipes[0].flush()
            answer = marshal.load(self._pipes[1])  # noqa: S302  # what our own module wrote
        except (OSError, EOFError) as error:
            raise CompareError(
                f"{side.name}: the process that runs the command has been killed"
            ) from error
        if isinstance(answer, int):
            raise CompareError(f"{side.name}: {words[0]}: {os.strerror(answer)}")
        status, seconds, peak = answer
        code = os.waitstatus_to_exitcode(status)
        if code:
            with output.open("rb") as log:
                log.seek(max(0, output.stat().st_size - LAST_BYTES))
                last = log.read()
            ended = f"status {code}" if code > 0 else f"signal {-code}"
            raise CompareError(f"{side.name}: the command ended with {ended}{last_lines(last)}")
        # Linux counts in KiB, macOS in bytes.
        return seconds, float(peak * (1 if sys.platform == "darwin" else 1024))

    @property
    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise AssertionError("it was started with both pipes")
        return process.stdin, process.stdout
