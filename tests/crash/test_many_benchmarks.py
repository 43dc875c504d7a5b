"""Kills of an exporter that has many benchmarks: each result counts once, and so does each alert.

CRASH_BENCHMARKS is how many there are, CRASH_CYCLES how often it is killed, at most MOST_CYCLES
since a start takes seconds with many; CRASH_SEED determines the instants and the results.
"""

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmark_exporter.commands.delivery import Exporter as Target
from benchmark_exporter.commands.push import push
from tests.support.documents import result
from tests.support.killed import LATE_PROJECT, Process, late_projects, undisturbed
from tests.support.many_benchmarks import HISTORY_RUNS, Suites, put
from tests.support.process import DEADLINE_SECONDS
from tests.support.uploading import TOKEN
from tests.support.wired import DEFINITIONS, samples

BENCHMARKS = int(os.environ.get("CRASH_BENCHMARKS", "300"))
MOST_CYCLES = 20
CYCLES = min(int(os.environ.get("CRASH_CYCLES", "3")), MOST_CYCLES)
SEED = int(os.environ.get("CRASH_SEED") or random.SystemRandom().randrange(2**32))
# From when it listens to the kill, and until it shows all of a folder.
LONGEST_LIFE_SECONDS = 0.5 + BENCHMARKS / 2000
SHOWN_SECONDS = DEADLINE_SECONDS + BENCHMARKS / 20
UPLOADS_A_KILL = 20
SLOW = [f"case/{number:05}" for number in range(0, BENCHMARKS, BENCHMARKS // 20)]
CONFIRMED, PASSED = "benchmark_regression_confirmed", "benchmark_regression_passed_info"
CONFIRMED_TOTAL = "benchmark_regressions_confirmed_total"
AS_PROMETHEUS = {"User-Agent": "Prometheus/3.5.3"}


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Process]:
    """An exporter that has just begun to ingest the history of many benchmarks."""
    print(f"CRASH_BENCHMARKS={BENCHMARKS} CRASH_SEED={SEED}")
    running = Process(tmp_path, free_port())
    running.kill()
    running.tokens.write_text(TOKEN)
    with running.config.open("a") as config:
        config.write("regression_least_seconds: 0\n")
    Suites(BENCHMARKS, SEED).history(running.results)
    yield running
    running.kill()


def live_and_die(exporter: Process, instants: random.Random) -> None:
    """Starts it and kills it after a while."""
    exporter.launch()
    exporter.until_listening()
    time.sleep(instants.uniform(0, LONGEST_LIFE_SECONDS))
    exporter.kill()


def drop_cycle(exporter: Process, suites: Suites, cycle: int, drawn: random.Random) -> None:
    """A run of all benchmarks, one file of it twice, and late runs of a project of their own."""
    for document in suites.run(HISTORY_RUNS + cycle):
        name = f"run-{cycle:03}-{document['project']}"
        path = put(exporter.results, name, document)
    shutil.copy(path, path.with_name(f"copy-{path.name}"))
    for number in range(5):
        late = result(drawn.randrange(10_000), {"a": drawn.choice([1.0, 1.01, 1.6]), "b": 1.0})
        late |= {"project": LATE_PROJECT, "run_id": f"late-{cycle}-{number}"}
        put(exporter.results, late["run_id"], late)


def uploads(folder: Path) -> list[Path]:
    """Runs that are sent, as files."""
    folder.mkdir()
    return [
        put(folder, f"upload-{number:05}", result(number, {"a": 1.0}) | {"project": "uploaded"})
        for number in range(UPLOADS_A_KILL * CYCLES)
    ]


def test_each_result_counts_once_whenever_it_is_killed(exporter: Process, tmp_path: Path) -> None:
    drawn, suites = random.Random(SEED), Suites(BENCHMARKS, SEED)  # noqa: S311  # not secrets
    sent = uploads(tmp_path / "sent")
    target = Target(f"http://127.0.0.1:{exporter.port}", TOKEN, DEADLINE_SECONDS)
    with ThreadPoolExecutor(1) as client:
        pushing = client.submit(push, sent, target, {}, jitter=lambda *_: 0.05)
        for cycle in range(CYCLES):
            live_and_die(exporter, drawn)
            drop_cycle(exporter, suites, cycle, drawn)
        started = time.monotonic()
        exporter.launch()
        assert pushing.result()
    everything = tmp_path / "everything"
    shutil.copytree(exporter.results, everything)
    for path in sent:
        shutil.copy(path, everything)
    exporter.until(lambda: exporter.answers("/-/ready"))
    print(f"ready {time.monotonic() - started:.1f} s after the last of {CYCLES} kills")
    exporter.late = late_projects(exporter.ledger)
    expected = undisturbed(everything, tmp_path / "undisturbed", exporter.late)
    exporter.until_shown(expected, SHOWN_SECONDS)
    exporter.kill()
    exporter.start()
    exporter.until_shown(expected, SHOWN_SECONDS)
    assert "a fault in the exporter" not in exporter.log.read_text()


def shown(exporter: Process, name: str, headers: dict[str, str] | None = None) -> dict[str, float]:
    """The values of a metric by the benchmark, as one who asks so is shown it."""
    part = DEFINITIONS[name].collect
    text = exporter.get(f"/metrics?collect%5B%5D={part}", headers).decode()
    text = "\n".join(line for line in text.splitlines() if name in line)
    series = samples(f"{text}\n").get(name, {})
    return {dict(labels)["benchmark_name"]: number for labels, number in series.items()}


def test_regressions_are_reported_once_and_end_whenever_it_is_killed(exporter: Process) -> None:
    drawn, suites = random.Random(SEED), Suites(BENCHMARKS, SEED)  # noqa: S311  # not secrets
    number = HISTORY_RUNS

    def drop(slow: list[str]) -> None:
        nonlocal number
        for document in suites.run(number, slow):
            put(exporter.results, f"run-{number}-{document['project']}", document)
        number += 1

    exporter.start()
    assert shown(exporter, CONFIRMED, AS_PROMETHEUS) == {}
    exporter.kill()
    drop(SLOW)
    live_and_die(exporter, drawn)
    drop(SLOW)  # confirms them
    exporter.start()
    exporter.until(lambda: shown(exporter, CONFIRMED) == dict.fromkeys(SLOW, 1.0))
    exporter.kill()
    drop([])  # they have passed before any Prometheus has seen them
    exporter.start()
    exporter.until(lambda: set(shown(exporter, PASSED)) == set(SLOW))
    assert shown(exporter, CONFIRMED) == dict.fromkeys(SLOW, 1.0)
    exporter.until(lambda: shown(exporter, CONFIRMED, AS_PROMETHEUS) == {})
    exporter.kill()
    exporter.start()
    assert shown(exporter, CONFIRMED) == {}
    counted = shown(exporter, CONFIRMED_TOTAL)
    assert len(counted) == BENCHMARKS
    assert {name for name, count in counted.items() if count} == set(SLOW)
    assert set(counted.values()) == {0.0, 1.0}
