"""A running exporter, as a process over a folder of its own."""

import re
import resource
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-m", "benchmark_exporter"]
DEADLINE_SECONDS = 60.0

_LABEL = re.compile(r'\w+="(?:[^"\\]|\\.)*"')


def shown_value(exposition: str, series: str) -> float | None:
    """The value of the first series of a name that has these labels among its own."""
    name, _, labels = series.rstrip("}").partition("{")
    wanted = set(_LABEL.findall(labels))
    for found in re.finditer(rf"^{re.escape(name)}(?:{{(.*)}})? (\S+)$", exposition, re.MULTILINE):
        if wanted <= set(_LABEL.findall(found[1] or "")):
            return float(found[2])
    return None


class Exporter:
    """An exporter over a folder of its own, started with further options of `serve`."""

    def __init__(
        self,
        folder: Path,
        port: int,
        *options: str,
        stream_port: int | None = None,
        descriptors: int | None = None,
    ) -> None:
        """`descriptors` is how many files and connections it may have open; None: as we may."""
        self.descriptors = descriptors
        self.options = (
            f"--stream-listen={'off' if stream_port is None else f'127.0.0.1:{stream_port}'}",
            *options,
        )
        self.stream_port = stream_port or 0
        self.folder = folder
        self.results = folder / "results"
        self.results.mkdir(exist_ok=True)
        self.port = port
        self.log = folder / "log"
        self.start()

    def start(self) -> None:
        self.launch()
        self.until(lambda: self.answers("/-/ready"))

    def launch(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *COMMAND,
                    "serve",
                    f"--listen=127.0.0.1:{self.port}",
                    f"--results-dir={self.results}",
                    f"--ledger={self.folder / 'ledger.sqlite3'}",
                    f"--runbooks-dir={self.folder}",
                    *self.options,
                ],
                stderr=log,
                # Nothing else runs in the tests' process that forks.
                preexec_fn=self._limit,  # noqa: PLW1509
            )

    def _limit(self) -> None:
        if self.descriptors is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(DEADLINE_SECONDS)

    def get(
        self,
        path: str,
        headers: dict[str, str] | None = None,
        timeout_seconds: float = DEADLINE_SECONDS,
    ) -> bytes:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", headers=headers or {}
        )
        with urllib.request.urlopen(request, timeout=timeout_seconds) as answer:
            data: bytes = answer.read()
            return data

    def status_of(self, path: str, data: bytes | None = None) -> tuple[int, str]:
        """The status and text of an answer. What is sent is JSON."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def answers(self, path: str) -> bool:
        try:
            return self.status_of(path)[0] == 200
        except OSError:
            return False

    def value(self, series: str) -> float | None:
        """The value of the first series of a name that has these labels among its own."""
        return shown_value(self.get("/metrics").decode(), series)

    def until(self, condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)


@contextmanager
def ended(exporter: Exporter) -> Iterator[None]:
    """Ends an exporter, also of a test that fails: a process that is left fails the next test."""
    try:
        yield
    finally:
        if exporter.process.poll() is None:
            exporter.stop()
