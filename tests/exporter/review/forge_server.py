"""A server that behaves as the comments of GitHub's and GitLab's API do."""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

# A token's user: its number, name and kind. A workflow's token may not ask who it is.
USERS = {
    "token-of-a-person": (7, "octocat", "User"),
    "token-of-a-workflow": (41, "github-actions[bot]", "Bot"),
    "token-that-reads": (42, "github-actions[bot]", "Bot"),
}
PERSON, WORKFLOW, READER = USERS
COMMENTS = re.compile(
    r"/repos/octo/router/issues/(\d+)/comments|/projects/octo%2Frouter/merge_requests/(\d+)/notes"
)
ONE = re.compile(
    r"/repos/octo/router/issues/comments/(\d+)"
    r"|/projects/octo%2Frouter/merge_requests/\d+/notes/(\d+)"
)
# The time by the server's clock, which is an hour ahead of everybody's.
NOW_SECONDS = 2_000_000_000


@dataclass(frozen=True)
class Fault:
    """An answer in place of the right one. Status 0 is none, after the request had its effect."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "Server Error"
    document: Any = None


@dataclass
class Forge:
    """The state of the server. `faults` are answered first, each once, to requests of a method."""

    url: str
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    # What else GitLab answers, by path: a file is bytes, the pages of a list are a list.
    files: dict[str, Any] = field(default_factory=dict)
    faults: list[tuple[str, Fault]] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    page_size: int = 2
    before: Callable[[str, str], None] = lambda _method, _path: None
    number: int = 100
    lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, body: str, token: str = WORKFLOW, request: int = 5) -> int:
        """A comment of a token's user; returns its number."""
        with self.lock:
            self.number += 1
            user, login, kind = USERS[token]
            self.comments[self.number] = {
                "id": self.number,
                "body": body,
                "user": {"login": login, "type": kind},
                "author": {"id": user},
                "request": request,
            }
            return self.number

    def bodies(self, request: int = 5) -> list[str]:
        """The comments on a request, the oldest first."""
        return [each["body"] for each in self.comments.values() if each["request"] == request]

    def methods(self) -> list[str]:
        """The methods of all requests but those that ask who it is."""
        return [method for method, path in self.requests if path != "/user"]


class _Handler(BaseHTTPRequestHandler):
    """Answers as the API does, by the state in `forge`."""

    forge: Forge
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # one packet for an answer

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PATCH(self) -> None:
        self._answer("PATCH")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def do_DELETE(self) -> None:
        self._answer("DELETE")

    def _answer(self, method: str) -> None:
        length = int(self.headers.get("Content-Length", 0))
        document = json.loads(self.rfile.read(length)) if length else None
        path = urlsplit(self.path)
        self.forge.before(method, path.path)
        with self.forge.lock:
            self.forge.requests.append((method, path.path))
            index = next(
                (at for at, (of, _) in enumerate(self.forge.faults) if of in (method, "*")), None
            )
            fault = None if index is None else self.forge.faults.pop(index)[1]
            if fault is not None and fault.status:
                document = fault.document or {"message": fault.message}
                self._say(fault.status, document, fault.headers)
                return
            status, found, headers = self._right(method, path.path, path.query, document)
        if fault is not None:
            self.close_connection = True
            return
        self._say(status, found, headers)

    def _right(
        self, method: str, path: str, query: str, document: Any
    ) -> tuple[int, Any, dict[str, str]]:
        if "JOB-TOKEN" in self.headers:  # which GitLab takes for other parts of its API
            return 401, {"message": "401 Unauthorized"}, {}
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        token = self.headers.get("PRIVATE-TOKEN", bearer)
        if token not in USERS:
            return 401, {"message": "Bad credentials"}, {}
        user, login, kind = USERS[token]
        denied: tuple[int, Any, dict[str, str]] = (
            403,
            {"message": "Resource not accessible by integration"},
            {},
        )
        if path == "/user":
            of_gitlab = "PRIVATE-TOKEN" in self.headers
            return denied if kind == "Bot" and not of_gitlab else (200, _user(user, login), {})
        if path == "/repos/octo/router/pulls":
            (head,) = parse_qs(query)["head"]
            pulls = [each for each in self.forge.pulls if each["head"]["label"] == head]
            return self._page(path, query, pulls)
        if path in self.forge.files:
            there = self.forge.files[path]
            return self._page(path, query, there) if isinstance(there, list) else (200, there, {})
        if method != "GET" and token == READER:
            return denied
        if listed := COMMENTS.fullmatch(path):
            request = int(listed[1] or listed[2])
            if method == "POST":
                number = self.forge.add(document["body"], token, request)
                return 201, self.forge.comments[number], {}
            found = [each for each in self.forge.comments.values() if each["request"] == request]
            return self._page(path, query, found)
        one = ONE.fullmatch(path)
        number = int(one[1] or one[2]) if one else 0
        if number not in self.forge.comments:
            return 404, {"message": "Not Found"}, {}
        if method == "GET":
            return 200, self.forge.comments[number], {}
        if method == "DELETE":
            del self.forge.comments[number]
            return 204, None, {}
        self.forge.comments[number]["body"] = document["body"]
        return 200, self.forge.comments[number], {}

    def _page(self, path: str, query: str, items: list[Any]) -> tuple[int, Any, dict[str, str]]:
        number = int(parse_qs(query).get("page", ["1"])[0])
        first = (number - 1) * self.forge.page_size
        headers = {}
        if len(items) > first + self.forge.page_size:
            rest = re.sub(r"&?page=\d+", "", query)
            following = f"{self.forge.url}{path}?{rest}&page={number + 1}"
            headers["Link"] = f'<{following}>; rel="next", <{self.forge.url}>; rel="first"'
        return 200, items[first : first + self.forge.page_size], headers

    def _say(self, status: int, document: Any, headers: Mapping[str, str]) -> None:
        if isinstance(document, bytes):
            body = document
        else:
            body = b"" if document is None else json.dumps(document).encode()
        self.send_response_only(status)
        named = {"Date": formatdate(NOW_SECONDS, usegmt=True), **headers}
        for name, value in {**named, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Logs nothing."""


@contextmanager
def forge() -> Iterator[Forge]:
    """A running server."""
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        listening.daemon_threads = True
        handler.forge = Forge(f"http://127.0.0.1:{listening.server_port}")  # type: ignore[attr-defined]
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield handler.forge  # type: ignore[attr-defined]
        finally:
            listening.shutdown()
            thread.join()


def _user(number: int, login: str) -> dict[str, Any]:
    return {"id": number, "login": login}
