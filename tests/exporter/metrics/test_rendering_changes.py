"""Rendering what has changed gives the same bytes as rendering everything, whatever happens.

`Wired.render` compares them each time. The sequences are random, but the same in every run.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from benchmark_exporter.commands.pinning import BaselineError, clear_baseline, set_baseline
from benchmark_exporter.config import Config
from benchmark_exporter.ingest.drift_check import check_drifts
from benchmark_exporter.ledger import DeletionSelection, Ledger, Pin
from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.metrics.exposition import Exposition, text
from benchmark_exporter.metrics.live import Live
from benchmark_exporter.metrics.sparse import Seen
from benchmark_exporter.model import Notification
from benchmark_exporter.names import Renaming, Renamings
from tests.support.documents import golden, perf_suite, pipeline, result
from tests.support.wired import Wired, same_as_whole

STEPS = 60
ONE, MANY = Config(), Config(max_series=1000, counter_hold_seconds=30)


class Sequence:
    """Random changes of one exporter's ledger."""

    def __init__(self, wired: Wired, seed: int) -> None:
        self.wired = wired
        self.chance = random.Random(seed)  # noqa: S311  # no secret
        self.number = 0

    def names(self) -> dict[str, float]:
        """Some benchmarks with times, most of them steady."""
        chance = self.chance
        slower = chance.choice((1.0, 1.0, 1.0, 1.02, 3.0))
        names = chance.sample([f"b{each}" for each in range(12)], chance.randint(1, 8))
        return {name: 10.0 * slower * chance.uniform(0.99, 1.01) for name in names}

    def drop(self, document: Any, name: str = "") -> None:
        self.number += 1
        self.wired.drop(name or f"{self.number}.json", document)
        self.wired.settle()

    def run(self) -> None:
        for _ in range(self.chance.choice((1, 1, 1, 6))):
            self.number += 1
            project = self.chance.choice(("router", "api"))
            self.wired.drop(
                f"{self.number}.json", result(self.number, self.names()) | {"project": project}
            )
        self.wired.settle()

    def late_run(self) -> None:
        late = self.chance.randint(0, max(self.number - 1, 0))
        self.drop(result(late, self.names()) | {"commit": f"late-{self.number}"})

    def gated_run(self) -> None:
        project = f"gated{self.chance.randint(0, 9)}"
        second = f"{self.number % 60:02}"
        document = perf_suite(
            f"gated-{self.number}",
            project=project,
            speedup=self.chance.choice((20.0, 12.0)),
            timestamp=f"2026-03-02T12:{self.number // 60 % 60:02}:{second}Z",
        )
        self.drop(document)
        if self.chance.random() < 0.5:  # perf_guard writes the same run with its verdict
            document["gate"]["verdict"] = self.chance.choice(("PASS", "FAIL"))
            self.drop(document)

    def branch_run(self) -> None:
        branch = self.chance.choice(("feature", "other"))
        self.drop(result(self.number, self.names()) | {"branch": branch})

    def failing_run(self) -> None:
        document = result(self.number, self.names())
        document["failures"] = [{"benchmark": "b1", "error": "it failed"}]
        self.drop(document)

    def suite(self) -> None:
        document = result(self.number, self.names())
        self.drop(document | {"duration_seconds": self.chance.uniform(1, 100)})

    def shift(self) -> None:
        """All results of a run move together, as if the machine had changed."""
        times = {f"b{each}": 10.0 * self.chance.choice((1.6, 1.0)) for each in range(12)}
        for _ in range(3):
            self.drop(result(self.number, times))

    def pipeline(self) -> None:
        self.drop(
            pipeline(
                f"{self.number}",
                status=self.chance.choice(("pass", "fail")),
                branch=self.chance.choice(("main", "feature")),
                timestamp=f"2026-03-01T12:{self.number % 60:02}:00Z",
            )
        )

    def bad_file(self) -> None:
        self.drop(
            self.chance.choice((b"{", b"[1]", b'{"schema": 1}')), f"bad{self.number % 3}.json"
        )
        self.wired.now += 60
        self.wired.settle()

    def fix_or_remove_file(self) -> None:
        path = self.wired.results / f"bad{self.number % 3}.json"
        if self.chance.random() < 0.5:
            path.unlink(missing_ok=True)
            self.wired.settle()
        else:
            self.drop(result(self.number, self.names()), path.name)

    def duplicate(self) -> None:
        self.drop(golden("jmh/1-results"))

    def alert(self) -> None:
        status = self.chance.choice(("firing", "resolved"))
        fingerprint = f"{self.chance.randint(0, 3)}"
        self.wired.ingest.receive(
            [Notification(fingerprint, "Alert", "b1", "critical", status, "it is slow")]
        )

    def pin(self) -> None:
        runs = self.wired.query("SELECT id FROM runs WHERE tracked")
        if runs:
            name = str(self.chance.choice(runs)[0])
            try:
                if self.chance.random() < 0.7:
                    pin = Pin("v1", "ada", self.wired.now, "")
                    set_baseline(self.wired.ledger, name, pin, self.wired.config.limits_for)
                else:
                    clear_baseline(self.wired.ledger, name)
            except BaselineError:
                pass

    def elsewhere(self) -> None:
        """Another process commits, and so does the exporter before it could notice."""
        with Ledger(self.wired.ledger_path) as other, other.transaction() as transaction:
            transaction.count("runs", ("router", "ci", "", "", "b1"), self.wired.now)
        self.run()

    def delete(self) -> None:
        name = f"b{self.chance.randint(0, 11)}"
        self.wired.delete_runs(DeletionSelection(benchmark=name))

    def delete_project(self) -> None:
        self.wired.ledger.delete([f"gated{self.chance.randint(0, 9)}"], [])

    def rename(self) -> None:
        old, new = f"b{self.chance.randint(0, 11)}", f"c{self.number}"
        self.wired.ledger.rename(Renamings([Renaming(old, new)]))

    def search(self) -> None:
        self.wired.search_changes()

    def drift(self) -> None:
        for _ in check_drifts(self.wired.ledger, self.wired.config.judgement):
            pass

    def prune(self) -> None:
        for _ in self.wired.ledger.prune(self.wired.now - 86_400.0):
            pass

    def wait(self) -> None:
        self.wired.now += self.chance.choice((1, 3, 29, 61, 3600, 86_400, 40 * 86_400))

    def clock_set_back(self) -> None:
        self.wired.now -= self.chance.choice((1, 100, 5000))

    def scraped(self) -> None:
        at = self.wired.now - self.chance.choice((0, 5, 100))
        self.wired.scrapes = {"state": [at], "distributions": [at]}

    def reported(self) -> None:
        alarms = self.wired.render().alarms
        if alarms:
            self.wired.ledger.delivery.mark_reported(alarms)

    def settings(self) -> None:
        hold, limit = self.chance.choice((2, 30)), self.chance.choice((1000, 2000, 18_000))
        config = replace(self.wired.config, counter_hold_seconds=hold, max_series=limit)
        self.wired.collector.configure(config)

    def restart(self) -> None:
        self.wired.restart()

    def step(self) -> Callable[[], None]:
        often = [self.run] * 8 + [self.gated_run] * 3 + [self.wait] * 4 + [self.late_run] * 2
        seldom = [
            *(self.branch_run, self.failing_run, self.suite, self.shift, self.pipeline),
            *(self.bad_file, self.fix_or_remove_file, self.duplicate, self.alert, self.pin),
            *(self.elsewhere, self.delete, self.delete_project, self.rename, self.search),
            *(self.drift, self.prune, self.clock_set_back, self.scraped, self.reported),
            *(self.settings, self.restart),
        ]
        return self.chance.choice([*often, *seldom])


