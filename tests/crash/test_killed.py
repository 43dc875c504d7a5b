"""Killed again and again at random while results arrive, an exporter loses and repeats nothing.

CRASH_CYCLES is how often it is killed in total; CRASH_SEED determines the instants and results.
"""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.documents import Json, perf_suite, result
from tests.support.killed import LATE_PROJECT, Process, late_projects, undisturbed
from tests.support.series import RUNS

CYCLES = int(os.environ.get("CRASH_CYCLES", "10"))
SEED = int(os.environ.get("CRASH_SEED") or random.SystemRandom().randrange(2**32))
CYCLES_A_SERIES = 10
WRITERS = 3
# From when it listens, which is before its first scan, to the kill.
LONGEST_LIFE_SECONDS = 0.5
# An outcome amends its run, so no scan may find it that missed the run: longer than reading a
# folder takes on a busy machine.
OUTCOME_SECONDS = 1.0


class Writer(threading.Thread):
    """Writes results until it is stopped.

    Every file is written once; no two runs were made in the same second.
    """

    def __init__(self, results: Path, number: int, seed: str, stop: threading.Event) -> None:
        super().__init__()
        self._results = results
        self._number = number
        self._random = random.Random(f"{seed} {number}")  # noqa: S311  # results, not secrets
        self._stop_writing = stop
        self._files = 0
        self._runs = 0
        self._outcomes: list[tuple[float, Json]] = []  # and when to write them
        self.failed: BaseException | None = None

    def run(self) -> None:
        acts = (
            self._single,
            self._copied,
            self._outcome_later,
            self._conflicting,
            self._within_a_millisecond,
            self._folder,
            self._bad,
            self._late,
        )
        try:
            while not self._stop_writing.is_set():
                self._random.choice(acts)()
                time.sleep(self._random.uniform(0, 0.02))
                while self._outcomes and self._outcomes[0][0] < time.monotonic():
                    self._put(self._outcomes.pop(0)[1])
            for due, document in self._outcomes:
                time.sleep(max(0, due - time.monotonic()))
                self._put(document)
        except BaseException as error:
            self.failed = error
            raise

    def _single(self) -> None:
        self._put(self._document())

    def _copied(self) -> None:
        document = self._document()
        self._put(document)
        self._put(document)

    def _outcome_later(self) -> None:
        document = self._document()
        self._put(document)
        gate = document["gate"] | {"verdict": self._random.choice(["PASS", "FAIL"])}
        self._outcomes.append((time.monotonic() + OUTCOME_SECONDS, document | {"gate": gate}))

    def _conflicting(self) -> None:
        one, other = self._document(), self._document()
        other["run"]["run_id"] = one["run"]["run_id"]
        self._put(one)
        self._put(other)

    def _within_a_millisecond(self) -> None:
        pairs = [(self._hidden(self._document()), self._path()) for _ in range(2)]
        for hidden, path in pairs:
            hidden.rename(path)

    def _folder(self) -> None:
        stage = self._results / f".stage-{self._number}"
        stage.mkdir()
        for number in range(3):
            (stage / f"{number}.json").write_text(json.dumps(self._document()))
        stage.rename(self._path().with_suffix(""))

    def _late(self) -> None:
        """Runs that all writers have in common, of any times: most come after newer ones."""
        for _ in range(3):
            self._runs += 1
            milliseconds = self._random.choice([1.0, 1.01, 0.99, 1.02, 1.6])
            document = result(self._random.randrange(10_000), {"a": milliseconds, "b": 1.0})
            document |= {
                "project": LATE_PROJECT,
                "run_id": f"late-{self._runs * WRITERS + self._number}",
                "branch": self._random.choice(["main", "main", "release/1"]),
            }
            self._put(document)

    def _bad(self) -> None:
        self._path().write_text(
            self._random.choice(["[]", '{"run": ', json.dumps({"hello": self._runs})])
        )

    def _put(self, document: Json) -> None:
        """Writes in place at once, in place slowly, or renames."""
        text = json.dumps(document)
        way = self._random.randrange(3)
        if way == 0:
            self._path().write_text(text)
        elif way == 1:
            with self._path().open("w") as file:
                for start in range(0, len(text), 300):
                    file.write(text[start : start + 300])
                    file.flush()
                    time.sleep(self._random.uniform(0, 0.03))
        else:
            self._hidden(document).rename(self._path())

    def _hidden(self, document: Json) -> Path:
        path = self._path()
        hidden = path.with_name(f".{path.name}")
        hidden.write_text(json.dumps(document))
        return hidden

    def _path(self) -> Path:
        self._files += 1
        return self._results / f"{self._number}-{self._files:05}.json"

    def _document(self) -> Json:
        self._runs += 1
        number = self._runs * WRITERS + self._number
        made = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=number)
        return perf_suite(
            f"run-{number}",
            # The writer's own, whose runs come in order, so that what is counted does not depend on
            # the kills.
            project=f"project {self._number}.{self._random.randrange(2)}",
            p50_ms=self._random.randrange(1, 640) / 64,
            speedup=self._random.choice([5.0, 12.0, 20.0]),
            commit=f"commit-{self._random.randrange(20)}",
            timestamp=made.isoformat(),
        )


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Process]:
    running = Process(tmp_path, free_port())
    yield running
    running.kill()


@pytest.mark.parametrize("series", range(-(-CYCLES // CYCLES_A_SERIES)))
def test_killed_at_random_instants_of_a_burst(
    exporter: Process, tmp_path: Path, series: int
) -> None:
    seed = f"{SEED} {series}"
    print(f"CRASH_SEED={SEED}, series {series}")
    instants = random.Random(seed)  # noqa: S311  # instants, not secrets
    stop = threading.Event()
    writers = [Writer(exporter.results, number, seed, stop) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(min(CYCLES_A_SERIES, CYCLES - series * CYCLES_A_SERIES)):
            time.sleep(instants.uniform(0, LONGEST_LIFE_SECONDS))
            exporter.kill()
            exporter.launch()
            exporter.until_listening()
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert [writer.failed for writer in writers] == [None] * WRITERS
    expected = undisturbed(exporter.results, tmp_path / "undisturbed")
    exporter.until(lambda: (exporter.shown() or {}).get(RUNS) == expected[RUNS])
    if (late := late_projects(exporter.ledger)) != exporter.late:
        exporter.late = late
        expected = undisturbed(exporter.results, tmp_path / "again", late)
    files = len(list(exporter.results.rglob("*.json")))
    print(f"{sum(expected[RUNS].values()):.0f} runs, {files} files")
    exporter.until_shown(expected)
    # A start counts nothing again.
    exporter.kill()
    exporter.start()
    exporter.until_shown(expected)
    assert "a fault in the exporter" not in exporter.log.read_text()
