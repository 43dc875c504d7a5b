"""One comment on a request, kept by the API: against a server that behaves as it."""

import asyncio
import threading
from collections.abc import Iterator, Mapping

import aiohttp
import pytest

from benchmark_exporter.review.api import Api, ApiError, Waiting
from benchmark_exporter.review.forges import GitHub, GitLab
from benchmark_exporter.review.markdown import marker
from benchmark_exporter.review.publish import publish
from tests.exporter.review import forge_server
from tests.exporter.review.forge_server import (
    NOW_SECONDS,
    PERSON,
    READER,
    WORKFLOW,
    Fault,
    Forge,
)

MARKER = marker("octo/router", "")
BODY = f"{MARKER}\n### Benchmarks: 1 worse\n"
OLD = f"{MARKER}\n### Benchmarks: 2 unchanged\n"
KINDS: dict[str, type[GitHub | GitLab]] = {"github": GitHub, "gitlab": GitLab}


@pytest.fixture
def forge() -> Iterator[Forge]:
    with forge_server.forge() as server:
        yield server


class Publisher:
    """Publishes with a clock of its own: a wait takes no time, and is kept."""

    def __init__(self, forge: Forge, kind: str = "github", token: str = WORKFLOW) -> None:
        self.waits: list[float] = []
        self.lines: list[str] = []
        self._forge, self._kind, self._token = forge, kind, token

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def _headers(self) -> Mapping[str, str]:
        if self._kind == "gitlab":
            return {"PRIVATE-TOKEN": self._token}
        return {"Authorization": f"Bearer {self._token}"}

    def publish(self, body: str = BODY, timeout_seconds: float = 1e6) -> str:
        waiting = Waiting(
            timeout_seconds,
            sleep=self._sleep,
            jitter=lambda _least, most: most,
            monotonic=lambda: sum(self.waits),
            report=self.lines.append,
        )

        async def run() -> str:
            async with aiohttp.ClientSession() as session:
                api = Api(session, self._forge.url, self._headers(), waiting)
                return await publish(KINDS[self._kind](api, "octo/router", 5), MARKER, body)

        return asyncio.run(run())


@pytest.mark.parametrize("kind", KINDS)
def test_the_comment_is_posted_once_and_then_updated_in_place(forge: Forge, kind: str) -> None:
    for number in range(3):  # so that it is on the second page
        forge.add(f"comment {number}", PERSON)
    publisher = Publisher(forge, kind)
    assert publisher.publish(OLD) == "posted"
    assert publisher.publish(BODY) == "updated"
    assert publisher.publish(BODY) == "unchanged"
    assert forge.bodies() == ["comment 0", "comment 1", "comment 2", BODY]
    assert forge.bodies(6) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_comment_of_somebody_else_with_the_marker_is_left_alone(forge: Forge, kind: str) -> None:
    forged = forge.add(f"{MARKER}\nall is well\n", PERSON)
    quoted = forge.add(f"> {MARKER}\n", WORKFLOW)
    longer = forge.add(f"{MARKER} x\n", WORKFLOW)
    assert Publisher(forge, kind).publish() == "posted"
    assert [forge.comments[each]["body"] for each in (forged, quoted, longer)] == [
        f"{MARKER}\nall is well\n",
        f"> {MARKER}\n",
        f"{MARKER} x\n",
    ]
    assert forge.bodies()[-1] == BODY


def test_a_persons_token_finds_its_own_comment(forge: Forge) -> None:
    forge.add(OLD, WORKFLOW)
    own = forge.add(OLD, PERSON)
    assert Publisher(forge, token=PERSON).publish() == "updated"
    assert forge.comments[own]["body"] == BODY
    assert forge.bodies() == [OLD, BODY]


def test_another_suites_comment_is_another(forge: Forge) -> None:
    other = forge.add(f"{marker('octo/router', 'memory')}\nx\n")
    assert Publisher(forge).publish() == "posted"
    assert forge.comments[other]["body"].endswith("\nx\n")


@pytest.mark.parametrize("kind", KINDS)
def test_a_comment_that_was_deleted_meanwhile_is_posted_again(forge: Forge, kind: str) -> None:
    old = forge.add(OLD)

    def delete(method: str, _path: str) -> None:
        if method in ("PATCH", "PUT"):
            forge.comments.pop(old, None)

    forge.before = delete
    assert Publisher(forge, kind).publish() == "posted"
    assert forge.bodies() == [BODY]


