"""`POST /api/v1/github` of a running exporter: which deliveries of GitHub's webhook count."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmark_exporter.server.github import MAX_DELIVERY_BYTES
from tests.support.delivering import SECRET, completed, deliver, signature
from tests.support.process import DEADLINE_SECONDS, Exporter
from tests.support.uploading import Answer

SERIES = '{pipeline="octo/router/CI",branch="main",trigger="push"}'
PASSED, FAILED = (
    f'ci_pipeline_runs_total{{pipeline="octo/router/CI",status="{status}"}}'
    for status in ("pass", "fail")
)


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    """An exporter that accepts deliveries."""
    (tmp_path / "config.yaml").write_text("counter_hold_seconds: 0\n")
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    running = Exporter(
        tmp_path,
        free_port(),
        f"--config={tmp_path / 'config.yaml'}",
        f"--github-webhook-secret={tmp_path / 'secret'}",
    )
    yield running
    assert running.stop() == 0, running.log.read_text()


def kept(exporter: Exporter) -> int:
    folder = exporter.folder / "uploads"
    return len(list(folder.iterdir())) if folder.exists() else 0


# Counted


def test_a_finished_run_is_on_the_metrics_page(exporter: Exporter) -> None:
    answer = deliver(exporter.port, completed(conclusion="failure"))
    assert (answer.status, answer.json["format"], answer.json["run_id"]) == (
        201,
        "pipeline",
        "123.1",
    )
    assert kept(exporter) == 1
    exporter.until(lambda: exporter.value(f"ci_pipeline_status{SERIES}") == 0)
    assert exporter.value(f"ci_pipeline_duration_seconds{SERIES}") == 330
    assert exporter.value(FAILED) == 1
    exporter.until(lambda: exporter.value('benchmark_exporter_uploads_total{code="201"}') == 1)


@pytest.mark.parametrize("conclusion", ["timed_out", "startup_failure"])
def test_a_run_that_could_not_pass_counts_as_failed(exporter: Exporter, conclusion: str) -> None:
    assert deliver(exporter.port, completed(conclusion=conclusion)).status == 201
    exporter.until(lambda: exporter.value(FAILED) == 1)


def test_a_run_counts_once_however_often_and_differently_it_is_delivered(
    exporter: Exporter,
) -> None:
    deliveries = [completed(minute=5 + number % 3) for number in range(20)]
    with ThreadPoolExecutor(20) as clients:
        answers = list(clients.map(lambda delivery: deliver(exporter.port, delivery), deliveries))
    assert sorted(answer.status for answer in answers) == [200] * 19 + [201]
    assert len({answer.json["id"] for answer in answers}) == 1
    exporter.until(lambda: exporter.value(PASSED) == 1)
    assert exporter.stop() == 0
    exporter.start()
    assert deliver(exporter.port, completed()).status == 200
    assert deliver(exporter.port, completed(attempt=2, minute=20)).status == 201
    exporter.until(lambda: exporter.value(PASSED) == 2)
    assert exporter.value('benchmark_exporter_files_ingested_total{format="pipeline"}') == 2


def test_a_late_delivery_is_counted_and_does_not_hide_a_newer_run(
    exporter: Exporter,
) -> None:
    deliver(exporter.port, completed(124, conclusion="success", minute=20))
    exporter.until(lambda: exporter.value(PASSED) == 1)
    deliver(exporter.port, completed(123, conclusion="failure", minute=5))
    exporter.until(lambda: exporter.value(FAILED) == 1)
    assert exporter.value(f"ci_pipeline_status{SERIES}") == 1
    assert exporter.value(f"ci_pipeline_duration_seconds{SERIES}") == 1230


def test_the_failure_ratio_is_by_runs(exporter: Exporter) -> None:
    for number in range(5):
        deliver(
            exporter.port,
            completed(number, conclusion="failure" if number < 2 else "success", minute=number),
        )
    exporter.until(
        lambda: exporter.value('ci_pipeline_failure_ratio{pipeline="octo/router/CI"}') == 0.4
    )


def test_fields_that_github_may_leave_out_are_optional(exporter: Exporter) -> None:
    delivery = completed(head_branch=None, run_started_at=None)
    del delivery["workflow"], delivery["workflow_run"]["run_attempt"]
    assert deliver(exporter.port, delivery).json["run_id"] == "123.1"
    series = '{pipeline="octo/router/CI",branch="(none)",trigger="push"}'
    exporter.until(lambda: exporter.value(f"ci_pipeline_status{series}") == 1)
    assert exporter.value(f"ci_pipeline_duration_seconds{series}") is None


# Not counted


@pytest.mark.parametrize(
    "conclusion", ["cancelled", "skipped", "neutral", "stale", "action_required"]
)
def test_a_run_that_neither_passed_nor_failed_is_not_counted(
    exporter: Exporter, conclusion: str
) -> None:
    answer = deliver(exporter.port, completed(conclusion=conclusion))
    assert (answer.status, answer.json) == (
        202,
        {"ignored": f"the conclusion {conclusion}, neither pass nor fail"},
    )
    assert kept(exporter) == 0


def test_other_deliveries_are_answered_and_not_counted(exporter: Exporter) -> None:
    ping = deliver(exporter.port, {"zen": "made up", "hook_id": 1}, "ping")
    assert (ping.status, ping.json) == (
        202,
        {"ignored": "a ping: the address and the secret are correct"},
    )
    begun = deliver(exporter.port, completed(conclusion=None) | {"action": "in_progress"})
    assert (begun.status, begun.json) == (
        202,
        {"ignored": "the action in_progress; only completed is counted"},
    )
    pushed = deliver(exporter.port, {"ref": "refs/heads/main"}, "push")
    assert (pushed.status, pushed.json) == (
        202,
        {"ignored": "the event push; only workflow_run is counted"},
    )
    assert kept(exporter) == 0


# Refused


def refused(answer: Answer) -> tuple[int, str]:
    assert answer.json.keys() <= {"reason", "detail", "json_path"}, answer
    return answer.status, answer.json["reason"]


def test_deliveries_are_off_until_there_is_a_secret_and_a_new_one_works_at_once(
    exporter: Exporter,
) -> None:
    secret = exporter.folder / "secret"
    secret.unlink()
    off = deliver(exporter.port, completed())
    assert refused(off) == (403, "github_off")
    assert str(secret) in off.json["detail"]
    secret.write_text("router another-secret-of-the-tests\n")
    assert refused(deliver(exporter.port, completed())) == (401, "wrong_signature")
    secret.write_text(f"router another-secret-of-the-tests\n{SECRET}\n")
    assert deliver(exporter.port, completed()).status == 201


def test_without_the_option_the_answer_names_it(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    running = Exporter(tmp_path, free_port())
    answer = deliver(running.port, completed())
    assert refused(answer) == (403, "github_off")
    assert "--github-webhook-secret FILE" in answer.json["detail"]
    assert running.stop() == 0


def test_a_wrong_signature_is_refused_and_leaves_no_trace(
    exporter: Exporter,
) -> None:
    body = json.dumps(completed()).encode()
    assert refused(deliver(exporter.port, body, X_Hub_Signature_256=None)) == (401, "no_signature")
    for wrong in (
        signature(body, SECRET + "x"),
        signature(body + b" "),
        signature(body).upper(),
        signature(body)[7:],
        "sha256=",
        "é",
    ):
        assert refused(deliver(exporter.port, body, X_Hub_Signature_256=wrong)) == (
            401,
            "wrong_signature",
        )
    assert kept(exporter) == 0
    assert "refused" not in exporter.log.read_text()


@pytest.mark.parametrize(
    ("payload", "detail"),
    [
        (b"", "Input data was truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b"\xff\xfe", "malformed"),
        (b'{"action": "completed"}', "missing required field `workflow_run`"),
        (
            completed(updated_at="soon"),
            "Invalid RFC3339 encoded datetime - at `$.workflow_run.updated_at`",
        ),
        (completed(id="123"), "Expected `int`, got `str` - at `$.workflow_run.id`"),
        (completed(conclusion="perfect"), "'perfect' is not a known status"),
        (completed(conclusion=None), "'' is not a known status"),
        (completed(event=""), "trigger: "),
    ],
)
def test_a_signed_body_that_is_not_a_delivery_is_refused_with_the_reason(
    exporter: Exporter, payload: object, detail: str
) -> None:
    answer = deliver(exporter.port, payload)
    assert refused(answer) == (400, "invalid_delivery")
    assert detail in answer.json["detail"]
    assert re.search(
        'an upload was refused: invalid_delivery: .* by="?line 1', exporter.log.read_text()
    )
    assert kept(exporter) == 0


def test_a_form_is_refused_with_the_setting_to_change(exporter: Exporter) -> None:
    answer = deliver(
        exporter.port, b"payload=%7B%7D", Content_Type="application/x-www-form-urlencoded"
    )
    assert refused(answer) == (415, "unsupported_type")
    assert "choose application/json" in answer.json["detail"]


def test_a_delivery_of_the_largest_size_is_accepted_and_a_larger_one_is_not(
    exporter: Exporter,
) -> None:
    body = json.dumps(completed()).encode()
    assert deliver(exporter.port, body + b" " * (MAX_DELIVERY_BYTES - len(body))).status == 201
    assert refused(deliver(exporter.port, body + b" " * (MAX_DELIVERY_BYTES + 1 - len(body)))) == (
        413,
        "too_large",
    )


def test_a_delivery_that_ends_early_leaves_nothing_behind(exporter: Exporter) -> None:
    body = json.dumps(completed()).encode()
    with socket.create_connection(("127.0.0.1", exporter.port), timeout=DEADLINE_SECONDS) as client:
        lines = (
            "POST /api/v1/github HTTP/1.1",
            "Host: x",
            f"Content-Length: {len(body)}",
            f"X-Hub-Signature-256: {signature(body)}",
        )
        client.sendall("\r\n".join((*lines, "", "")).encode() + body[:-1])
    exporter.until(lambda: exporter.value('benchmark_exporter_uploads_total{code="400"}') == 1)
    assert kept(exporter) == 0
    assert deliver(exporter.port, body).status == 201
