"""Uploads to a running exporter: who may send them, and how often."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark_exporter.server.rate_limit import MAX_NAMES, TokenBuckets
from tests.support.documents import perf_suite
from tests.support.process import Exporter
from tests.support.upload_server import kept, refused
from tests.support.uploading import TOKEN, upload


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


def test_a_revoked_token_is_refused(exporter: Exporter) -> None:
    assert upload(exporter, perf_suite()).status == 201
    (exporter.folder / "upload_tokens").write_text("ci the-token-that-replaces-it\n")
    assert refused(upload(exporter, perf_suite())) == (401, "wrong_token")


def test_an_invalid_token_line_is_logged_without_the_secret(exporter: Exporter) -> None:
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
def test_without_a_valid_token_the_answer_says_what_is_required(
    exporter: Exporter, authorization: dict[str, str], reason: str
) -> None:
    answer = upload(exporter, perf_suite(), token=None, **authorization)
    assert refused(answer) == (401, reason)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert kept(exporter) == []


def test_too_many_uploads_are_refused_with_the_time_to_wait(
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


def test_a_bucket_refills_with_time_up_to_its_burst() -> None:
    buckets = TokenBuckets(rate_per_second=2.0, burst=2)
    assert [buckets.take("ci", 0.0) for _ in range(3)] == [0.0, 0.0, 0.5]
    assert buckets.take("ci", 0.25) == 0.25
    assert buckets.take("ci", 0.5) == 0.0
    assert [buckets.take("ci", 100.0) for _ in range(3)] == [0.0, 0.0, 0.5]


def test_names_that_may_do_all_again_are_not_remembered() -> None:
    buckets = TokenBuckets(rate_per_second=1.0, burst=2)
    for number in range(10 * MAX_NAMES):
        assert buckets.take(f"name-{number}", float(number)) == 0
    assert len(buckets._levels) <= MAX_NAMES
    now = 20.0 * MAX_NAMES
    assert [buckets.take("busy", now) for _ in range(3)] == [0, 0, 1]
    for number in range(MAX_NAMES):
        buckets.take(f"other-{number}", now)
    assert buckets.take("busy", now) == 1
