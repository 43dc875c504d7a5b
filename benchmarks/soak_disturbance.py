"""Kills and reloads at random moments, from a seed, for benchmarks.soak."""

import random
import threading
import time
from dataclasses import dataclass

from benchmarks.report import progress
from benchmarks.soak_load import Worker
from stack.readiness import is_ready
from stack.settings import ALERTMANAGER, EXPORTER, PROMETHEUS, Part
from tests.stack.backends import Local

KILLED = (EXPORTER, PROMETHEUS, ALERTMANAGER)
# Kills end here, so that the growth of one process can be measured for the rest of the time.
KILLS_UNTIL_SHARE = 0.4
KILL_SECONDS = 60.0  # between two kills, on average
RELOAD_SECONDS = 120.0
BACK_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Kill:
    """A part that got SIGKILL, when (seconds since 1970), and how long it took to be ready."""

    part: Part
    at_seconds: float
    back_seconds: float


def schedule(seconds: float, dice: random.Random) -> list[tuple[float, Part | None]]:
    """Return what happens when: a part is killed, or with None everything is reloaded.

    Every part is killed equally often, at least once.
    """
    until = seconds * KILLS_UNTIL_SHARE
    # Each of them equally often, at least once.
    kills = [*KILLED] * max(1, round(until / KILL_SECONDS / len(KILLED)))
    dice.shuffle(kills)
    # One in each of as many equal parts of the time: two of them hardly meet.
    slot = until / len(kills)
    events: list[tuple[float, Part | None]] = [
        ((number + dice.uniform(0.2, 0.8)) * slot, part) for number, part in enumerate(kills)
    ]
    reloads = max(1, int(seconds / RELOAD_SECONDS))
    events += [(seconds * (number + dice.random()) / reloads, None) for number in range(reloads)]
    return sorted(events, key=lambda event: event[0])


class Disturbances(Worker):
    """Does what `schedule` says. `kills` and `reloads` are what was done."""

    def __init__(self, backend: Local, seconds: float, seed: int, stop: threading.Event) -> None:
        super().__init__("kills and reloads", stop)
        self._backend = backend
        self._events = schedule(seconds, random.Random(seed))  # noqa: S311  # no secret
        self.kills: list[Kill] = []
        self.reloads = 0

    def act(self) -> None:
        started = time.monotonic()
        for at, part in self._events:
            if self.stopping.wait(max(0, started + at - time.monotonic())):
                return
            if part is None:
                self._reload()
            else:
                self._kill(part)

    def _reload(self) -> None:
        progress("make reload")
        done = self._backend.command("reload")
        if done.returncode:
            raise RuntimeError(f"make reload failed:\n{done.stdout}{done.stderr}")
        self.reloads += 1

    def _kill(self, part: Part) -> None:
        progress(f"kill -9 of {part.name}")
        at, started = time.time(), time.monotonic()
        before = self._backend.process_ids().get(part.name)
        self._backend.kill(part)
        settings = self._backend.settings
        while self._backend.process_ids().get(part.name, before) == before or not is_ready(
            part, settings
        ):
            if time.monotonic() - started > BACK_SECONDS:
                raise RuntimeError(f"{part.name} is not back {BACK_SECONDS:g} s after kill -9")
            time.sleep(0.2)
        self.kills.append(Kill(part, at, time.monotonic() - started))
