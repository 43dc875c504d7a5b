"""`benchmark-exporter push`, as a process, to a running exporter and to servers that fail."""

import gzip
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from benchmark_exporter.commands.push import machine_parameters
from tests.exporter.commands.upload_server import LATER, RECEIPT, answering
from tests.support.documents import changed, golden, perf_suite
from tests.support.monitored import THIS_MACHINE
from tests.support.process import COMMAND, DEADLINE_SECONDS, Exporter
from tests.support.uploading import PATH, TOKEN

HOST = machine_parameters(msgspec.structs.asdict(THIS_MACHINE))
SIDE = {"machine": {"cpu_model": "AMD EPYC 7763", "cpu_count": 64}}


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    (tmp_path / "upload_tokens").write_text(f"# tokens\nci {TOKEN}\n")
    running = Exporter(tmp_path, free_port(), f"--upload-tokens={tmp_path / 'upload_tokens'}")
    yield running
    assert running.stop() == 0, running.log.read_text()


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


def test_files_are_pushed_once_and_recognised_the_second_time(
    exporter: Exporter, document: Path
) -> None:
    words = (
        "--url",
        f"http://127.0.0.1:{exporter.port}/",
        "--token-file",
        str(exporter.folder / "upload_tokens"),
        str(document),
    )
    first, second = run_push(1, *words, token=""), run_push(1, *words, token="")
    sending = f"benchmark-exporter: sending to http://127.0.0.1:{exporter.port}/\n"
    assert (first.returncode, first.stderr, second.returncode) == (0, sending, 0)
    assert re.fullmatch(
        rf"{document}: uploaded: perf_suite, run run-1, id [0-9a-f]{{64}}\n", first.stdout
    )
    assert second.stdout == first.stdout.replace("uploaded", "was there already")


def test_sidecars_go_with_their_documents_and_options_win(
    exporter: Exporter, tmp_path: Path
) -> None:
    path, side = tmp_path / "b.json", tmp_path / "b.meta.json"
    path.write_text(json.dumps(golden("hyperfine_with_sidecar/1-run")))
    side.write_text(
        json.dumps({"project": "router", "commit": "a1b2c3d", "branch": None, "run_id": "ci-17"})
    )
    base = tmp_path / "a.json"
    base.write_text(json.dumps(perf_suite("base", project="router")))
    assert run_push(exporter.port, base, "--branch=release/2").returncode == 0
    exporter.until(lambda: runs_of(exporter))
    pushed = run_push(
        exporter.port,
        *(path, side, "--commit=b1b2c3d", "--environment=ci"),
        *("--branch=fast", "--base-branch=release/2"),
    )
    assert pushed.returncode == 0, pushed.stdout
    assert "hyperfine, run ci-17" in pushed.stdout
    assert f"{side}: goes with its document" in pushed.stdout
    exporter.until(lambda: {run["branch"] for run in runs_of(exporter)} == {"release/2", "fast"})
    keys = ("project", "environment", "run_id", "commit_hash", "branch", "base_branch")
    runs = {tuple(run[key] for key in keys) for run in runs_of(exporter)}
    assert ("router", "ci", "ci-17", "b1b2c3d", "fast", "release/2") in runs


def runs_of(exporter: Exporter) -> list[dict[str, Any]]:
    """The newest runs, as the status has them."""
    runs: list[dict[str, Any]] = json.loads(exporter.get("/api/v1/status"))["runs"]
    return runs


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
def test_what_is_stated_of_the_machine(
    document: Path, side: object, words: list[str], machine: dict[str, str]
) -> None:
    if side is not None:
        document.with_suffix(".meta.json").write_text(json.dumps(side))
    with answering((201, {}, RECEIPT)) as server:
        assert run_push(server.port, document, *words).returncode == 0
    ((path, _, _),) = server.requests
    assert dict(parse_qsl(urlsplit(path).query)) == machine


@pytest.mark.parametrize("machine", ["Linux", ["Linux"], {"cpu_count": [4]}])
def test_a_sidecar_with_a_wrong_machine_is_not_sent(document: Path, machine: object) -> None:
    document.with_suffix(".meta.json").write_text(json.dumps({"machine": machine}))
    pushed = run_push(9, document)
    assert (pushed.returncode, pushed.stdout) == (
        1,
        (
            f"{document}: in its sidecar {document.stem}.meta.json, "
            "machine must be an object of strings and a count\n"
        ),
    )


def test_a_refused_file_is_named_with_its_reason_and_the_others_are_sent(
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
    assert unread.startswith(f"{side}: its sidecar side.meta.json cannot be read: ")
    assert uploaded.startswith(f"{document}: uploaded: ")


def test_a_wrong_token_ends_the_command_at_once(exporter: Exporter, document: Path) -> None:
    pushed = run_push(exporter.port, document, document, token="another-token-of-the-tests")
    assert (pushed.returncode, pushed.stdout) == (2, "")
    assert "HTTP 401: wrong_token" in pushed.stderr
    assert exporter.value('benchmark_exporter_uploads_total{code="401"}') == 1


def test_503_is_retried_with_the_same_request(document: Path) -> None:
    with answering(
        (503, {}, LATER), (503, {}, b"<html>\nfrom a proxy"), (201, {}, RECEIPT)
    ) as server:
        pushed = run_push(server.port, document, "--branch=main")
    assert (pushed.returncode, pushed.stdout) == (
        0,
        f"{document}: uploaded: perf_suite, run run-1, id 1\n",
    )
    _, first, second = pushed.stderr.splitlines()
    assert re.fullmatch(
        rf"{document}: HTTP 503: unavailable: the disk is full; retrying in \d\.\d s", first
    )
    assert re.fullmatch(rf"{document}: HTTP 503: <html>; retrying in \d\.\d s", second)
    assert len(server.requests) == 3
    assert len(set(server.requests)) == 1
    path, authorization, body = server.requests[0]
    assert (path, authorization) == (f"{PATH}?branch=main", f"Bearer {TOKEN}")
    assert gzip.decompress(body) == document.read_bytes()


def test_a_file_is_given_up_in_time(document: Path, free_port: Callable[[], int]) -> None:
    pushed = run_push(free_port(), document, "--timeout=1")
    assert pushed.returncode == 1
    assert re.search(r"not delivered within 1 s: no answer: .*refused", pushed.stdout)


@pytest.mark.parametrize("status", [400, 413, 415, 500])
def test_a_lasting_refusal_is_not_retried(document: Path, status: int) -> None:
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
        == f"{document}: refused: HTTP 307: moved to http://127.0.0.1:{elsewhere.port}; "
        "give that address\n"
    )
    assert elsewhere.requests == []


def test_a_server_that_is_not_an_exporter_is_reported(document: Path) -> None:
    with answering((200, {}, b"<html>")) as server:
        pushed = run_push(server.port, document)
    assert pushed.returncode == 2
    assert "is the address right?" in pushed.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--url=monitoring:8000"], "is not an address like http://"),
        (["--url=file:///etc/passwd"], "is not an address like http://"),
        (["--timeout=0"], "above 0"),
        (["--token-file=/nowhere"], "/nowhere: cannot be read"),
        (["--token-file=/dev/null"], "/dev/null: has no token"),
        ([], "no token to send"),
    ],
)
def test_a_wrong_use_is_reported_before_anything_is_sent(
    document: Path, words: list[str], reason: str
) -> None:
    pushed = run_push(9, *words, document, token="")
    assert (pushed.returncode, pushed.stdout) == (2, "")
    assert reason in pushed.stderr
