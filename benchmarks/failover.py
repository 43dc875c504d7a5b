"""What the death of each member costs, and what the members cost: `python -m benchmarks.failover`.

Starts a stack with HIGH_AVAILABILITY=yes and kills one member at a time: before an alert, between
firing and sending, and when it ends; then keeps a Prometheus and an Alertmanager away for minutes.
Counts what a receiver got, and asks queries all the time.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks import cluster_timeout, failover_report
from benchmarks.report import RESULTS, progress
from stack.high_availability import MEMBERS, PROMETHEUS_B
from stack.programs import Programs
from stack.settings import ALERTMANAGER, EXPORTER, PROMETHEUS, ROOT, STATE, Part
from stack.supervisor import Supervisor
from tests import guardian
from tests.conftest import find_free_port
from tests.stack.backends import is_back, until
from tests.stack.pair import SETTLED_SECONDS, SPREAD_SECONDS, Pair, Queries, running_pair

BACK_SECONDS = 120.0


@dataclass(slots=True)
class Death:
    """What was seen of the deaths of one member: delays in seconds."""

    who: str
    when: str
    delays: list[float] = field(default_factory=list)
    benchmarks: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a part used: a share of one core, resident memory, and its files."""

    part: str
    core: float
    memory_bytes: int
    disk_bytes: int


class Drill:
    """One drill of a running stack."""

    def __init__(self, pair: Pair, rounds: int) -> None:
        self._pair = pair
        self._rounds = rounds
        self.deaths: list[Death] = []

    def run(self, away_seconds: float) -> None:
        """Kill each member in every way, then keep one of each kind away."""
        for _ in range(self._rounds):
            self._alert(self._death("nobody", "–"))
        for part in (PROMETHEUS, PROMETHEUS_B, EXPORTER):
            for _ in range(self._rounds):
                self._die(part, self._death(part.name, "before the alert"))
        for place, name in enumerate(("first", "second", "third")):
            for _ in range(self._rounds):
                self._die_between(place, self._death(f"{name} Alertmanager", "before it sends"))
        for part in (PROMETHEUS, PROMETHEUS_B):
            self._end(self._death(part.name, "when the alert ends"), part)
        for place, name in enumerate(("first", "second", "third")):
            death = self._death(f"{name} Alertmanager", "when the alert ends")
            self._end(death, self._pair.in_order()[place])
        for part in (PROMETHEUS, MEMBERS[ALERTMANAGER][0]):
            self._stay_away(part, away_seconds)

    def _death(self, who: str, when: str) -> Death:
        for death in self.deaths:
            if (death.who, death.when) == (who, when):
                return death
        self.deaths.append(Death(who, when))
        return self.deaths[-1]

    def _name(self, death: Death) -> str:
        number = sum(len(one.benchmarks) for one in self.deaths)
        death.benchmarks.append(f"drill-{number:03}")
        return death.benchmarks[-1]

    def _alert(self, death: Death) -> str:
        name = self._name(death)
        began = self._pair.run(name, 5.0)
        death.delays.append(self._pair.until_sent(name, "trigger") - began)
        progress(f"{death.who}, {death.when}: {death.delays[-1]:.1f} s")
        time.sleep(SPREAD_SECONDS)
        return name

    def _die(self, part: Part, death: Death) -> None:
        self._pair.kill(part)
        self._alert(death)
        self._await(part)

    def _die_between(self, place: int, death: Death) -> None:
        dying = self._pair.in_order()[place]
        alive = next(part for part in MEMBERS[ALERTMANAGER] if part is not dying)
        name = self._name(death)
        with self._pair.stopped(dying):
            began = self._pair.run(name, 5.0)
            until(lambda: self._pair.has(alive, name), BACK_SECONDS, "an alert fires")
        death.delays.append(self._pair.until_sent(name, "trigger") - began)
        progress(f"{death.who}, {death.when}: {death.delays[-1]:.1f} s")
        self._await(dying)

    def _end(self, death: Death, part: Part) -> None:
        name = self._alert(self._death("nobody", "–"))
        death.benchmarks.append(name)
        began = self._pair.run(name, 20.0)
        self._pair.kill(part)
        death.delays.append(self._pair.until_sent(name, "resolve") - began)
        progress(f"{death.who}, {death.when}: {death.delays[-1]:.1f} s")
        self._await(part)

    def _stay_away(self, part: Part, seconds: float) -> None:
        with stopped(self._pair, part):
            for _ in range(self._rounds):
                name = self._alert(self._death(part.name, f"away for {seconds:.0f} s"))
                self._pair.run(name, 20.0)
            time.sleep(seconds)
        self._await(part)

    def _await(self, part: Part) -> None:
        until(is_back(part, self._pair.backend.settings), BACK_SECONDS, f"{part.name} is back")
        self._pair.await_cluster()

    def finish(self) -> tuple[Sequence[str], Sequence[str]]:
        """End all alerts; gives the benchmarks of which something was lost, or sent twice."""
        names = sorted({name for death in self.deaths for name in death.benchmarks})
        for name in names:
            if "resolve" not in self._pair.sent(name):
                self._pair.run(name, 20.0)
        for name in names:
            self._pair.until_sent(name, "resolve", BACK_SECONDS)
        time.sleep(SETTLED_SECONDS)
        sent = {name: self._pair.sent(name) for name in names}
        lost = [name for name in names if set(sent[name]) != {"trigger", "resolve"}]
        twice = [name for name in names if len(sent[name]) != len(set(sent[name]))]
        return lost, [f"{name}: {' '.join(sent[name])}" for name in twice]


