"""Who gets the state compressed, and that it is the same state."""

import asyncio
import gzip

import pytest

from benchmark_exporter.metrics.exposition import text
from benchmark_exporter.server.compressing import Compressed, is_worth_it
from tests.support.documents import perf_suite
from tests.support.wired import Wired


@pytest.mark.parametrize(
    ("remote", "accepted", "expected"),
    [
        ("127.0.0.1", "gzip", False),
        ("127.8.0.1", "gzip, deflate", False),
        ("::1", "gzip", False),
        (None, "gzip", False),
        ("192.168.1.7", "gzip", True),
        ("fe80::1%eth0", "gzip", True),
        ("192.168.1.7", "deflate", False),
    ],
)
def test_only_what_goes_through_a_network_is_compressed(
    remote: str | None, accepted: str, expected: bool
) -> None:
    assert is_worth_it(remote, accepted) is expected


def test_compressed_and_plain_are_the_same_and_it_is_done_once(wired: Wired) -> None:
    wired.take("a.json", perf_suite())
    compressed, first = Compressed(), wired.render()
    body = asyncio.run(compressed.state(first))
    assert gzip.decompress(body) == text([first.families("state")])
    assert asyncio.run(compressed.state(first)) is body
    wired.take("b.json", perf_suite("other"))
    second = wired.render()
    assert gzip.decompress(asyncio.run(compressed.state(second))) == second.parts["state"]
