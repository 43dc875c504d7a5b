"""The stand-ins for services, where a test does not notice a fault of theirs."""

import socket
import threading
import time

from tests.rules.endpoints import mail_server

DEADLINE_SECONDS = 30.0


def test_a_mail_whose_sender_is_killed_is_not_received_and_keeps_no_thread_busy() -> None:
    before = set(threading.enumerate())
    with mail_server() as server:
        host, _, port = server.address.partition(":")
        with socket.create_connection((host, int(port)), DEADLINE_SECONDS) as connection:
            connection.sendall(
                b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nSubject: x\r\n"
            )
            answers = b""
            while b"354" not in answers:
                answers += connection.recv(4096)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while len(set(threading.enumerate()) - before) > 1:  # the one that accepts connections
            assert time.monotonic() < deadline, "the handler of the connection has not ended"
            time.sleep(0.02)
        assert not server.inbox.all()
    assert set(threading.enumerate()) == before