@contextmanager
def stopped(pair: Pair, part: Part) -> Iterator[None]:
    """A member that is away until the end, without warning."""
    supervisor = Supervisor(pair.backend.settings.state_dir, pair.backend.settings.root)
    os.kill(pair.backend.process_ids()[part.name], signal.SIGKILL)
    supervisor.stop(part.name)
    try:
        yield
    finally:
        supervisor.start_one(part.name)


def costs(pair: Pair, seconds: float) -> list[Cost]:
    """What each server uses in so many seconds while results come in: one a second."""
    ids = pair.backend.process_ids()
    processes = {name: psutil.Process(pid) for name, pid in ids.items()}
    before = {name: _cpu(process) for name, process in processes.items()}
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        pair.run("load", 20.0)
        time.sleep(1.0)
    elapsed = time.monotonic() - began
    state = pair.backend.settings.state_dir
    return [
        Cost(
            name,
            (_cpu(process) - before[name]) / elapsed,
            process.memory_info().rss,
            sum(path.stat().st_blocks * 512 for path in (state / name).rglob("*") if path.exists()),
        )
        for name, process in processes.items()
    ]


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def main() -> int:
    """Measure, and write benchmarks/results/high_availability.md; 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--away-seconds", type=float, default=120.0)
    parser.add_argument("--cost-seconds", type=float, default=120.0)
    parser.add_argument("--skip-timeouts", action="store_true")
    options = parser.parse_args()
    programs = Programs(ROOT / STATE / "programs")
    argv = programs.argv("alertmanager")
    if argv is None:
        print("alertmanager is not there; `make up` fetches it", file=sys.stderr)
        return 1
    at_end = Path(tempfile.mkdtemp(prefix="strataregula-at-end-"))
    os.environ["STRATAREGULA_AT_END"] = str(at_end)
    guardian.start(at_end)
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        if not options.skip_timeouts:
            progress("timeouts of a cluster")
            rows = list(cluster_timeout.measure(Path(folder), argv))
        with running_pair(Path(folder) / "checkout", find_free_port) as pair:
            used = costs(pair, options.cost_seconds)
            drill = Drill(pair, options.rounds)
            with Queries(pair, "vector(1)").running() as queries:
                drill.run(options.away_seconds)
                lost, twice = drill.finish()
    page = failover_report.page(rows, used, drill.deaths, queries, lost, twice)
    (RESULTS / "high_availability.md").write_text(page, encoding="utf-8")
    print(page)
    return 1 if lost or queries.failures else 0


if __name__ == "__main__":
    sys.exit(main())
