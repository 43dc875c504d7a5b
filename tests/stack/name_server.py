"""A name server with the SRV records of one name, on an address of its own."""

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

PORT = 53
SRV, A, IN = 33, 1, 1
RESPONSE, NAME_ERROR = 0x8580, 0x8583
TTL_SECONDS = 1


@contextmanager
def name_server(address: str, name: str, targets: Sequence[tuple[str, int]]) -> Iterator[None]:
    """Answer for a name with hosts and ports, and with NXDOMAIN for any other.

    Raises:
        OSError: this user may not listen on port 53.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, PORT))
        server.settimeout(0.2)
        is_over = threading.Event()

        def serve() -> None:
            while not is_over.is_set():
                try:
                    asked, client = server.recvfrom(4096)
                except TimeoutError:
                    continue
                server.sendto(_answer(asked, name, targets), client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()


def _answer(asked: bytes, name: str, targets: Sequence[tuple[str, int]]) -> bytes:
    """The answer to a question (RFC 1035, section 4; RFC 2782)."""
    end = asked.index(b"\0", 12) + 1
    question = asked[12 : end + 4]
    (kind,) = struct.unpack("!H", asked[end : end + 2])
    is_ours = kind == SRV and question[:-4] == _encoded(name)
    records = [_srv(host, port) for host, port in targets] if is_ours else []
    flags = RESPONSE if is_ours else NAME_ERROR
    head = asked[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
    return head + question + b"".join(records)


def _srv(host: str, port: int) -> bytes:
    data = struct.pack("!HHH", 0, 0, port) + _encoded(host)
    return b"\xc0\x0c" + struct.pack("!HHIH", SRV, IN, TTL_SECONDS, len(data)) + data


def _encoded(name: str) -> bytes:
    labels = [label.encode() for label in name.rstrip(".").split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
