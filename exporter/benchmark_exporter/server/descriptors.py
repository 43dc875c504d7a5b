"""How many connections the process' file descriptors allow."""

import logging
import resource
from dataclasses import dataclass

log = logging.getLogger(__name__)

# Kept for the ledger, the files that are read, watchers, and connections that the exporter opens.
RESERVED_DESCRIPTORS = 64
# Scrapers, Alertmanager, uploads, and people: a proxy uses few connections for many of them.
MOST_REQUESTS = 256
# Connections to the stream's port that do not follow the stream: the live page and its files.
STREAM_PAGES = 64
# More than the most clients that the stream can send to.
MOST_DESCRIPTORS = 65_536


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How a number of descriptors is shared by the listeners."""

    descriptors: int

    @property
    def requests(self) -> int:
        """The most connections to the port of the metrics and the API."""
        return min(MOST_REQUESTS, self._available // 4)

    def stream(self, stream_max_clients: int) -> int:
        """The most connections to the stream's port."""
        return min(stream_max_clients + STREAM_PAGES, self._available - self.requests)

    def followers(self, stream_max_clients: int) -> int:
        """The most clients that can follow the stream at a time; logs if that is fewer."""
        stream = self.stream(stream_max_clients)
        followers = stream - min(STREAM_PAGES, stream // 4)
        if followers < stream_max_clients:
            log.warning(
                "file descriptors (ulimit -n) allow fewer clients of the stream than "
                f"stream_max_clients ({stream_max_clients})",
                extra={"fields": {"clients": followers, "descriptors": self.descriptors}},
            )
        return min(followers, stream_max_clients)

    @property
    def _available(self) -> int:
        return max(self.descriptors - RESERVED_DESCRIPTORS, 8)


def allow_descriptors() -> int:
    """Raises the process' own limit as far as it may, and as connections need; returns it.

    The usual limit is 1,024, which a program that needs more is expected to raise.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft, hard = (
        MOST_DESCRIPTORS if limit == resource.RLIM_INFINITY else limit for limit in (soft, hard)
    )
    wanted = min(hard, MOST_DESCRIPTORS)
    if soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        )
    return max(soft, wanted)
