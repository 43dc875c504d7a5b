"""A connection between a browser and a server that the test can cut."""

import socket
import threading
from contextlib import suppress


class Relay:
    """Forwards connections to its `port` to another one until it is cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.silent = False
        """Whether new connections are accepted and then left without an answer."""
        self.unanswered: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Closes all connections; new ones are accepted."""
        sockets, self._sockets = self._sockets, []
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for each in self.unanswered:
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                accepted = self._listener.accept()[0]
                if self.silent:
                    self.unanswered.append(accepted)
                    continue
                pair = accepted, socket.create_connection(("127.0.0.1", self._to))
                self._sockets += pair
                for source, sink in (pair, pair[::-1]):
                    threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    @staticmethod
    def _forward(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        source.close()
