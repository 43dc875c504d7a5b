"""The proxy's way for a Prometheus elsewhere: a scrape with a token, which the exporter checks."""

from collections.abc import Iterator

from stack.settings import EXPORTER, Part


def lines(part: Part, upstream: str, max_connections: int) -> Iterator[str]:
    """What the Caddyfile has for it, before the login that people are asked for.

    The stack's credential is not added, so nothing but the token opens the metrics this way, and
    the scrapes count as those of a Prometheus.
    """
    if part is not EXPORTER:
        return
    yield "@scrape {"
    yield "\tmethod GET"
    yield "\tpath /metrics"
    yield '\theader Authorization "Bearer *"'
    yield "}"
    yield f"reverse_proxy @scrape {upstream} {{"
    yield "\ttransport http {"
    yield "\t\tdial_timeout 5s"
    yield f"\t\tmax_conns_per_host {max_connections}"
    yield "\t}"
    yield "}"
