"""The states of regressions over HTTP: by a token, and by the page to which messages link."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.asking import Answer, ask
from tests.support.documents import result
from tests.support.histories import STEADY
from tests.support.process import Exporter

TOKEN = "t" * 32
PAGE = "/triage?benchmark_name=parsing&project=router&environment=ci"
API = "/api/v1/triage"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    """An exporter without a stack, with a confirmed regression."""
    folder = tmp_path_factory.mktemp("triage")
    running = started(folder, free_port())
    yield running
    assert running.stop() == 0, running.log.read_text()


def started(folder: Path, port: int, *options: str) -> Exporter:
    tokens = folder / "triage_tokens"
    tokens.write_text(f"bot {TOKEN}\n")
    running = Exporter(folder, port, f"--triage-tokens={tokens}", *options)
    for number, milliseconds in enumerate([*STEADY, 1.5, 1.5]):
        document = json.dumps(result(number, {"parsing": milliseconds, "<b>": 1.0}))
        (running.results / f"{number}.json").write_text(document)
    return running


@pytest.fixture(autouse=True)
def new(exporter: Exporter) -> None:
    """Each test begins with a regression of which nobody has said anything."""
    exporter.until(lambda: json.loads(exporter.get(API)))
    if state(exporter)[0] != "new":
        assert say(exporter, {"state": "new", "benchmark_name": "parsing"})[0] == 200


def say(
    exporter: Exporter, body: object, token: str | None = TOKEN, **headers: str
) -> tuple[int, Mapping[str, str]]:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = ask(exporter.port, API, headers, "POST", data)
    return answer.status, json.loads(answer.body) if answer.body else {}


def state(exporter: Exporter) -> tuple[str, str, str]:
    """The state of the regression, who gave it, and the ticket."""
    (found,) = json.loads(exporter.get(f"{API}?benchmark_name=parsing"))
    return found["state"], found["who"], found["ticket"]


def origin(exporter: Exporter) -> dict[str, str]:
    return {"Origin": f"http://127.0.0.1:{exporter.port}"}


def form_token(exporter: Exporter, page: str = PAGE) -> str:
    found = re.search(r'name="form_token" value="(\w+)"', exporter.get(page).decode())
    assert found
    return found[1]


def submit(
    exporter: Exporter,
    fields: Mapping[str, str],
    headers: Mapping[str, str] | None = None,
    page: str = PAGE,
) -> Answer:
    sent = FORM | (origin(exporter) if headers is None else dict(headers))
    return ask(exporter.port, page, sent, "POST", urlencode(fields).encode())


def test_a_token_gives_a_state(exporter: Exporter) -> None:
    status, said = say(
        exporter, {"state": "fixing", "benchmark_name": "parsing", "why": "w", "ticket": "T-1"}
    )
    assert status == 200, said
    assert state(exporter) == ("fixing", "bot", "T-1")
    exporter.until(lambda: exporter.value('benchmark_regression_triage_info{state="fixing"}'))


@pytest.mark.parametrize(
    ("token", "status", "reason"),
    [(None, 401, "no_token"), ("x" * 32, 401, "wrong_token"), ("", 401, "wrong_token")],
)
def test_without_a_known_token_nothing_is_said(
    exporter: Exporter, token: str | None, status: int, reason: str
) -> None:
    answer = say(exporter, {"state": "fixing", "benchmark_name": "parsing"}, token)
    assert (answer[0], answer[1]["reason"]) == (status, reason)
    assert state(exporter)[0] == "new"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"{", "Input data was truncated"),
        (b"[" * 50_000, "Expected `object`"),
        ({"benchmark_name": "parsing"}, "missing required field `state`"),
        ({"state": "done", "benchmark_name": "parsing"}, "Invalid enum value 'done'"),
        ({"state": "fixing"}, "benchmark_name or since_commit is missing"),
        ({"state": "fixing", "benchmark_name": "other"}, "no such open regression"),
        ({"state": "fixing", "benchmark_name": "parsing", "who": "me"}, "unknown field `who`"),
        ({"state": "expected", "benchmark_name": "parsing"}, "until when"),
        ({"state": "expected", "benchmark_name": "parsing", "until": "soon"}, "until must be a"),
        ({"state": "fixing", "benchmark_name": "parsing", "why": "x" * 501}, "at most 500"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_said_is_refused_with_the_reason(
    exporter: Exporter, body: object, detail: str
) -> None:
    status, answer = say(exporter, body)
    assert status == 400
    assert detail.lower() in answer["detail"].lower()
    assert state(exporter)[0] == "new"


def test_a_large_body_is_refused(exporter: Exporter) -> None:
    assert say(exporter, b"x" * 70_000)[0] == 413


def test_an_unknown_parameter_is_refused(exporter: Exporter) -> None:
    status, text = exporter.status_of(f"{API}?benchmark=parsing")
    assert (status, text.startswith("'benchmark' is unknown; use benchmark_name")) == (400, True)
    assert exporter.status_of("/triage")[0] == 400


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_the_page_changes_nothing(exporter: Exporter, method: str) -> None:
    before = exporter.get("/api/v1/triage")
    for query in ("", "&said=fixed", "&said=%3Cscript%3E"):
        answer = ask(exporter.port, PAGE + query, method=method)
        assert answer.status == 200
        assert b"<script" not in answer.body
        assert b"Recorded" not in answer.body
    assert state(exporter)[0] == "new"
    assert exporter.get("/api/v1/triage") == before


def test_a_get_with_the_forms_fields_is_refused(exporter: Exporter) -> None:
    token = form_token(exporter)
    query = urlencode({"state": "noise", "who": "slack", "form_token": token})
    assert exporter.status_of(f"{PAGE}&{query}")[0] == 400
    assert state(exporter)[0] == "new"


def test_the_form_gives_a_state(exporter: Exporter) -> None:
    fields = {"state": "acknowledged", "who": "ann", "ticket": "T-2", "why": "", "until": ""}
    answer = submit(exporter, {**fields, "form_token": form_token(exporter)})
    assert answer.status == 303
    assert answer.headers["Location"] == f"{PAGE[1:]}&said=acknowledged"
    assert state(exporter) == ("acknowledged", "ann", "T-2")
    assert "Recorded: acknowledged" in exporter.get(f"/{answer.headers['Location']}").decode()


def test_the_form_says_what_is_wrong(exporter: Exporter) -> None:
    for fields, error in (
        ({"who": "ann"}, "choose a state"),
        ({"who": "ann", "state": "expected"}, "until when the level is expected is missing"),
        ({"who": "", "state": "fixing"}, "who says so is missing"),
        ({"who": "<i>" * 50, "state": "fixing"}, "who has 150 characters"),
    ):
        answer = submit(exporter, {**fields, "form_token": form_token(exporter)})
        assert answer.status == 400
        assert error in unescape(answer.body.decode())
    assert state(exporter)[0] == "new"


def test_a_form_without_the_pages_token_is_refused(exporter: Exporter) -> None:
    fields = {"state": "noise", "who": "ann"}
    other = form_token(exporter, "/triage?since_commit=commit-13")
    for token in ({}, {"form_token": ""}, {"form_token": "x" * 64}, {"form_token": other}):
        answer = submit(exporter, {**fields, **token})
        assert answer.status == 403
        assert b"open the page again" in answer.body
    assert state(exporter)[0] == "new"


def test_pages_of_others_cannot_send_the_form(exporter: Exporter) -> None:
    """Even one that somehow knew the token."""
    fields = {"state": "noise", "who": "ann", "form_token": form_token(exporter)}
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{exporter.port + 1}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
        {},  # no browser's form
    ):
        assert submit(exporter, fields, headers).status == 403, headers
    plain = origin(exporter) | {"Content-Type": "text/plain"}
    assert ask(exporter.port, PAGE, plain, "POST", urlencode(fields).encode()).status == 415
    assert state(exporter)[0] == "new"


def test_a_name_that_leads_here_reads_nothing(exporter: Exporter) -> None:
    for path in (PAGE, API):
        assert ask(exporter.port, path, {"Host": "evil.example"}).status == 403


def test_nothing_of_the_page_can_be_framed_cached_or_run(exporter: Exporter) -> None:
    answer = ask(exporter.port, PAGE)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_what_people_write_is_shown_as_text(exporter: Exporter) -> None:
    text = "<script>alert(1)</script>"
    body = {"state": "fixing", "benchmark_name": "parsing", "why": text, "ticket": text}
    assert say(exporter, body)[0] == 200
    page = exporter.get(PAGE).decode()
    assert "<script" not in page
    assert text in unescape(page)


def test_all_regressions_of_a_commit_are_one_page(exporter: Exporter) -> None:
    (found,) = json.loads(exporter.get(API))
    since = f"/triage?since_commit={found['began_commit']}"
    fields = {"state": "fixing", "who": "ann", "form_token": form_token(exporter, since)}
    assert submit(exporter, fields, page=since).status == 303
    assert state(exporter)[0] == "fixing"
