"""Two jobs that comment on one request at the same time, in many orders of their requests.

Each request of either job waits for its turn. A job that lets others end what they have begun gets
no turn until the other one does the same or has ended: that is what its time is for.
"""

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import aiohttp
import pytest

from benchmark_exporter.review.api import Api, Waiting
from benchmark_exporter.review.markdown import marker
from benchmark_exporter.review.order import Order
from benchmark_exporter.review.publish import publish
from tests.exporter.review import forge_server
from tests.exporter.review.forge_server import WORKFLOW, Forge
from tests.exporter.review.test_publish import KINDS

MARKER = marker("octo/router", "")
# More than any pair of jobs takes, so that one which goes on for ever ends.
MOST_TURNS = 200
DEADLINE_SECONDS = 120.0


def body(run: int) -> str:
    return f"{MARKER}\n{Order(run, 1).line}\n### Benchmarks of run {run}\n"


BEFORE, OLDER, NEWER = body(1), body(2), body(3)


@pytest.fixture
def forge() -> Iterator[Forge]:
    with forge_server.forge() as server:
        server.page_size = 100
        yield server


@dataclass
class Turns:
    """Gives turns: by `choices` first, to the first job after those. `taken` are what it chose.

    A turn is one request and what the job does until its next one.
    """

    choices: Sequence[int]
    taken: list[int] = field(default_factory=list)
    waiting: dict[int, asyncio.Future[None]] = field(default_factory=dict)
    settling: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    count: int = 0

    async def turn(self, job: int, *, settles: bool = False) -> None:
        """Waits for the job's turn."""
        if settles:
            self.settling.add(job)
        self.waiting[job] = asyncio.get_running_loop().create_future()
        self._give()
        await self.waiting[job]
        del self.waiting[job]
        self.settling.discard(job)

    def end(self, job: int) -> None:
        """Notes that a job has ended."""
        self.ended.add(job)
        self._give()

    def _give(self) -> None:
        """Gives the next turn once each job waits for one."""
        jobs = sorted(self.waiting)
        if len(jobs) + len(self.ended) < 2 or not jobs:
            return
        if any(future.done() for future in self.waiting.values()):
            return
        ready = [job for job in jobs if job not in self.settling] or jobs
        chosen = 0
        if len(ready) > 1:
            at = len(self.taken)
            chosen = self.choices[at] if at < len(self.choices) else 0
            self.taken.append(chosen)
        self.count += 1
        assert self.count < MOST_TURNS
        self.waiting[ready[chosen]].set_result(None)


async def job(forge: Forge, kind: str, text: str, number: int, turns: Turns) -> str:
    """One job, whose requests wait for their turns."""

    async def request(*_: object) -> None:
        await turns.turn(number)

    async def sleep(_seconds: float) -> None:
        await turns.turn(number, settles=True)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(request)
    headers = {"PRIVATE-TOKEN" if kind == "gitlab" else "Authorization": WORKFLOW}
    try:
        async with aiohttp.ClientSession(trace_configs=[trace]) as session:
            api = Api(session, forge.url, headers, Waiting(1e6, sleep=sleep))
            return await publish(KINDS[kind](api, "octo/router", 5), MARKER, text)
    finally:
        turns.end(number)


def run_both(forge: Forge, kind: str, before: Sequence[str], choices: Sequence[int]) -> Turns:
    """Runs an older and a newer job in the order of the choices; one comment must be left."""
    forge.comments.clear()
    for text in before:
        forge.add(text)
    turns = Turns(choices)

    async def both() -> None:
        jobs = [job(forge, kind, text, at, turns) for at, text in enumerate([OLDER, NEWER])]
        async with asyncio.timeout(DEADLINE_SECONDS):
            await asyncio.gather(*jobs)

    asyncio.run(both())
    assert forge.bodies() == [NEWER], turns.taken
    return turns


def following(taken: Sequence[int]) -> Sequence[int] | None:
    """The choices of the next order: the last 0 becomes 1 and ends them. None after all orders."""
    left = list(taken)
    while left and left[-1] == 1:
        left.pop()
    return [*left[:-1], 1] if left else None


@pytest.mark.parametrize("kind", KINDS)
def test_the_newer_run_has_the_comment_in_every_order(forge: Forge, kind: str) -> None:
    count = 0
    choices: Sequence[int] | None = []
    while choices is not None:
        choices = following(run_both(forge, kind, [BEFORE], choices).taken)
        count += 1
    assert count > 20


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("before", [[], [BEFORE, BEFORE]], ids=["none yet", "two"])
def test_it_has_the_only_comment_in_any_order(forge: Forge, kind: str, before: list[str]) -> None:
    # Some of the orders, of which there are too many for each run of the tests.
    chance = random.Random(1)  # noqa: S311  # not a secret
    for _ in range(60):
        run_both(forge, kind, before, [chance.randrange(2) for _ in range(MOST_TURNS)])
