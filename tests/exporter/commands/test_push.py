"""`benchmark-exporter push`, as a process, against a running exporter and against servers that fail."""

import gzip
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from benchmark_exporter.commands.push import Exporter as Target
from benchmark_exporter.commands.push import of_machine, push
from tests.support.documents import changed, golden, perf_suite
from tests.support.monitored import THIS_MACHINE
from tests.support.process import COMMAND, DEADLINE_SECONDS, Exporter
from tests.support.uploading import PATH, TOKEN

RECEIPT = json.dumps({"id": "1", "format": "perf_suite", "run_id": "run-1"}).encode()
HOST = of_machine(msgspec.structs.asdict(THIS_MACHINE))
SIDE = {"machine": {"cpu_model": "AMD EPYC 7763", "cpu_count": 64}}
LATER = json.dumps({"reason": "unavailable", "detail": "the disk is full"}).encode()


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    (tmp_path / "upload_tokens").write_text(f"# tokens\nci {TOKEN}\n")
    running = Exporter(tmp_path, free_port(), f"--upload-tokens={tmp_path / 'upload_tokens'}")
    yield running
    assert running.stop() == 0, running.log.read_text()


@dataclass
class Scripted:
    """A server that gives its answers in order, the last of them for ever, and keeps what it was sent."""

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
                return  # closes the connection without a word
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        scripted = Scripted(server.server_port)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield scripted
        finally:
            server.shutdown()
            thread.join()