@pytest.mark.parametrize("kind", KINDS)
def test_two_jobs_at_once_leave_one_comment(forge: Forge, kind: str) -> None:
    """Both have found none before either posts."""
    both = threading.Barrier(2)

    def meet(method: str, _path: str) -> None:
        if method == "POST":
            both.wait(60)

    forge.before = meet
    jobs = [
        threading.Thread(target=Publisher(forge, kind).publish, args=(f"{BODY}{number}\n",))
        for number in range(2)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(60)
    assert forge.methods().count("POST") == 2
    (left,) = forge.bodies()
    assert left.startswith(BODY)


def test_comments_that_are_there_twice_become_one(forge: Forge) -> None:
    first, second = forge.add(OLD), forge.add(OLD)
    assert Publisher(forge).publish() == "updated"
    assert forge.comments.keys() == {first}
    assert second not in forge.comments


@pytest.mark.parametrize("status", [500, 502, 503])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_errors_of_the_server_are_retried_ever_later(
    forge: Forge, status: int, method: str
) -> None:
    forge.add(OLD)
    publisher = Publisher(forge, token=PERSON if method == "GET" else WORKFLOW)
    forge.faults = [(method, Fault(status))] * 8
    publisher.publish()
    assert publisher.waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert publisher.lines[0] == f"HTTP {status}: Server Error; retrying in 1.0 s"
    assert forge.bodies()[-1] == BODY


@pytest.mark.parametrize("fault", [Fault(502), Fault(0)])
def test_a_post_without_an_answer_is_looked_for_before_it_is_posted_again(
    forge: Forge, fault: Fault
) -> None:
    """The connection ends after the comment was made; or the server failed, and it was not."""
    forge.faults = [("POST", fault)]
    publisher = Publisher(forge)
    assert publisher.publish() == ("posted" if fault.status else "unchanged")
    assert forge.bodies() == [BODY]
    assert len(publisher.waits) == 1


LIMITS: list[tuple[Fault, float]] = [
    (Fault(429, {"Retry-After": "7"}, "Too Many Requests"), 7),
    (Fault(403, {"Retry-After": "30"}, "You have exceeded a secondary rate limit"), 30),
    (Fault(403, {}, "You have exceeded a secondary rate limit."), 60),
    (Fault(429, {}, "Too Many Requests"), 60),
    (
        Fault(
            403,
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW_SECONDS + 90)},
            "API rate limit exceeded",
        ),
        91,
    ),
    (Fault(429, {"RateLimit-Remaining": "0", "RateLimit-Reset": str(NOW_SECONDS + 20)}), 21),
    (Fault(503, {"Retry-After": "12"}), 12),
]


@pytest.mark.parametrize(("fault", "seconds"), LIMITS)
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_limit_is_waited_for_as_long_as_the_answer_says(
    forge: Forge, fault: Fault, seconds: float, method: str
) -> None:
    """By the server's clock, which need not be this machine's."""
    forge.add(OLD)
    forge.faults = [(method, fault)]
    publisher = Publisher(forge)
    assert publisher.publish() == "updated"
    assert publisher.waits == [seconds]


def test_a_post_that_a_limit_refused_is_posted_after_it(forge: Forge) -> None:
    forge.faults = [("POST", Fault(403, {"Retry-After": "5"}, "secondary rate limit"))]
    publisher = Publisher(forge)
    assert publisher.publish() == "posted"
    assert publisher.waits == [5]
    assert forge.bodies() == [BODY]


def test_a_limit_that_lasts_too_long_is_an_error_that_says_so(forge: Forge) -> None:
    forge.faults = [("GET", Fault(429, {"Retry-After": "3600"}, "Too Many Requests"))]
    with pytest.raises(ApiError, match=r"HTTP 429: Too Many Requests; given up.* in 3600 s"):
        Publisher(forge, token=PERSON).publish(timeout_seconds=300)


def test_a_server_that_stays_broken_is_given_up(forge: Forge) -> None:
    forge.faults = [("*", Fault(500))] * 1000
    publisher = Publisher(forge)
    with pytest.raises(ApiError, match="HTTP 500: Server Error; given up"):
        publisher.publish(timeout_seconds=300)
    assert sum(publisher.waits) <= 300


@pytest.mark.parametrize(
    ("kind", "words"),
    [("github", "permissions: pull-requests: write"), ("gitlab", "project access token")],
)
@pytest.mark.parametrize("there", [True, False])
def test_a_token_that_may_only_read_is_an_error_that_says_what_to_do(
    forge: Forge, kind: str, words: str, there: bool
) -> None:
    if there:
        forge.add(OLD, READER)
    publisher = Publisher(forge, kind, READER)
    with pytest.raises(ApiError, match=words) as error:
        publisher.publish()
    assert "Resource not accessible by integration" in str(error.value)
    assert not publisher.waits


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_token_is_an_error(forge: Forge, kind: str) -> None:
    with pytest.raises(ApiError, match="HTTP 401: Bad credentials"):
        Publisher(forge, kind, "wrong-token").publish()


def test_a_request_that_is_not_there_is_an_error(forge: Forge) -> None:
    forge.faults = [("GET", Fault(404, message="Not Found"))] * 2
    with pytest.raises(ApiError, match="pull request 5 of octo/router: not found"):
        Publisher(forge).publish()


def test_a_renamed_repository_is_followed(forge: Forge) -> None:
    where = f"{forge.url}/repos/octo/router/issues/5/comments"
    forge.faults = [
        ("POST", Fault(307, {"Location": where})),
        ("POST", Fault(301, {"Location": "/repos/octo/router/issues/5/comments"})),
    ]
    assert Publisher(forge).publish() == "posted"
    assert forge.bodies() == [BODY]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(302, {"Location": "https://elsewhere.example/"}),
        Fault(200, {"Link": '<http://elsewhere.example/>; rel="next"'}, document=["x"]),
    ],
)
def test_the_token_goes_to_no_other_address(forge: Forge, fault: Fault) -> None:
    async def read() -> None:
        async with aiohttp.ClientSession() as session:
            api = Api(session, forge.url, {}, Waiting(10))
            async for _ in api.all("/repos/octo/router/issues/5/comments"):
                pass

    forge.faults = [("GET", fault)]
    with pytest.raises(ApiError, match=r"leads to another address, https?://elsewhere"):
        asyncio.run(read())
    assert len(forge.requests) == 1
