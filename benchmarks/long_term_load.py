"""A target that exposes what an exporter of many benchmarks does: `python -m … PORT BENCHMARKS`.

/state has sparse series, each with its time, in the scrapes of 2.5 s of each minute; /slow has all
others in every scrape. Values stay as they are, like those of benchmarks between two runs.
"""

import sys
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Series of a benchmark with two results, as docs/capacity.md has them.
STATE, SLOW = 10, 74
NAMES = (
    *(f"state_{number}" for number in range(STATE)),
    *(f"slow_{number}" for number in range(SLOW)),
)
PERIOD_SECONDS, SHOWN_SECONDS = 60, 3


class Pages:
    """What the two paths show."""

    def __init__(self, benchmarks: int) -> None:
        self._slices: list[list[str]] = [[] for _ in range(PERIOD_SECONDS)]
        for number in range(benchmarks * STATE):
            line = f"state_{number % STATE}{{{_labels(number // STATE)}}} {number * 0.37:.6g}"
            self._slices[number % PERIOD_SECONDS].append(line)
        self._slow = "".join(
            f"slow_{number % SLOW}{{{_labels(number // SLOW)}}} {number}\n"
            for number in range(benchmarks * SLOW)
        ).encode()

    def show(self, path: str) -> bytes:
        """Give the text of a path now."""
        if path.startswith("/slow"):
            return self._slow
        now = int(time.time())
        return "".join(
            f"{line} {second * 1000}\n"
            for second in range(now - SHOWN_SECONDS + 1, now + 1)
            for line in self._slices[second % PERIOD_SECONDS]
        ).encode()


def _labels(number: int) -> str:
    return (
        f'benchmark_name="suite-{number // 50}/case-{number}",project="team-{number // 100}",'
        'environment="ci",branch="main",machine_class="linux x86_64 2 cpus"'
    )


def main(arguments: Sequence[str]) -> None:
    """Serve until the process is ended."""
    port, benchmarks = map(int, arguments)
    pages = Pages(benchmarks)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.show(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
