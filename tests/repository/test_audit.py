"""The search for known vulnerabilities, against a server that answers as OSV does."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tools.audit import main, pins_of

REQUIREMENTS = """\
# made by hand
good==1.0 \\
    --hash=sha256:00
bad-one==2.0.post1 ; python_version < '3.13' \\
    --hash=sha256:11
"""


class _Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:  # the server's interface
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        results = [
            {"vulns": [{"id": "GHSA-1"}, {"id": "PYSEC-2"}]}
            if query["package"] == {"name": "bad-one", "ecosystem": "PyPI"}
            and query["version"] == "2.0.post1"
            else {}
            for query in asked["queries"]
        ]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"results": results}).encode())

    def log_message(self, *_: object) -> None:
        """Keeps quiet."""


@pytest.fixture
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"--service=http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text(REQUIREMENTS)
    return path


def test_what_is_locked_is_read() -> None:
    assert pins_of(REQUIREMENTS) == [("good", "1.0"), ("bad-one", "2.0.post1")]


def test_a_vulnerability_fails(
    requirements: Path, service: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(requirements), service]) == 1
    assert "bad-one 2.0.post1: GHSA-1, PYSEC-2\n1 of 2 locked" in capsys.readouterr().out


def test_none_passes(tmp_path: Path, service: str) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("good==1.0\n")
    assert main([str(path), service]) == 0


def test_without_an_answer_it_is_said_that_nothing_was_checked(
    requirements: Path, free_port: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    service = f"--service=http://127.0.0.1:{free_port()}"
    assert main([str(requirements), service]) == 0
    assert "not checked for known vulnerabilities" in capsys.readouterr().out
    assert main([str(requirements), service, "--required"]) == 2
