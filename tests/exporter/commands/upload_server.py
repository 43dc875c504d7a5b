"""An upload server with scripted answers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

RECEIPT = json.dumps({"id": "1", "format": "perf_suite", "run_id": "run-1"}).encode()
LATER = json.dumps({"reason": "unavailable", "detail": "the disk is full"}).encode()


@dataclass
class Scripted:
    """A server that gives its answers in order, the last one for ever, and keeps its requests."""

    port: int
    requests: list[tuple[str, str, bytes]] = field(default_factory=list)


@contextmanager
def answering(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[Scripted]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            scripted.requests.append((self.path, self.headers["Authorization"], body))
            status, headers, text = answers[min(len(scripted.requests), len(answers)) - 1]
            if not status:
                return  # closes the connection without an answer
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        scripted = Scripted(server.server_port)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield scripted
        finally:
            server.shutdown()
            thread.join()
