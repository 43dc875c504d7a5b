"""Local stand-ins for the services that Alertmanager delivers to.

HTTP endpoints and a mail server keep what they receive, with the time of arrival.
"""

import base64
import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Generic, Literal, TypeVar

Answer = Literal["ok", "refusal", "error", "silence"]
LOOPBACK = "127.0.0.1"
HTTP_STATUS = {"ok": 200, "refusal": 403, "error": 500}
Message = TypeVar("Message")


class Inbox(Generic[Message]):
    """Messages in order of arrival."""

    def __init__(self) -> None:
        self._arrived: list[tuple[float, Message]] = []
        self._change = threading.Condition()

    def put(self, message: Message) -> None:
        with self._change:
            self._arrived.append((time.monotonic(), message))
            self._change.notify_all()

    def all(self) -> list[Message]:
        with self._change:
            return [message for _, message in self._arrived]

    def wait(self, wanted: Callable[[Message], bool], seconds: float) -> tuple[float, Message]:
        """Return the first wanted message, and when it arrived (monotonic clock).

        Raises:
            AssertionError: none arrived within that many seconds.
        """
        with self._change:
            found = self._change.wait_for(
                lambda: [arrival for arrival in self._arrived if wanted(arrival[1])], seconds
            )
            if not found:
                received = [message for _, message in self._arrived]
                raise AssertionError(f"not received within {seconds} s; received: {received}")
            return found[0]


@dataclass
class HttpEndpoint:
    """Accepts JSON by POST. With `silence`, it accepts the message and never responds."""

    url: str
    answer: Answer
    inbox: Inbox[dict[str, Any]] = field(default_factory=Inbox)


@contextmanager
def http_endpoint(answer: Answer = "ok", host: str = LOOPBACK) -> Iterator[HttpEndpoint]:
    end = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            endpoint.inbox.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            if answer == "silence":
                end.wait()
                return
            # What Slack answers: exactly these two characters, or Alertmanager counts a failure.
            body = b"ok"
            self.send_response(HTTP_STATUS[answer])
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing, to keep the output of the tests clean."""

    with ThreadingHTTPServer((host, 0), Handler) as server:
        endpoint = HttpEndpoint(f"http://{host}:{server.server_port}", answer)
        with _serving(server, end):
            yield endpoint


@dataclass(frozen=True)
class Mail:
    """A message with its envelope; `login` is the user and password from AUTH PLAIN."""

    login: tuple[str, str] | None
    sender: str
    recipients: list[str]
    message: EmailMessage
    raw: bytes


@dataclass
class MailServer:
    """The part of SMTP that Alertmanager uses (RFC 5321, AUTH PLAIN of RFC 4954), without TLS.

    With `silence`, it never greets.
    """

    address: str
    answer: Answer
    connections: Inbox[str] = field(default_factory=Inbox)
    inbox: Inbox[Mail] = field(default_factory=Inbox)


@contextmanager
def mail_server(answer: Answer = "ok", host: str = LOOPBACK) -> Iterator[MailServer]:
    end = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            endpoint.connections.put(self.client_address[0])
            if answer == "silence":
                end.wait()
                return
            if answer != "ok":
                self._say("554 no service here" if answer == "refusal" else "421 not now")
                return
            self._say("220 test ESMTP")
            login: tuple[str, str] | None = None
            sender, recipients = "", []
            while line := self.rfile.readline().decode().strip():
                verb, _, rest = line.partition(" ")
                if verb == "EHLO":
                    self._say("250-test", "250 AUTH PLAIN")
                elif verb == "AUTH":
                    login = _login(rest.removeprefix("PLAIN "))
                    self._say("235 2.7.0 welcome")
                elif verb == "MAIL":
                    sender = _address(rest)
                    self._say("250 ok")
                elif verb == "RCPT":
                    recipients.append(_address(rest))
                    self._say("250 ok")
                elif verb == "DATA":
                    self._say("354 go on")
                    data = self._data()
                    if data is None:
                        return
                    message = message_from_bytes(data, policy=policy.default)
                    endpoint.inbox.put(Mail(login, sender, recipients, message, data))
                    self._say("250 ok")
                elif verb == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say(f"502 {verb} is not implemented")

        def _data(self) -> bytes | None:
            """The text of a message; None if the connection ends first, as of a killed sender."""
            lines: list[bytes] = []
            while line := self.rfile.readline():
                if line == b".\r\n":
                    return b"".join(lines)
                lines.append(line.removeprefix(b"."))
            return None

        def _say(self, *lines: str) -> None:
            self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    with _TcpServer((host, 0), Handler) as server:
        endpoint = MailServer(f"{host}:{server.server_address[1]}", answer)
        with _serving(server, end):
            yield endpoint


def slack(title: str) -> Callable[[Mapping[str, Any]], bool]:
    """For `Inbox.wait`: a Slack message with this title."""
    return lambda message: bool(message["attachments"][0]["title"] == title)


def pagerduty(action: str, summary: str) -> Callable[[Mapping[str, Any]], bool]:
    """For `Inbox.wait`: a PagerDuty event (`trigger` or `resolve`) whose summary contains this."""
    return lambda message: (
        message["event_action"] == action and summary in message["payload"]["summary"]
    )


def mail(subject: str) -> Callable[[Mail], bool]:
    """For `Inbox.wait`: a mail with this subject."""
    return lambda received: received.message["Subject"] == subject


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def _serving(server: socketserver.BaseServer, end: threading.Event) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        end.set()
        server.shutdown()
        thread.join()


def _login(encoded: str) -> tuple[str, str]:
    """Return user and password from the argument of AUTH PLAIN."""
    _, user, password = base64.b64decode(encoded).decode().split("\0")
    return user, password


def _address(argument: str) -> str:
    return argument[argument.index("<") + 1 : argument.index(">")]
