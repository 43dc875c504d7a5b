"""`POST /api/v1/results` of a running exporter: each answer, and what an upload becomes."""

import gzip
import json
import re
import select
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from benchmark_exporter.config import Config
from benchmark_exporter.server.upload import MAX_HELD_BYTES, TokenBuckets
from tests.support.documents import changed, golden, perf_suite
from tests.support.process import DEADLINE_SECONDS, Exporter
from tests.support.uploading import PATH, TOKEN, Answer, upload

MAX_BYTES = 100_000
CONFIG = f"counter_hold_seconds: 0\nmax_file_bytes: {MAX_BYTES}\nupload_burst: 1000\n"
HYPERFINE = golden("hyperfine_with_side_file/1-run")  # which states neither commit nor time


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    """An exporter that takes uploads."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "upload_tokens").write_text(f"ci {TOKEN}\n")
    running = Exporter(
        tmp_path,
        free_port(),
        f"--config={tmp_path / 'config.yaml'}",
        f"--upload-tokens={tmp_path / 'upload_tokens'}",
    )
    yield running
    assert running.stop() == 0, running.log.read_text()


def refused(answer: Answer) -> tuple[int, str]:
    assert answer.json.keys() <= {"reason", "detail", "place"}, answer
    return answer.status, answer.json["reason"]


def kept(exporter: Exporter) -> list[str]:
    folder = exporter.folder / "uploads"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def ingested(exporter: Exporter, format_name: str = "perf_suite") -> float | None:
    return exporter.value(f'benchmark_exporter_files_ingested_total{{format="{format_name}"}}')


def answered(exporter: Exporter, code: int) -> float | None:
    return exporter.value(f'benchmark_exporter_uploads_total{{code="{code}"}}')


# Accepted


def test_an_upload_is_on_the_metrics_page_soon(exporter: Exporter) -> None:
    answer = upload(exporter, perf_suite("run-1"))
    assert (answer.status, answer.json["format"], answer.json["run_id"]) == (
        201,
        "perf_suite",
        "run-1",
    )
    assert kept(exporter) == [f"{answer.json['id']}.json"]
    exporter.until(lambda: ingested(exporter) == 1)
    assert f"file=.uploads/{answer.json['id']}.json" in exporter.log.read_text()
    exporter.until(lambda: answered(exporter, 201) == 1)


def test_what_is_said_of_it_counts_as_a_side_file_would(exporter: Exporter) -> None:
    query = "?project=router&environment=ci&commit=a1b2c3d&branch=main&timestamp=2026-03-01T12:00:00Z&run_id=ci-17"
    answer = upload(exporter, HYPERFINE, query)
    assert (answer.status, answer.json["run_id"]) == (201, "ci-17")
    exporter.until(lambda: ingested(exporter, "hyperfine") == 1)
    info = re.findall(
        r"^benchmark_run_info\{.*\} 1$", exporter.get("/metrics").decode(), re.MULTILINE
    )
    assert info
    assert all(
        'environment="ci",project="router",run_id="ci-17",commit_hash="a1b2c3d"' in line
        for line in info
    )


def test_a_machine_is_said_by_parameters_too(exporter: Exporter) -> None:
    query = "?machine_os=Linux&machine_architecture=amd64&machine_cpu_model=AMD+EPYC+7763&machine_cpu_count=4&machine_profile=vm"
    answer = upload(exporter, HYPERFINE, query)
    assert answer.status == 201
    assert upload(exporter, HYPERFINE, query.replace("=4", "=04")).json["id"] == answer.json["id"]
    exporter.until(lambda: ingested(exporter, "hyperfine") == 1)
    with closing(sqlite3.connect(exporter.folder / "ledger.sqlite3")) as ledger:
        assert ledger.execute("SELECT machine FROM runs").fetchall() == [
            ("linux x86_64 amd epyc 7763 4 cpus vm",)
        ]


def test_gzip_and_plain_are_the_same_document(exporter: Exporter) -> None:
    document = json.dumps(perf_suite()).encode()
    first = upload(exporter, gzip.compress(document), Content_Encoding="gzip")
    second = upload(exporter, document)
    assert (first.status, second.status) == (201, 200)
    assert first.json == second.json


def test_the_same_again_is_answered_by_the_first_ones_id_and_run(exporter: Exporter) -> None:
    # Its run id is of the second it came in: that of the first has to stay.
    first = upload(exporter, HYPERFINE, "?commit=a1b2c3d")
    time.sleep(1.1)
    second = upload(exporter, HYPERFINE, "?branch=&commit=a1b2c3d")
    assert (first.status, second.status) == (201, 200)
    assert first.json == second.json
    exporter.until(lambda: ingested(exporter, "hyperfine") == 1)
    run_id = re.search(r'benchmark_run_info\{.*run_id="([^"]*)"', exporter.get("/metrics").decode())
    assert run_id
    assert run_id[1] == first.json["run_id"]


def test_the_same_moment_in_other_words_is_the_same(exporter: Exporter) -> None:
    answers = [
        upload(exporter, HYPERFINE, f"?timestamp=2026-03-01T{moment}")
        for moment in ("12:00:00Z", "21:00:00%2B09:00")
    ]
    assert [answer.status for answer in answers] == [201, 200]


def test_other_words_of_the_same_document_are_another_upload(exporter: Exporter) -> None:
    answers = [
        upload(exporter, HYPERFINE, f"?commit={commit}") for commit in ("a1b2c3d", "b1b2c3d")
    ]
    assert [answer.status for answer in answers] == [201, 201]
    exporter.until(lambda: ingested(exporter, "hyperfine") == 2)


def test_the_same_in_the_results_folder_is_a_duplicate(exporter: Exporter) -> None:
    assert upload(exporter, perf_suite()).status == 201
    exporter.until(lambda: ingested(exporter) == 1)
    (exporter.results / "a.json").write_text(json.dumps(perf_suite()))
    exporter.until(lambda: exporter.value("benchmark_exporter_files_duplicate_total") == 1)
    assert ingested(exporter) == 1
    assert exporter.value("benchmark_exporter_run_conflicts_total") == 0


def test_a_results_folder_called_uploads_is_another(exporter: Exporter) -> None:
    answer = upload(exporter, perf_suite("run-1"))
    (exporter.results / "uploads").mkdir()
    (exporter.results / "uploads" / f"{answer.json['id']}.json").write_text(
        json.dumps(perf_suite("run-2"))
    )
    exporter.until(lambda: ingested(exporter) == 2)


def test_50_at_once_count_once_each(exporter: Exporter) -> None:
    documents = [perf_suite(f"run-{number // 2}") for number in range(50)]
    with ThreadPoolExecutor(50) as clients:
        statuses = [
            answer.status
            for answer in clients.map(lambda document: upload(exporter, document), documents)
        ]
    assert sorted(statuses) == [200] * 25 + [201] * 25
    exporter.until(lambda: ingested(exporter) == 25)
    assert exporter.value("benchmark_exporter_files_duplicate_total") == 0


# Refused


def test_uploads_are_off_until_there_is_a_token(exporter: Exporter) -> None:
    tokens = exporter.folder / "upload_tokens"
    tokens.unlink()
    off = upload(exporter, perf_suite())
    assert refused(off) == (403, "uploads_off")
    assert str(tokens) in off.json["detail"]
    tokens.write_text("# none yet\n")
    assert refused(upload(exporter, perf_suite())) == (403, "uploads_off")
    tokens.write_text("# one\n\nanother-token-of-the-tests\n")
    assert refused(upload(exporter, perf_suite())) == (401, "wrong_token")
    assert upload(exporter, perf_suite(), token="another-token-of-the-tests").status == 201


def test_without_the_option_uploads_are_off(tmp_path: Path, free_port: Callable[[], int]) -> None:
    running = Exporter(tmp_path, free_port())
    off = upload(running, perf_suite())
    assert running.stop() == 0
    assert refused(off) == (403, "uploads_off")
    assert "--upload-tokens" in off.json["detail"]


def test_a_token_that_was_taken_back_is_refused(exporter: Exporter) -> None:
    assert upload(exporter, perf_suite()).status == 201
    (exporter.folder / "upload_tokens").write_text("ci the-token-that-replaces-it\n")
    assert refused(upload(exporter, perf_suite())) == (401, "wrong_token")


def test_a_line_that_is_no_token_is_said_without_it(exporter: Exporter) -> None:
    (exporter.folder / "upload_tokens").write_text(f"ci {TOKEN}\nhunter2\n")
    assert refused(upload(exporter, perf_suite(), token="hunter2")) == (401, "wrong_token")
    assert upload(exporter, perf_suite()).status == 201
    log = exporter.log.read_text()
    assert log.count("line 2: a token has at least 16 characters") == 1
    assert "hunter2" not in log
    assert TOKEN not in log


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        ({}, "no_token"),
        ({"Authorization": f"Basic {TOKEN}"}, "no_token"),
        ({"Authorization": "Bearer wrong"}, "wrong_token"),
    ],
)
def test_who_has_no_token_is_told_what_is_asked_for(
    exporter: Exporter, authorization: dict[str, str], reason: str
) -> None:
    answer = upload(exporter, perf_suite(), token=None, **authorization)
    assert refused(answer) == (401, reason)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert kept(exporter) == []


def test_a_bad_document_is_refused_with_place_and_reason(exporter: Exporter) -> None:
    answer = upload(exporter, changed(perf_suite(), "metrics.compiled.p50_ms", -1))
    assert refused(answer) == (400, "invalid_value")
    assert answer.json["place"] == "$.metrics.compiled.p50_ms"
    assert kept(exporter) == []
    assert exporter.value("benchmark_exporter_files_pending") == 0
    assert answered(exporter, 400) == 1


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("?comit=a1b2c3d", "comit is no parameter; there are project, environment"),
        ("?commit=a1b2c3d&commit=b1b2c3d", "commit is given more than once"),
        ("?timestamp=yesterday", "timestamp: "),
        ("?timestamp=1931-03-01T12:00:00Z", "timestamp: "),
        ("?better=faster", "better: "),
        ("?machine=linux", "machine is no parameter; there are project, "),
        ("?machine_cpu_count=two", "machine_cpu_count: Expected `int"),
        ("?machine_cpu_count=-2", "machine_cpu_count: Expected `int"),
        (f"?machine_cpu_count={'9' * 5000}", "machine_cpu_count: Expected `int"),
        (f"?machine_cpu_model={'x' * 1025}", "machine_cpu_model: Expected `str` of length <= 1024"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(exporter: Exporter, query: str, says: str) -> None:
    answer = upload(exporter, perf_suite(), query)
    assert refused(answer) == (400, "invalid_parameter")
    assert answer.json["detail"].startswith(says)
    assert kept(exporter) == []


@pytest.mark.parametrize(
    "body",
    [b"{}", gzip.compress(b"{}" * 999)[:-9], gzip.compress(b"{}")[:-8] + bytes(8), b""],
    ids=[
        "plain",
        "cut",
        "wrong_checksum",
        "empty",
    ],  # gzip writes the time, and a test's name must not change with it
)
def test_what_is_no_gzip_is_refused(exporter: Exporter, body: bytes) -> None:
    assert refused(upload(exporter, body, Content_Encoding="gzip")) == (
        400,
        "malformed_gzip" if body else "truncated",
    )


def test_a_document_as_large_as_may_be_is_taken_and_a_larger_one_is_not(exporter: Exporter) -> None:
    document = json.dumps(perf_suite()).encode()
    assert refused(upload(exporter, document.ljust(MAX_BYTES + 1))) == (413, "too_large")
    assert refused(
        upload(exporter, gzip.compress(document.ljust(MAX_BYTES + 1)), Content_Encoding="gzip")
    ) == (413, "too_large")
    assert (
        upload(exporter, gzip.compress(document.ljust(MAX_BYTES)), Content_Encoding="gzip").status
        == 201
    )


def test_a_gzip_bomb_is_not_unpacked(exporter: Exporter) -> None:
    layer = gzip.compress(bytes(50_000_000))
    assert len(layer) < MAX_BYTES
    before = exporter.value("process_resident_memory_bytes")
    assert refused(upload(exporter, layer, Content_Encoding="gzip")) == (413, "too_large")
    time.sleep(1.1)  # the age to which a look at memory is shared
    after = exporter.value("process_resident_memory_bytes")
    assert before
    assert after
    assert after - before < 20_000_000


def test_a_body_that_grows_too_large_is_not_received(exporter: Exporter) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"2710\r\n" + b" " * 10_000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", exporter.port)) as connection:
        connection.sendall(head.encode() + chunk * 11)
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_another_encoding_is_refused_with_the_one_that_is_not(exporter: Exporter) -> None:
    answer = upload(exporter, b"", Content_Encoding="br")
    assert refused(answer) == (415, "unsupported_encoding")
    assert answer.headers["Accept-Encoding"] == "gzip"


def test_half_an_upload_leaves_nothing_behind(exporter: Exporter) -> None:
    document = json.dumps(perf_suite()).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {len(document)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", exporter.port)) as connection:
        connection.sendall(head.encode() + document[:100])
        # One that is slow holds up nobody else.
        assert upload(exporter, perf_suite("another")).status == 201
        exporter.until(lambda: ingested(exporter) == 1)
    exporter.until(lambda: "an upload was refused: incomplete" in exporter.log.read_text())
    assert len(kept(exporter)) == 1
    assert "Traceback" not in exporter.log.read_text()


def test_a_body_that_does_not_come_is_not_waited_for(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    (tmp_path / "config.yaml").write_text("upload_timeout_seconds: 0.2\n")
    (tmp_path / "upload_tokens").write_text(TOKEN)
    running = Exporter(
        tmp_path,
        free_port(),
        f"--config={tmp_path / 'config.yaml'}",
        f"--upload-tokens={tmp_path / 'upload_tokens'}",
    )
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 100\r\n\r\n"
    with socket.create_connection(
        ("127.0.0.1", running.port), timeout=DEADLINE_SECONDS
    ) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")
    assert running.stop() == 0


def test_bodies_that_come_slowly_take_no_more_memory_than_there_is_for_them(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    (tmp_path / "upload_tokens").write_text(TOKEN)
    running = Exporter(tmp_path, free_port(), f"--upload-tokens={tmp_path / 'upload_tokens'}")
    size = Config().max_file_bytes
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {size}\r\n\r\n"
    with ExitStack() as stack:
        slow = [
            stack.enter_context(
                socket.create_connection(("127.0.0.1", running.port), timeout=DEADLINE_SECONDS)
            )
            for _ in range(MAX_HELD_BYTES // size + 1)
        ]
        for connection in slow:
            connection.sendall(head.encode() + b" " * (size - 1))
        answered = select.select(slow, [], [], DEADLINE_SECONDS)[0]
        assert [connection.recv(100)[:13] for connection in answered] == [b"HTTP/1.1 503 "]
    running.until(lambda: upload(running, perf_suite()).status == 201)
    assert running.stop() == 0


def test_while_the_ledger_fails_uploads_are_put_off(exporter: Exporter) -> None:
    with closing(
        sqlite3.connect(exporter.folder / "ledger.sqlite3", isolation_level=None)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        (exporter.results / "a.json").write_text(json.dumps(perf_suite()))
        exporter.until(lambda: "ingesting failed" in exporter.log.read_text())
        answer = upload(exporter, perf_suite("run-2"))
        other.execute("ROLLBACK")
    assert refused(answer) == (503, "unavailable")
    assert "database is locked" in answer.json["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    exporter.until(lambda: upload(exporter, perf_suite("run-2")).status in (200, 201))
    exporter.until(lambda: ingested(exporter) == 2)


def test_what_a_format_failed_to_foresee_is_the_exporters_mistake(
    tmp_path: Path, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "packages"
    (packages / "clumsy-1.dist-info").mkdir(parents=True)
    (packages / "clumsy-1.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: clumsy\nVersion: 1\n"
    )
    (packages / "clumsy-1.dist-info" / "entry_points.txt").write_text(
        "[benchmark_exporter.formats]\nclumsy = clumsy\n"
    )
    (packages / "clumsy.py").write_text(
        "NAME = 'clumsy'\nmatches = lambda document: 'clumsy' in document\nparse = lambda *_: 1 / 0\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(packages))
    (tmp_path / "upload_tokens").write_text(TOKEN)
    running = Exporter(tmp_path, free_port(), f"--upload-tokens={tmp_path / 'upload_tokens'}")
    answer = upload(running, {"clumsy": True})
    assert running.stop() == 0
    assert refused(answer) == (500, "internal_error")
    assert "clumsy.py" in running.log.read_text()
    assert kept(running) == []


def test_too_many_at_once_are_told_when_to_come_again(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    (tmp_path / "config.yaml").write_text("upload_burst: 2\nupload_rate_per_second: 0.01\n")
    (tmp_path / "upload_tokens").write_text(f"ci {TOKEN}\nother another-token-of-the-tests\n")
    running = Exporter(
        tmp_path,
        free_port(),
        f"--config={tmp_path / 'config.yaml'}",
        f"--upload-tokens={tmp_path / 'upload_tokens'}",
    )
    answers = [upload(running, perf_suite()) for _ in range(3)]
    other = upload(running, perf_suite(), token="another-token-of-the-tests")
    assert running.stop() == 0
    assert [answer.status for answer in answers] == [201, 200, 429]
    assert 90 <= int(answers[2].headers["Retry-After"]) <= 100
    assert other.status == 200


def test_a_bucket_fills_with_time_and_not_beyond_its_burst() -> None:
    buckets = TokenBuckets(rate_per_second=2.0, burst=2)
    assert [buckets.take("ci", 0.0) for _ in range(3)] == [0.0, 0.0, 0.5]
    assert buckets.take("ci", 0.25) == 0.25
    assert buckets.take("ci", 0.5) == 0.0
    assert [buckets.take("ci", 100.0) for _ in range(3)] == [0.0, 0.0, 0.5]


def test_uploads_are_there_for_a_new_ledger(exporter: Exporter) -> None:
    upload(exporter, perf_suite())
    exporter.until(lambda: ingested(exporter) == 1)
    assert exporter.stop() == 0
    (exporter.folder / "ledger.sqlite3").write_bytes(b"damaged" * 1000)
    exporter.start()
    assert "the ledger is damaged" in exporter.log.read_text()
    assert ingested(exporter) == 1


def test_what_a_killed_process_left_unfinished_is_removed_at_the_start(exporter: Exporter) -> None:
    good = upload(exporter, HYPERFINE, "?commit=a1b2c3d").json["id"]
    exporter.until(lambda: ingested(exporter, "hyperfine") == 1)
    assert exporter.stop() == 0
    for name in (".0.json.part", "1.meta.json"):
        (exporter.folder / "uploads" / name).write_text("{}")
    exporter.start()
    assert kept(exporter) == [f"{good}.json", f"{good}.meta.json"]
