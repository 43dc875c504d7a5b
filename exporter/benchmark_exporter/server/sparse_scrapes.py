"""Which samples of sparse series each scraper has been sent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from weakref import WeakKeyDictionary

from aiohttp import hdrs, web

from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.metrics.exposition import Exposition, Family
from benchmark_exporter.metrics.sparse import Seen, SparsePart
from benchmark_exporter.server.credential import FORWARDED_HEADER, PROXY_HEADER

# A proxy may have read an answer that its client did not wait for. So what it is sent overlaps, by
# somewhat more than a scrape interval of the part; of the fast one, two.
PROXY_OVERLAP_MS: Mapping[Part, int] = {"state": 2500, "distributions": 35_000}

# Whoever scrapes a part on a connection: one, or those behind a proxy, by what they call
# themselves.
_Scraper = tuple[Part, str, str | None]


class SparseScrapes:
    """Answers each scrape with the samples that the scraper does not have yet.

    A client sends a further request on a connection only once it has read the answer before whole,
    and closes it when it does not wait for the end of one, as Prometheus does at scrape_timeout. So
    what was sent on a connection has arrived when the next request comes. The first scrape on a
    connection is sent the newest sample of every series: that of a Prometheus that is new, was
    restarted, or has lost a scrape. Prometheus drops those that it has.
    """

    def __init__(self, parts: Mapping[Part, SparsePart], clock: Callable[[], float]) -> None:
        self._parts = parts
        self._clock = clock
        self._seen: WeakKeyDictionary[object, Mapping[_Scraper, Seen]] = WeakKeyDictionary()

    def families(
        self, request: web.Request, exposition: Exposition, part: Part
    ) -> Sequence[Family]:
        """A part for a request: dense families whole, and of sparse ones what is new."""
        connection, headers = request.transport, request.headers
        scraper = part, headers.get(hdrs.USER_AGENT, ""), headers.get(FORWARDED_HEADER)
        known = {} if connection is None else self._seen.get(connection, {})
        seen, sparse = known.get(scraper), self._parts[part]
        if seen is not None and (PROXY_HEADER in headers or FORWARDED_HEADER in headers):
            seen = replace(seen, ms=seen.ms - PROXY_OVERLAP_MS[part])
        unseen, seen = sparse.unseen(seen, self._clock())
        # An answer to HEAD has no body.
        if connection is not None and request.method == hdrs.METH_GET:
            self._seen[connection] = {**known, scraper: seen}
        names = [name for name in exposition.families_of[part] if name not in sparse.names]
        dense = [(exposition.heads[name], exposition.blocks[part, name].chunks) for name in names]
        return [*dense, *unseen]
