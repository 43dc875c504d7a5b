"""Which names this machine may be asked for under.

The owner of a name can point it at this machine after their page has loaded (DNS rebinding). Their
page then counts as one of this machine's. The Host header still has the page's name.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Collection
from urllib.parse import urlsplit


class Hosts:
    """The names that nobody else can own, those of links, and those that `configured` gives.

    Nobody can own an address, `localhost` and its subdomains, which are always this machine, and a
    name without a dot: no public name server answers for it, only this machine, its containers'
    network or the local network, and these name services and containers so.
    """

    def __init__(self, public: Collection[str], configured: Callable[[], Collection[str]]) -> None:
        self._public = _folded(public)
        self._configured = configured
        self._of_machine: Collection[str] | None = None

    async def allow(self, header: str) -> bool:
        """Whether the value of a Host header names this machine, whatever its port."""
        name = _name_of(header)
        if name is None:
            return False
        if "." not in name or name.endswith(".localhost") or _is_address(name):
            return True
        if name in self._public or name in _folded(self._configured()):
            return True
        return name in await self._names_of_machine()

    async def _names_of_machine(self) -> Collection[str]:
        """Asked once, when it matters, in a thread: a name server may take seconds."""
        if self._of_machine is None:
            names = await asyncio.to_thread(lambda: (socket.gethostname(), socket.getfqdn()))
            self._of_machine = _folded(names)
        return self._of_machine


def _folded(names: Collection[str]) -> frozenset[str]:
    return frozenset(name.lower().removesuffix(".") for name in names)


def _name_of(header: str) -> str | None:
    """The name or address, without a port; None if the header is not a host."""
    try:
        parts = urlsplit(f"//{header}")
        parts.port  # noqa: B018  # raises ValueError
    except ValueError:
        return None
    if parts.netloc != header or "@" in header or not parts.hostname:
        return None
    return parts.hostname.lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
