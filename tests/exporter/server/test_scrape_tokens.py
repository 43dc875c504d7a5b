"""A Prometheus elsewhere scrapes with a token of its own, which opens nothing else."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.asking import ask
from tests.support.documents import result
from tests.support.histories import STEADY
from tests.support.process import Exporter

CREDENTIAL = "made-up-credential-of-the-stack"
SCRAPE_TOKEN = "made-up-token-of-a-prometheus"
TOKEN = {"Authorization": f"Bearer {SCRAPE_TOKEN}"}
AS_PROMETHEUS = {"User-Agent": "Prometheus/3.5.0", "X-Prometheus-Scrape-Timeout-Seconds": "1"}


@pytest.fixture(scope="module")
def exporter(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Exporter]:
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "credential").write_text(CREDENTIAL)
    (folder / "scrape_tokens").write_text(f"# comment\nprometheus {SCRAPE_TOKEN}\n")
    options = (
        f"--credential-file={folder / 'credential'}",
        f"--scrape-tokens={folder / 'scrape_tokens'}",
    )
    running = Exporter(folder, free_port(), *options, stream_port=free_port())
    yield running
    assert running.stop() == 0, running.log.read_text()


def status(port: int, path: str, headers: Mapping[str, str], method: str = "GET") -> int:
    return ask(port, path, headers, method, b"{}" if method == "POST" else None).status


def test_it_opens_the_metrics_and_nothing_else(exporter: Exporter) -> None:
    assert status(exporter.port, "/metrics", TOKEN) == 200
    assert status(exporter.port, "/metrics?collect[]=state&sparse=1", TOKEN) == 200
    for path in ("/", "/api/v1/status", "/api/v1/changes", "/metrics/", "//metrics"):
        assert status(exporter.port, path, TOKEN) == 401, path
    for path in ("/metrics", "/api/v1/alerts", "/api/v1/results"):
        assert status(exporter.port, path, TOKEN, "POST") == 401, path
    assert status(exporter.stream_port, "/metrics", TOKEN) == 401
    assert status(exporter.stream_port, "/", TOKEN) == 401


def test_nothing_but_the_token_opens_the_metrics(exporter: Exporter) -> None:
    for headers in (
        {},
        {"Authorization": f"Bearer {SCRAPE_TOKEN}x"},
        {"Authorization": "Bearer prometheus"},
        {"X-Stack-Credential": SCRAPE_TOKEN},
        {**TOKEN, "X-Stack-Credential": SCRAPE_TOKEN},
    ):
        assert status(exporter.port, "/metrics", headers) == 401, headers


def test_a_token_that_is_removed_admits_nobody(exporter: Exporter) -> None:
    file = exporter.folder / "scrape_tokens"
    text = file.read_text()
    file.unlink()
    assert status(exporter.port, "/metrics", TOKEN) == 401
    file.write_text(text)
    assert status(exporter.port, "/metrics", TOKEN) == 200


def test_each_prometheus_behind_a_proxy_is_awaited(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """Two of them come by one proxy: what one has seen, the other has not reported yet."""
    (tmp_path / "credential").write_text(CREDENTIAL)
    (tmp_path / "scrape_tokens").write_text(SCRAPE_TOKEN)
    (tmp_path / "config.yaml").write_text("regression_least_seconds: 0\n")
    exporter = Exporter(
        tmp_path,
        free_port(),
        f"--credential-file={tmp_path / 'credential'}",
        f"--scrape-tokens={tmp_path / 'scrape_tokens'}",
        f"--config={tmp_path / 'config.yaml'}",
    )
    first, second = (
        {**TOKEN, **AS_PROMETHEUS, "X-Forwarded-For": f"198.51.100.1, 192.0.2.{number}"}
        for number in (1, 2)
    )
    person = {"Authorization": f"Bearer {CREDENTIAL}"}

    def is_shown(headers: Mapping[str, str]) -> bool:
        answer = ask(exporter.port, "/metrics?collect[]=state", headers)
        return b"benchmark_regression_passed_info{" in answer.body

    try:
        assert not is_shown(first)
        assert not is_shown(second)
        for number, milliseconds in enumerate([*STEADY, 1.5, 1.5, 1.0]):
            part = exporter.results / f"{number}.part"
            part.write_text(json.dumps(result(number, {"parsing": milliseconds})))
            part.rename(part.with_suffix(".json"))
        exporter.until(lambda: is_shown(person))
        for _ in range(5):
            assert is_shown(first)
        assert is_shown(second)
        assert is_shown(second)
        exporter.until(lambda: not is_shown(person))
    finally:
        assert exporter.stop() == 0, exporter.log.read_text()