@pytest.fixture
def exporter(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Wired]:
    wired = Wired(tmp_path, request.param)
    yield wired
    wired.ledger.close()


@pytest.mark.parametrize("exporter", [ONE, MANY], indirect=True, ids=["all fit", "some do not fit"])
@pytest.mark.parametrize("seed", range(3))
def test_any_sequence_of_changes_renders_as_everything_does(exporter: Wired, seed: int) -> None:
    sequence = Sequence(exporter, seed)
    prometheus = Scraping(exporter)
    prometheus.follow(exporter.render())
    done: list[str] = []
    for _ in range(STEPS):
        step = sequence.step()
        done.append(step.__name__)
        step()
        try:
            now = exporter.render()
        except AssertionError as error:
            raise AssertionError(f"after {', '.join(done)}: {error}") from error
        prometheus.follow(now)


@pytest.mark.parametrize("exporter", [ONE, MANY], indirect=True, ids=["all fit", "some do not fit"])
def test_changes_that_wait_render_as_everything_does(exporter: Wired) -> None:
    sequence, waited = Sequence(exporter, seed=3), 0
    exporter.render()
    done: list[str] = []
    for _ in range(STEPS):
        step = sequence.chance.choice((sequence.run, sequence.gated_run, sequence.step()))
        done.append(step.__name__)
        step()
        live = Live(exporter.ingest.pending_files, 0.0, scrapes=exporter.scrapes)
        collector, now = exporter.collector, exporter.now
        collector.expose(exporter.ledger, live, now, at_once=False)
        if sequence.chance.random() < 0.3:
            waited += collector.behind_since_seconds < now
            try:
                same_as_whole(collector, exporter.ledger, live, now, collector.newest(now))
            except AssertionError as error:
                raise AssertionError(f"after {', '.join(done)}: {error}") from error
    assert waited


def series(text: bytes) -> dict[str, str]:
    """The value of each series, by its line up to the value."""
    found = {}
    for line in text.decode().splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = value
    return found


class Scraping:
    """A Prometheus that scrapes sparsely after each step."""

    def __init__(self, exporter: Wired) -> None:
        self.exporter = exporter
        self.collector = exporter.collector
        self.seen: dict[Part, Seen] = {}
        self.values: dict[Part, dict[str, str]] = {}

    def follow(self, now: Exposition) -> None:
        """Scrape what is shown now; assert that the newest samples have the values shown."""
        if self.collector is not self.exporter.collector:  # a restart ends its connection
            self.collector = self.exporter.collector
            self.seen.clear()
        for part, sparse in self.collector.sparse.items():
            sent, self.seen[part] = sparse.unseen(self.seen.get(part), self.exporter.now)
            values = self.values.get(part, {}) | {
                name.rpartition(" ")[0]: name.rpartition(" ")[2] for name in series(text([sent]))
            }
            shown = series(
                text([[(now.heads[name], now.blocks[part, name].chunks) for name in sparse.names]])
            )
            # What is gone must be sent again when it returns.
            self.values[part] = {name: values[name] for name in shown}
            assert self.values[part] == shown
