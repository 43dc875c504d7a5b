"""Sparse scrapes of a running exporter: what each connection has been sent."""

import http.client
import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.support.documents import perf_suite
from tests.support.process import DEADLINE_SECONDS, Exporter

PATH = "/metrics?collect%5B%5D=state&sparse=1"
RUN = "benchmark_last_run_timestamp_seconds{"


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    """An exporter that knows twenty benchmarks."""
    exporter = Exporter(tmp_path_factory.mktemp("sparse"), free_port())
    for number in range(20):
        drop(exporter, number, "2026-03-01T12:00:02Z")
    exporter.until(lambda: len(samples(exporter.get("/metrics").decode())) == 20)
    yield exporter
    exporter.stop()


def drop(exporter: Exporter, number: int, timestamp: str) -> None:
    """Write a run of a benchmark into the results folder, whole at once."""
    document = perf_suite(f"{number} {timestamp}", project=f"p{number}", timestamp=timestamp)
    part = exporter.results / f"{number}-{timestamp}.part"
    part.write_text(json.dumps(document), encoding="utf-8")
    part.rename(part.with_suffix(".json"))


def samples(text: str) -> list[str]:
    """The lines of one sparse family."""
    return [line for line in text.splitlines() if line.startswith(RUN)]


class Client:
    """A scraper with a connection that it keeps."""

    def __init__(self, exporter: Exporter) -> None:
        self.connection = http.client.HTTPConnection(
            "127.0.0.1", exporter.port, timeout=DEADLINE_SECONDS
        )

    def scrape(self, method: str = "GET", path: str = PATH, **headers: str) -> str:
        """The answer; `headers` have underscores where the header has dashes."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, headers={"User-Agent": "Prometheus/3.5.3", **names})
        return self.connection.getresponse().read().decode()


@pytest.fixture
def client(exporter: Exporter) -> Iterator[Client]:
    client = Client(exporter)
    with closing(client.connection):
        yield client


def test_a_connection_is_sent_everything_once(client: Client) -> None:
    first = samples(client.scrape())
    assert len(first) == 20
    assert all(re.search(r" \d{13}$", line) for line in first)
    again = samples(client.scrape())
    assert len(again) < 10  # those whose turn it was meanwhile
    assert not set(again) & set(first)


def test_a_new_connection_of_the_same_scraper_is_sent_everything(
    client: Client, exporter: Exporter
) -> None:
    client.scrape()
    other = Client(exporter)
    with closing(other.connection):
        assert len(samples(other.scrape())) == 20


def test_two_scrapers_are_each_sent_a_change(client: Client, exporter: Exporter) -> None:
    other = Client(exporter)
    with closing(other.connection):
        client.scrape()
        other.scrape()
        drop(exporter, 3, "2026-03-02T12:00:02Z")
        for each in (client, other):
            sent = [*samples(each.scrape())]
            exporter.until(lambda: found(sent, each))  # noqa: B023  # called at once
            assert sum("p3" in line for line in sent) == 1
        assert not any("p3" in line for line in samples(client.scrape()))


def found(sent: list[str], client: Client) -> bool:
    """Whether the change has been sent; scrapes once more if not."""
    if not any("p3" in line for line in sent):
        sent += samples(client.scrape())
    return any("p3" in line for line in sent)


def test_an_answer_without_a_body_counts_as_nothing_sent(client: Client) -> None:
    client.scrape("HEAD")
    assert len(samples(client.scrape())) == 20


def test_clients_behind_a_proxy_are_told_apart_on_its_connection(
    client: Client, exporter: Exporter
) -> None:
    assert len(samples(client.scrape(X_Forwarded_For="192.0.2.1"))) == 20
    assert len(samples(client.scrape(X_Forwarded_For="192.0.2.2"))) == 20
    # What is sent overlaps for some seconds, in which the proxy alone may have read an answer.
    exporter.until(lambda: len(samples(client.scrape(X_Forwarded_For="192.0.2.1"))) < 20)


def test_an_answer_that_was_not_read_is_sent_again(exporter: Exporter) -> None:
    request = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Prometheus/3.5.3\r\n\r\n"
    with socket.create_connection(("127.0.0.1", exporter.port)) as connection:
        connection.sendall(request.encode())
        connection.recv(100)
    client = Client(exporter)
    with closing(client.connection):
        assert len(samples(client.scrape())) == 20


def test_any_other_value_is_refused(exporter: Exporter) -> None:
    status, text = exporter.status_of("/metrics?sparse=yes")
    assert status == 400
    assert "sparse must be 1" in text


def test_what_is_dense_and_resources_are_whole(exporter: Exporter) -> None:
    text = exporter.get("/metrics?collect[]=distributions&collect[]=resources&sparse=1").decode()
    whole = exporter.get("/metrics").decode()
    for name in ("benchmark_run_info", "memory_usage_mb"):
        of_metric = {series for series in whole.splitlines() if series.startswith(name)}
        assert of_metric
        assert {line.rpartition(" ")[0] for line in of_metric} == {
            line.rpartition(" ")[0] for line in text.splitlines() if line.startswith(name)
        }


def test_a_scrape_of_all_parts_has_each_family_once_and_each_series(exporter: Exporter) -> None:
    text = exporter.get("/metrics?sparse=1").decode()
    heads = re.findall("^# TYPE .*", text, re.MULTILINE)
    assert len(heads) == len(set(heads))
    series = {re.split("} |(?<!}) ", line)[0] for line in text.splitlines() if line[0] != "#"}
    whole = exporter.get("/metrics?collect[]=state&collect[]=distributions").decode()
    assert series >= {
        re.split("} |(?<!}) ", line)[0] for line in whole.splitlines() if line[0] != "#"
    }


SLOW_PATH = PATH.replace("state", "distributions")
COUNT = "benchmark_execution_time_ms_count{"


def test_each_part_is_sent_once_on_a_connection_and_a_change_of_it_at_once(
    client: Client, exporter: Exporter
) -> None:
    def counts(path: str) -> list[str]:
        return [line for line in client.scrape(path=path).splitlines() if line.startswith(COUNT)]

    first = counts(SLOW_PATH)
    assert len(first) == 40  # two results of each
    assert all(re.search(r" \d{13}$", line) for line in first)
    assert not counts(PATH)
    # At most those whose turn it was meanwhile.
    assert len(counts(SLOW_PATH)) < 20
    drop(exporter, 7, "2026-03-03T12:00:02Z")
    sent: list[str] = []

    def is_sent() -> bool:
        sent.extend(counts(SLOW_PATH))
        return any('project="p7"' in line and "} 2 " in line for line in sent)

    exporter.until(is_sent)
