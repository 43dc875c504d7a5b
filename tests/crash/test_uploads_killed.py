"""Uploads to an exporter that is killed: each that was answered 201 counts exactly once.

CRASH_CYCLES is how often it is killed in each test; CRASH_SEED determines the instants.
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmark_exporter.commands.delivery import Exporter as Target
from benchmark_exporter.commands.push import push
from tests.support.documents import perf_suite
from tests.support.killed import Process, undisturbed
from tests.support.process import DEADLINE_SECONDS
from tests.support.uploading import TOKEN, upload

KILLS = int(os.environ.get("CRASH_CYCLES", "8"))
SEED = int(os.environ.get("CRASH_SEED") or random.SystemRandom().randrange(2**32))
FILES_A_KILL = 100
FIRST_RUN = datetime(2026, 3, 1, 12, tzinfo=UTC)
# From when it listens to the kill.
LONGEST_LIFE_SECONDS = 0.3


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Process]:
    running = Process(tmp_path, free_port())
    running.tokens.write_text(TOKEN)
    yield running
    running.kill()


def documents(folder: Path, count: int) -> list[Path]:
    """Runs of one suite, as files; every third one has a sidecar."""
    folder.mkdir()
    paths = [folder / f"{number}.json" for number in range(count)]
    for number, path in enumerate(paths):
        if number % 3 == 0:
            path.with_suffix(".meta.json").write_text('{"branch":"main"}')
        moment = FIRST_RUN + timedelta(seconds=number)
        path.write_text(json.dumps(perf_suite(f"run-{number}", timestamp=moment.isoformat())))
    return paths


def test_killed_right_after_201(exporter: Process, tmp_path: Path) -> None:
    paths = documents(tmp_path / "documents", KILLS)
    for number, path in enumerate(paths):
        query = "?branch=main" if number % 3 == 0 else ""
        assert upload(exporter, path.read_bytes(), query).status == 201
        exporter.kill()
        exporter.start()
        assert upload(exporter, path.read_bytes(), query).status == 200
    exporter.until_shown(undisturbed(tmp_path / "documents", tmp_path / "undisturbed"))


def test_killed_at_random_while_files_are_pushed(exporter: Process, tmp_path: Path) -> None:
    print(f"CRASH_SEED={SEED}")
    chance = random.Random(SEED)  # noqa: S311  # instants, not secrets
    paths = documents(tmp_path / "documents", FILES_A_KILL * KILLS)
    target = Target(f"http://127.0.0.1:{exporter.port}", TOKEN, DEADLINE_SECONDS)
    with ThreadPoolExecutor(1) as client:
        pushing = client.submit(push, paths, target, {}, jitter=lambda *_: 0.02)
        for _ in range(KILLS):
            exporter.until(lambda: exporter.answers("/-/healthy"))
            time.sleep(chance.uniform(0, LONGEST_LIFE_SECONDS))
            assert not pushing.done(), "all was pushed before the last kill: more files are needed"
            exporter.kill()
            exporter.launch()
        assert pushing.result()
    exporter.until_shown(undisturbed(tmp_path / "documents", tmp_path / "undisturbed"))
    names = [path.name for path in exporter.ledger.with_name("uploads").iterdir()]
    assert len(names) == len(list((tmp_path / "documents").iterdir()))
