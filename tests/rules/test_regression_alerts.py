"""Regressions of several projects and suites, from a made exposition to the channels.

Prometheus and Alertmanager are real and use this repository's rules and routes.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.rules.alerts import SCOPE
from tests.rules.delivery import INTERVAL_SECONDS, running_alertmanager
from tests.rules.endpoints import LOOPBACK, pagerduty, slack
from tests.rules.prometheus_server import Server, prometheus, wait_until

# A scrape, an evaluation, and what Alertmanager waits for; the rest is for a busy machine.
FOUND_SECONDS = 1 + 1 + INTERVAL_SECONDS + 15
FIRING = 'ALERTS{alertname="PerformanceRegression", alertstate="firing"}'


class Exposition:
    """What the exporter's state part would say of regressions; assign `text` to change it."""

    def __init__(self) -> None:
        self.text = ""

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve it, and yield the address."""
        exposition = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                # The other job, for the parts that are scraped every 30 s, gets none of it.
                body = exposition.text.encode() if "state" in self.path else b""
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Log nothing, to keep the output of the tests clean."""

        with ThreadingHTTPServer((LOOPBACK, 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield f"{LOOPBACK}:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()


def regression(
    name: str, *, confirmed: bool, project: str = "router", shifted: bool = False
) -> str:
    """Return the exposition of one regression."""
    labels = SCOPE | {"benchmark_name": name, "project": project}
    quoted = ",".join(f'{label}="{value}"' for label, value in labels.items())
    lines = [
        (
            f'benchmark_regression_info{{{quoted},unit="seconds",commit_hash="bbb",'
            'previous_commit_hash="aaa"} 1'
        ),
        f"benchmark_regression_confirmed{{{quoted}}} {confirmed:d}",
        f"benchmark_regression_worsening_ratio{{{quoted}}} 0.3",
    ]
    if shifted:
        lines.append(f"benchmark_regression_shifted{{{quoted}}} 1")
    return "".join(f"{line}\n" for line in lines)


def firing(server: Server) -> set[tuple[str, str, str]]:
    """Return project, benchmark and severity of each firing PerformanceRegression."""
    found: Any = server.get("query", query=FIRING)
    return {
        (each["metric"]["project"], each["metric"]["benchmark_name"], each["metric"]["severity"])
        for each in found["result"]
    }


def test_regressions_of_two_projects_and_of_a_shifted_suite(
    tmp_path: Path, programs: Mapping[str, Sequence[str]], free_port: Callable[[], int]
) -> None:
    exposition = Exposition()
    with (
        exposition.served() as exporter,
        running_alertmanager(tmp_path, programs, free_port) as alertmanager,
        prometheus(
            programs["prometheus"],
            tmp_path / "server",
            free_port(),
            exporter=exporter,
            alertmanager=alertmanager.url.removeprefix("http://"),
        ) as server,
    ):
        channels = alertmanager.channels

        def until(expected: set[tuple[str, str, str]]) -> None:
            wait_until(lambda: firing(server) == expected, str(expected), FOUND_SECONDS)

        # The same benchmark is slower in two projects: once in one, twice in the other.
        one = regression("parse", confirmed=True)
        exposition.text = one + regression("parse", confirmed=False, project="parser")
        until({("router", "parse", "critical"), ("parser", "parse", "warning")})
        channels.pagerduty.inbox.wait(pagerduty("trigger", "parse of router"), FOUND_SECONDS)
        channels.slack.inbox.wait(
            slack("[WARNING] parse of parser became 30% worse in ci on main"), FOUND_SECONDS
        )

        # A second slow run confirms the other, which is then critical and not a warning as well.
        exposition.text = one + regression("parse", confirmed=True, project="parser")
        until({("router", "parse", "critical"), ("parser", "parse", "critical")})
        channels.pagerduty.inbox.wait(pagerduty("trigger", "parse of parser"), FOUND_SECONDS)

        # Its good run ends its alert and no other.
        exposition.text = one
        until({("router", "parse", "critical")})
        channels.pagerduty.inbox.wait(pagerduty("resolve", "parse of parser"), FOUND_SECONDS)

        # The machine changes: what moved with it is muted, what was slower before is not, and
        # neither is what becomes slower in another suite.
        exposition.text = (
            regression("parse", confirmed=True, shifted=True)
            + regression("moved/1", confirmed=True, shifted=True)
            + regression("moved/2", confirmed=False, shifted=True)
            + regression("rendering", confirmed=True)
        )
        until({("router", "parse", "critical"), ("router", "rendering", "critical")})
        channels.pagerduty.inbox.wait(pagerduty("trigger", "rendering of router"), FOUND_SECONDS)

        inbox = channels.pagerduty.inbox.all()
        assert not [each for each in inbox if "moved/" in each["payload"]["summary"]]
        resolved = [each for each in inbox if each["event_action"] == "resolve"]
        assert not [each for each in resolved if "of router" in each["payload"]["summary"]]
        # Never two severities of one regression at a time.
        together = server.value(
            f"max(max_over_time(count by (project, benchmark_name) ({FIRING})[5m:1s]))"
        )
        assert together == 1
