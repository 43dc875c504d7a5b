"""The two listeners: requests, and the stream with the live page."""

import logging
from collections.abc import Sequence

from aiohttp import web

from benchmark_exporter import __version__
from benchmark_exporter.config import Config
from benchmark_exporter.server.connections import KEEP_ALIVE_SECONDS, READ_BYTES, Connections
from benchmark_exporter.server.descriptors import STREAM_PAGES, ConnectionLimits
from benchmark_exporter.server.error_pages import error_pages
from benchmark_exporter.server.listening import Site
from benchmark_exporter.server.requests_at_once import at_most
from benchmark_exporter.server.server_log import server_log
from benchmark_exporter.server.settings import ServeSettings

log = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 2.0
# After a restart all clients of the stream reconnect at once; and a scrape that finds no place here
# tries again only after a second.
BACKLOG = 1024
# Half of aiohttp's; a browser sends 20.
MAX_HEADERS = 64


class Listeners:
    """Listens with two applications, each within its limit of connections."""

    def __init__(
        self,
        settings: ServeSettings,
        limits: ConnectionLimits,
        requests: web.Application,
        stream: web.Application,
    ) -> None:
        self._settings = settings
        self._limits = limits
        most = limits.stream(settings.config.stream_max_clients)
        self._requests = _Listener(requests, limits.requests, limits.requests // 2)
        self._stream = _Listener(stream, most, STREAM_PAGES // 2)

    async def open(self) -> None:
        """Listens.

        Raises:
            OSError: an address cannot be listened on.
        """
        settings = self._settings
        await self._requests.open(settings.host, settings.port)
        log.info(
            f"benchmark-exporter {__version__} listens on {settings.host}:{settings.port}",
            extra={"fields": {"results": settings.results_dir, "ledger": settings.ledger_path}},
        )
        if settings.stream_address is not None:
            host, port = settings.stream_address
            await self._stream.open(host, port)
            log.info(f"the stream and the live page are on {host}:{port}")

    async def close(self) -> None:
        """Ends what is in progress, and closes all connections."""
        await self._stream.close()
        await self._requests.close()

    def configure(self, config: Config) -> None:
        """Limits further connections by new settings."""
        self._stream.connections.most = self._limits.stream(config.stream_max_clients)

    @property
    def checks(self) -> Sequence[Connections]:
        """The connections to check while the listeners are open."""
        return self._requests.connections, self._stream.connections


class _Listener:
    def __init__(self, application: web.Application, most: int, most_in_progress: int) -> None:
        self.connections = Connections(most)
        application.middlewares.insert(0, at_most(max(most_in_progress, 1)))
        application.middlewares.insert(0, error_pages)
        application.middlewares.insert(0, self.connections.middleware)
        # Bodies are not decompressed here: whoever unpacks them has to limit their size.
        self._runner = web.AppRunner(
            application,
            access_log=None,
            logger=server_log(),
            shutdown_timeout=SHUTDOWN_SECONDS,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            max_headers=MAX_HEADERS,
            read_bufsize=READ_BYTES,
            auto_decompress=False,
        )

    async def open(self, host: str, port: int) -> None:
        await self._runner.setup()
        await Site(self._runner, host, port, self.connections, backlog=BACKLOG).start()

    async def close(self) -> None:
        await self._runner.cleanup()
