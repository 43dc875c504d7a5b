"""Keeps one comment of ours on a pull or merge request: posts it, or updates it in place."""

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol

from benchmark_exporter.review.api import FIRST_WAIT_SECONDS, ApiError, Missing, Unsure
from benchmark_exporter.review.order import order_in

Published = Literal["posted", "updated", "unchanged", "left as it is, of a newer run"]
# How often it begins again because a comment went, or a request got no answer.
MOST_TRIES = 6


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as its forge keeps it; a higher number is a later one."""

    number: int
    body: str


class Forge(Protocol):
    """The comments of one request on GitHub or GitLab. All of its methods raise ApiError."""

    async def comments(self, marker: str) -> Sequence[Comment]:
        """Those that begin with the marker and are the token's own, the oldest first."""

    async def create(self, body: str) -> Comment:
        """Posts one. Raises Unsure if it is not known whether it was."""

    async def update(self, number: int, body: str) -> None:
        """Replaces the body. Raises Missing if the comment has gone."""

    async def delete(self, number: int) -> None:
        """Deletes one. Raises Missing if it has gone already."""

    async def wait(self, seconds: float, reason: str) -> None:
        """Waits before another try."""


async def publish(forge: Forge, marker: str, body: str) -> Published:
    """Makes `body` the one comment with the marker, unless there is one of a newer run.

    Two jobs that find no comment both post one. Each looks again after it has, and all but the
    oldest go, so that one is left whichever was first. It gets the body of the newest run.

    Raises:
        ApiError: the API refuses, or there is no time left.
    """
    last = ApiError("the comment was deleted again and again")
    for attempt in range(MOST_TRIES):
        try:
            return await _publish(forge, marker, body)
        except Missing as error:
            if attempt == MOST_TRIES - 1:
                raise
            last = error
        except Unsure as error:
            last = error
            wait = FIRST_WAIT_SECONDS * 2**attempt
            await forge.wait(random.uniform(0, wait), str(error))  # noqa: S311  # not a secret
    raise last


async def _publish(forge: Forge, marker: str, body: str) -> Published:
    found = await forge.comments(marker)
    done: Published = "updated"
    if not found:
        created = await forge.create(body)
        done = "posted"
        found = await forge.comments(marker) or [created]
    oldest, *others = found
    newer = _of_newer_run(found, body)
    if newer is not None:
        body, done = newer, "left as it is, of a newer run"
    if done == "updated" and oldest.body == body and not others:
        return "unchanged"
    if oldest.body != body:
        await forge.update(oldest.number, body)
    for other in others:
        with suppress(Missing):  # another job was faster
            await forge.delete(other.number)
    return done


def _of_newer_run(found: Sequence[Comment], body: str) -> str | None:
    """The body of the newest run among the comments, if it is newer than this one's."""
    own = order_in(body)
    if own is None:
        return None
    known = [(order, comment.body) for comment in found if (order := order_in(comment.body))]
    newest = max(known, default=None)
    return newest[1] if newest is not None and newest[0] > own else None