def run_push(
    port: int, *words: str | Path, token: str = TOKEN, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {
        "BENCHMARK_EXPORTER_URL": f"http://127.0.0.1:{port}",
        "BENCHMARK_EXPORTER_TOKEN": token,
        **variables,
    }
    return subprocess.run(
        [*COMMAND, "push", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(perf_suite("run-1")))
    return path


def waits_of(
    document: Path, *answers: tuple[int, dict[str, str], bytes], jitter: float = 1.0
) -> Sequence[float]:
    """The waits between tries where chance always gives the same share of what it may."""
    waits: list[float] = []
    with answering(*answers) as server:
        target = Target(f"http://127.0.0.1:{server.port}", TOKEN, timeout_seconds=1000.0)
        assert push(
            [document],
            target,
            {},
            sleep=waits.append,
            jitter=lambda least, most: least + (most - least) * jitter,
        )
    return waits


def test_files_are_pushed_and_known_the_second_time(exporter: Exporter, document: Path) -> None:
    words = (
        "--url",
        f"http://127.0.0.1:{exporter.port}/",
        "--token-file",
        str(exporter.folder / "upload_tokens"),
        str(document),
    )
    first, second = run_push(1, *words, token=""), run_push(1, *words, token="")
    assert (first.returncode, first.stderr, second.returncode) == (0, "", 0)
    assert re.fullmatch(
        rf"{document}: uploaded: perf_suite, run run-1, id [0-9a-f]{{64}}\n", first.stdout
    )
    assert second.stdout == first.stdout.replace("uploaded", "was there already")


def test_side_files_go_with_their_documents_and_options_before_them(
    exporter: Exporter, tmp_path: Path
) -> None:
    path, side = tmp_path / "b.json", tmp_path / "b.meta.json"
    path.write_text(json.dumps(golden("hyperfine_with_side_file/1-run")))
    side.write_text(
        json.dumps({"project": "router", "commit": "a1b2c3d", "branch": None, "run_id": "ci-17"})
    )
    pushed = run_push(exporter.port, path, side, "--commit=b1b2c3d", "--environment=ci")
    assert pushed.returncode == 0, pushed.stdout
    assert "hyperfine, run ci-17" in pushed.stdout
    assert f"{side}: goes with its document" in pushed.stdout
    series = 'environment="ci",project="router",run_id="ci-17",commit_hash="b1b2c3d"} 1'
    exporter.until(lambda: series in exporter.get("/metrics").decode())


@pytest.mark.parametrize(
    ("side", "words", "machine"),
    [
        (None, [], {}),
        (None, ["--machine-of-this-host"], HOST),
        (
            None,
            ["--machine-of-this-host", "--machine-profile=vm"],
            {**HOST, "machine_profile": "vm"},
        ),
        (
            {"commit": "a1b2c3d", "machine": None},
            ["--machine-of-this-host"],
            {**HOST, "commit": "a1b2c3d"},
        ),
        (SIDE, [], {"machine_cpu_model": "AMD EPYC 7763", "machine_cpu_count": "64"}),
        (
            SIDE,
            ["--machine-of-this-host"],
            {"machine_cpu_model": "AMD EPYC 7763", "machine_cpu_count": "64"},
        ),
        (
            SIDE,
            ["--machine-cpu-count=4"],
            {"machine_cpu_model": "AMD EPYC 7763", "machine_cpu_count": "4"},
        ),
    ],
)
def test_what_is_said_of_the_machine(
    document: Path, side: object, words: list[str], machine: dict[str, str]
) -> None:
    if side is not None:
        document.with_suffix(".meta.json").write_text(json.dumps(side))
    with answering((201, {}, RECEIPT)) as server:
        assert run_push(server.port, document, *words).returncode == 0
    ((path, _, _),) = server.requests
    assert dict(parse_qsl(urlsplit(path).query)) == machine


@pytest.mark.parametrize("machine", ["Linux", ["Linux"], {"cpu_count": [4]}])
def test_a_side_file_with_another_kind_of_machine_is_not_sent(
    document: Path, machine: object
) -> None:
    document.with_suffix(".meta.json").write_text(json.dumps({"machine": machine}))
    pushed = run_push(9, document)
    assert (pushed.returncode, pushed.stdout) == (
        1,
        f"{document}: in its side file {document.stem}.meta.json, machine is not an object of texts and a count\n",
    )


def test_a_refused_file_is_named_with_its_reason_and_the_others_go(
    exporter: Exporter, document: Path, tmp_path: Path
) -> None:
    bad, side = tmp_path / "bad.json", tmp_path / "side.json"
    bad.write_text(json.dumps(changed(perf_suite(), "metrics.compiled.p50_ms", -1)))
    side.write_text(json.dumps(perf_suite()))
    side.with_name("side.meta.json").write_text("{")
    pushed = run_push(exporter.port, tmp_path / "none.json", bad, side, document)
    assert pushed.returncode == 1
    none, refused, unread, uploaded = pushed.stdout.splitlines()
    assert none == f"{tmp_path / 'none.json'}: cannot be read: No such file or directory"
    assert refused.startswith(
        f"{bad}: refused: HTTP 400: invalid_value at $.metrics.compiled.p50_ms: "
    )
    assert unread.startswith(f"{side}: its side file side.meta.json cannot be read: ")
    assert uploaded.startswith(f"{document}: uploaded: ")


def test_a_wrong_token_ends_it_at_once(exporter: Exporter, document: Path) -> None:
    pushed = run_push(exporter.port, document, document, token="another-token-of-the-tests")
    assert (pushed.returncode, pushed.stdout) == (2, "")
    assert "HTTP 401: wrong_token" in pushed.stderr
    assert exporter.value('benchmark_exporter_uploads_total{code="401"}') == 1


def test_503_is_tried_again_with_the_same_request(document: Path) -> None:
    with answering(
        (503, {}, LATER), (503, {}, b"<html>\nfrom a proxy"), (201, {}, RECEIPT)
    ) as server:
        pushed = run_push(server.port, document, "--branch=main")
    assert (pushed.returncode, pushed.stdout) == (
        0,
        f"{document}: uploaded: perf_suite, run run-1, id 1\n",
    )
    first, second = pushed.stderr.splitlines()
    assert re.fullmatch(
        rf"{document}: HTTP 503: unavailable: the disk is full; again in \d\.\d s", first
    )
    assert re.fullmatch(rf"{document}: HTTP 503: <html>; again in \d\.\d s", second)
    assert len(server.requests) == 3
    assert len(set(server.requests)) == 1
    path, authorization, body = server.requests[0]
    assert (path, authorization) == (f"{PATH}?branch=main", f"Bearer {TOKEN}")
    assert gzip.decompress(body) == document.read_bytes()


def test_waits_grow_up_to_half_a_minute(document: Path) -> None:
    assert waits_of(document, *[(503, {}, LATER)] * 8, (201, {}, RECEIPT)) == [
        0.5,
        1,
        2,
        4,
        8,
        16,
        30,
        30,
    ]


def test_a_wait_is_any_time_up_to_that(document: Path) -> None:
    assert waits_of(
        document, (503, {}, LATER), (503, {}, LATER), (201, {}, RECEIPT), jitter=0.25
    ) == [0.125, 0.25]


def test_it_waits_as_long_as_it_is_asked_to(document: Path) -> None:
    assert waits_of(
        document,
        (429, {"Retry-After": "7"}, LATER),
        (503, {"Retry-After": "0"}, LATER),
        (200, {}, RECEIPT),
    ) == [7, 1]


def test_a_connection_that_breaks_is_tried_again(document: Path) -> None:
    assert len(waits_of(document, (0, {}, b""), (201, {}, RECEIPT))) == 1


def test_a_file_is_given_up_in_time(document: Path, free_port: Callable[[], int]) -> None:
    pushed = run_push(free_port(), document, "--timeout=1")
    assert pushed.returncode == 1
    assert re.search(r"not delivered within 1 s: no answer: .*refused", pushed.stdout)


@pytest.mark.parametrize("status", [400, 413, 415, 500])
def test_what_will_not_change_is_not_tried_again(document: Path, status: int) -> None:
    with answering((status, {}, LATER)) as server:
        pushed = run_push(server.port, document)
    assert (pushed.returncode, len(server.requests)) == (1, 1)
    assert pushed.stdout == f"{document}: refused: HTTP {status}: unavailable: the disk is full\n"


def test_a_redirect_is_not_followed_with_the_token(document: Path) -> None:
    with (
        answering((200, {}, RECEIPT)) as elsewhere,
        answering((307, {"Location": f"http://127.0.0.1:{elsewhere.port}"}, b"")) as server,
    ):
        pushed = run_push(server.port, document)
    assert pushed.returncode == 1
    assert (
        pushed.stdout
        == f"{document}: refused: HTTP 307: moved to http://127.0.0.1:{elsewhere.port}; give that address\n"
    )
    assert elsewhere.requests == []


def test_an_address_of_something_else_is_said(document: Path) -> None:
    with answering((200, {}, b"<html>")) as server:
        pushed = run_push(server.port, document)
    assert pushed.returncode == 2
    assert "is the address right?" in pushed.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--url=monitoring:8000"], "is no address like http://"),
        (["--url=file:///etc/passwd"], "is no address like http://"),
        (["--timeout=0"], "above 0"),
        (["--token-file=/nowhere"], "/nowhere: cannot be read"),
        (["--token-file=/dev/null"], "/dev/null: there is no token in it"),
        ([], "there is no token to send"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_is_sent(
    document: Path, words: list[str], says: str
) -> None:
    pushed = run_push(9, *words, document, token="")
    assert (pushed.returncode, pushed.stdout) == (2, "")
    assert says in pushed.stderr
