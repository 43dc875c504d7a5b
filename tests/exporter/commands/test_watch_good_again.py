"""`watch` says when a result that was worse is good again, in text and as JSON."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmark_exporter.commands.event_lines import lines
from benchmark_exporter.commands.origins import Origins
from benchmark_exporter.commands.stream_client import Received
from benchmark_exporter.stream.messages import Hello, RunNews, Snapshot, VerdictNews
from tests.exporter.commands.test_watch import watching
from tests.support.documents import result
from tests.support.process import Exporter


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    running = Exporter(tmp_path, free_port(), stream_port=free_port())
    yield running
    assert running.stop() == 0, running.log.read_text()


def run_of(number: int, **states: str) -> RunNews:
    """A run with a verdict on each result."""
    return RunNews(
        run_id=f"r{number}",
        benchmark="router",
        project="orbit",
        environment="ci",
        machine_class="",
        branch="main",
        base_branch="main",
        commit_hash="a1b2c3d",
        format="result",
        timestamp=datetime(2026, 3, 1, tzinfo=UTC),
        failed=False,
        p50_ms={},
        verdicts=[
            VerdictNews(name=name, state=state, worsening_ratio=None if state == "none" else 0.01)
            for name, state in states.items()
        ],
    )


def judged(origins: Origins, run: RunNews) -> list[str]:
    received = Received(run.timestamp, run)
    return [line.text for line in lines(received, origins) if line.text.startswith("judged")]


def test_a_result_that_is_good_again_is_news_once() -> None:
    origins = Origins()
    judged(origins, run_of(1, a="ok", b="critical", c="warning", d="warning"))
    assert judged(origins, run_of(2, a="ok", b="ok", d="insufficient_data")) == [
        "judged   b ok again, 1.0% worse than before"
    ]
    assert judged(origins, run_of(3, a="ok", b="ok", c="improved", d="ok")) == [
        "judged   c improved, 1.0% worse than before"
    ]
    assert judged(origins, run_of(4, a="ok", b="ok", c="ok", d="ok")) == []


def test_what_became_good_while_there_was_no_connection_is_news() -> None:
    origins = Origins()

    def hello(*runs: RunNews) -> list[str]:
        snapshot = Snapshot(runs=runs)
        news = Hello(stream="s", version="1", results_dir="", resumed=False, snapshot=snapshot)
        return [line.text for line in lines(Received(runs[0].timestamp, news), origins)]

    (newest,) = hello(run_of(1, a="critical"))
    assert newest.startswith("newest ")
    assert hello(run_of(2, a="ok")) == ["judged   a ok again, 1.0% worse than before"]


def test_json_lines_have_each_message_and_what_is_good_again(exporter: Exporter) -> None:
    with watching(exporter, "--json") as watch:
        hello = json.loads(watch.until(r"^\{.*\}\n")[0])
        assert (hello["type"], hello["metrics"]["stream"] != "") == ("hello", True)
        for number in range(20):
            write_result(exporter, number, 1.0)
        watch.until(r'"run_id":"r19"')
        for number in (20, 21):
            write_result(exporter, number, 1.5)
            watch.until(rf'"run_id":"r{number}"')
        write_result(exporter, 22, 1.0)
        found = json.loads(watch.until(r'\{"type":"good_again".*\}\n')[0])
        assert found["metrics"]["project"] == "router"
        assert found["metrics"]["verdict"]["name"] == "parsing"
        assert found["metrics"]["verdict"]["state"] == "ok"
        whole, _, _ = watch.text.rpartition("\n")
        kinds = [json.loads(line)["type"] for line in whole.splitlines()]
        assert kinds.count("good_again") == 1
        assert watch.interrupt() == 130


def write_result(exporter: Exporter, number: int, milliseconds: float) -> None:
    document = result(number, {"parsing": milliseconds}) | {"run_id": f"r{number}"}
    aside = exporter.results / f".{number}"
    aside.write_text(json.dumps(document))
    aside.rename(exporter.results / f"{number}.json")
