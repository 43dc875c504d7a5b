"""The exposition as gzip, for those who scrape it through a network."""

import asyncio
import gzip
import ipaddress

from benchmark_exporter.metrics.exposition import Exposition, text

# Higher levels take several times as long for a quarter less.
_LEVEL = 1


class Compressed:
    """The part `state`, compressed once for each exposition, when it is first asked for."""

    def __init__(self) -> None:
        self._known: tuple[Exposition | None, bytes] = (None, b"")

    async def state(self, exposition: Exposition) -> bytes:
        """The part, compressed in a thread: it may have megabytes."""
        known, body = self._known
        if known is not exposition:
            body = await asyncio.to_thread(_compress, exposition)
            self._known = exposition, body
        return body


def _compress(exposition: Exposition) -> bytes:
    return gzip.compress(text([exposition.families("state")]), _LEVEL, mtime=0)


def is_worth_it(remote: str | None, accept_encoding: str) -> bool:
    """Whether a client at an address gets its answer compressed.

    Not if it is on this machine: to compress takes longer than to send, on both sides.
    """
    if remote is None or "gzip" not in accept_encoding:
        return False
    return not ipaddress.ip_address(remote.partition("%")[0]).is_loopback
