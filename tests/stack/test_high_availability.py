"""Members of a pair and of a cluster die at the worst times: nothing is lost or sent twice."""

import functools
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from stack import internal
from stack.high_availability import ADDED, DOORS, INTERNAL, PROMETHEUS_B
from stack.settings import EXPORTER, GRAFANA, LISTENERS, PROMETHEUS, VMAUTH
from tests.stack.backends import get, is_back, until
from tests.stack.doors import DOCUMENT, ask
from tests.stack.pair import ALERT, SETTLED_SECONDS, SPREAD_SECONDS, Pair, Queries, running_pair

BENCHMARKS = ("quiet", "pairless", "headless")
# Of thousands, queries that meet two members that die at once: one in 17,746 was seen.
MOST_FAILURES = 2


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory,
    free_port: Callable[[], int],
    programs: Mapping[str, list[str]],
) -> Iterator[Pair]:
    assert programs
    with running_pair(tmp_path_factory.mktemp("pair") / "checkout", free_port) as pair:
        yield pair


def test_a_stack_with_members_listens_on_the_doors_of_the_document_alone(pair: Pair) -> None:
    settings, ports = pair.backend.settings, internal.ports(pair.backend.settings)
    document = DOCUMENT.read_text(encoding="utf-8")
    assert not [part.name for part in INTERNAL if f"`{part.name}`" not in document]
    published = [part for part in LISTENERS if part not in (GRAFANA, VMAUTH)]
    expected = {("127.0.0.1", settings.port(part)) for part in published}
    expected |= {("127.0.0.1", ports[part.name]) for part in (*published, *INTERNAL)}
    assert set(pair.backend.listening()) == expected
    for part in (*ADDED, *DOORS.values()):
        assert ask(internal.address(part, settings), "/metrics")[0] == 401, part.name
        assert internal.request(part, settings, "/metrics")


def test_each_alert_is_sent_once_whoever_dies(pair: Pair, measured: Callable[[str], None]) -> None:
    settings = pair.backend.settings

    def sent(benchmark: str, what: str, began: float) -> None:
        measured(f"{what}: sent after {pair.until_sent(benchmark, 'trigger') - began:.1f} s")
        # One that dies before it has told the others what it sent has others send it again.
        time.sleep(SPREAD_SECONDS)

    with Queries(pair, "vector(1)").running() as queries:
        sent("quiet", "all live", pair.run("quiet", 5.0))
        # A Prometheus dies before the alert.
        pair.kill(PROMETHEUS)
        sent("pairless", "Prometheus dies", pair.run("pairless", 5.0))
        first, second, _ = pair.in_order()
        # One of each dies when two alerts have ended, and that is not sent yet.
        for benchmark in ("quiet", "pairless"):
            pair.run(benchmark, 20.0)
            ended = functools.partial(pair.has_not, first, benchmark)
            until(ended, 60, "the alert ends")
        pair.kill(PROMETHEUS_B)
        pair.kill(second)
        for benchmark in ("quiet", "pairless"):
            pair.until_sent(benchmark, "resolve")
        until(is_back(PROMETHEUS_B, settings), 60, "the second Prometheus is back")
        pair.await_cluster()
        # The Alertmanager that sends first dies between firing and sending.
        first, second, _ = pair.in_order()
        with pair.stopped(first):
            began = pair.run("headless", 5.0)
            until(lambda: pair.has(second, "headless"), 60, "the second has the alert")
        sent("headless", "Alertmanager dies", began)
        pair.run("headless", 20.0)
        last = pair.until_sent("headless", "resolve")
    assert queries.answers > 100
    assert len(queries.failures) <= MOST_FAILURES, queries.failures
    time.sleep(max(0.0, last + SETTLED_SECONDS - time.monotonic()))
    once = ["trigger", "resolve"]
    # An Alertmanager that has restarted may send an end in the moment in which another one does, or
    # hold a message back until others have sent the end (docs/high-availability.md).
    for benchmark in BENCHMARKS:
        assert pair.sent(benchmark) in (once, [*once, "resolve"], 2 * once)
    # The exporter's webhook gets them, too.
    shown = get(EXPORTER.url(settings, "/api/v1/status"))["alerts"]
    ours = [one for one in shown if one["alertname"] == ALERT]
    assert sorted(one["benchmark_name"] for one in ours) == sorted(BENCHMARKS)
    assert {one["status"] for one in ours} == {"resolved"}
