"""Small changes wait until someone scrapes."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.metrics.exposition import Exposition
from benchmark_exporter.metrics.live import Live
from tests.support.documents import result
from tests.support.wired import Wired, same_as_whole

LIVE = Live(0, 0.0)


class Exporter:
    """Two benchmarks whose counters are no longer held, with one run each."""

    def __init__(self, folder: Path) -> None:
        self.wired = Wired(folder)
        self.run(0)
        self.wired.exposition()

    def run(self, number: int, name: str = "parsing") -> None:
        times = {"parsing": 1.0 + number, name: 1.0 + number}
        self.wired.drop(f"{number}.json", result(number, times))
        self.wired.ingest.scan()

    def suite(self, number: int) -> None:
        """Runs a suite of one of two projects, and a run of a branch that is not tracked."""
        project = ("router", "api")[number % 2]
        document = result(number, {"parsing": 1.0}) | {"project": project}
        self.wired.drop(f"{number}.json", document | {"duration_seconds": 10.0 * number})
        self.wired.drop(f"{number}b.json", document | {"branch": "feature", "commit": f"c{number}"})
        self.wired.ingest.scan()

    def read(self) -> None:
        wired = self.wired
        wired.collector.expose(wired.ledger, LIVE, wired.now, at_once=False)

    def newest(self) -> Exposition:
        return self.wired.collector.newest(self.wired.now)

    def assert_whole(self) -> None:
        wired = self.wired
        same_as_whole(wired.collector, wired.ledger, LIVE, wired.now, self.newest())

    @property
    def waits(self) -> bool:
        return self.wired.collector.behind_since_seconds <= self.wired.now


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[Exporter]:
    exporter = Exporter(tmp_path)
    yield exporter
    exporter.wired.ledger.close()


def test_a_run_is_rendered_when_it_is_asked_for(exporter: Exporter) -> None:
    before = exporter.newest()
    exporter.run(1)
    exporter.read()
    assert exporter.waits
    assert exporter.wired.collector.exposition is before
    exporter.assert_whole()
    assert not exporter.waits
    assert exporter.newest() is exporter.newest()


def test_runs_that_wait_are_rendered_together(exporter: Exporter) -> None:
    for number in range(1, 4):
        exporter.run(number)
        exporter.read()
    exporter.assert_whole()


def test_what_waits_of_two_projects_is_rendered_of_both(exporter: Exporter) -> None:
    for number in range(1, 5):
        exporter.suite(number)
        exporter.wired.exposition()
    for number in range(5, 9):
        exporter.suite(number)
        exporter.read()
        assert exporter.waits
    exporter.assert_whole()


def test_a_new_benchmark_does_not_wait(exporter: Exporter) -> None:
    exporter.run(1, "compiling")
    exporter.read()
    assert not exporter.waits
    exporter.assert_whole()


def test_what_waits_is_rendered_with_what_does_not(exporter: Exporter) -> None:
    exporter.run(1)
    exporter.read()
    exporter.run(2, "compiling")
    exporter.read()
    exporter.assert_whole()


def test_what_waits_is_rendered_at_once_on_request(exporter: Exporter) -> None:
    exporter.run(1)
    exporter.read()
    exporter.wired.render()  # compares with everything
    assert not exporter.waits


def test_many_runs_do_not_wait(exporter: Exporter) -> None:
    for number in range(1, 120):
        exporter.run(number)
        exporter.read()
        if not exporter.waits:
            break
    assert not exporter.waits
    exporter.assert_whole()


def test_nothing_is_rendered_while_the_clock_is_set_back(exporter: Exporter) -> None:
    exporter.run(1)
    exporter.read()
    exporter.wired.now -= 100
    before = exporter.wired.collector.exposition
    assert exporter.newest() is before
    exporter.wired.render()


def test_settings_that_change_leave_nothing_out(exporter: Exporter) -> None:
    exporter.run(1)
    exporter.read()
    exporter.wired.collector.configure(exporter.wired.config)
    exporter.assert_whole()


def test_what_waits_stays_shown_when_the_ledger_cannot_be_read(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter.run(1)
    exporter.read()
    exporter.assert_whole()
    exporter.run(2)
    with monkeypatch.context() as patched:
        ledger = exporter.wired.ledger
        patched.setattr(ledger.changed_states, "read", _fails)
        with pytest.raises(LedgerError):
            exporter.read()
    exporter.read()
    exporter.assert_whole()


def test_a_scrape_from_another_thread_renders(exporter: Exporter) -> None:
    exporter.run(1)
    exporter.read()
    found: list[Exposition] = []
    thread = Thread(target=lambda: found.append(exporter.newest()))
    thread.start()
    thread.join()
    assert found == [exporter.wired.collector.exposition]
    assert not exporter.waits


def _fails(*_: object, **__: object) -> None:
    raise LedgerError("the disk failed")
