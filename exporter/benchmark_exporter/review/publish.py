"""Keeps one comment of ours on a pull or merge request: posts it, or updates it in place."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol

from benchmark_exporter.review.api import ApiError, Missing, Unsure
from benchmark_exporter.review.order import order_in

Published = Literal["posted", "updated", "unchanged", "left as it is, of a newer run"]
# How often it begins again because a comment went.
MOST_TRIES = 6
# Neither API can replace a comment only if it is still the one that was read. An older run that
# read it before this one replaced it replaces this one's, and cannot know that. So each run reads
# again after this time, in which another one that has read it has written: the requests of both
# follow each other at once.
SETTLE_SECONDS = 3.0
MOST_REPAIRS = 3


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as its forge keeps it; a higher number is a later one."""

    number: int
    body: str


class Forge(Protocol):
    """The comments of one request on GitHub or GitLab. All of its methods raise ApiError."""

    async def comments(self, marker: str) -> Sequence[Comment]:
        """Those that begin with the marker and are the token's own, the oldest first."""

    async def read(self, number: int) -> Comment:
        """One as it is now. Raises Missing if it has gone."""

    async def create(self, body: str) -> Comment:
        """Posts one. Raises Unsure if it is not known whether it was."""

    async def update(self, number: int, body: str) -> None:
        """Replaces the body. Raises Missing if the comment has gone, and Unsure as above."""

    async def delete(self, number: int) -> None:
        """Deletes one. Raises Missing if it has gone already."""

    async def back_off(self, tries: int, unsure: Unsure) -> None:
        """Waits after so many earlier tries."""

    async def settle(self, seconds: float) -> bool:
        """Lets other jobs end what they have begun; whether there was time for that."""


async def publish(forge: Forge, marker: str, body: str) -> Published:
    """Makes `body` the one comment with the marker, unless there is one of a newer run.

    Two jobs that find no comment both post one. Each reads again after it has, and all but the
    oldest go, so that one is left whichever was first. It gets the body of the newest run. Where
    bodies say which run they are of, what an older one has replaced meanwhile is put right.

    Raises:
        ApiError: the API refuses, or there is no time left.
    """
    done = await post(forge, marker, body)
    return await confirm(forge, marker, body, done)


async def post(forge: Forge, marker: str, body: str) -> Published:
    """The first part of `publish`, which may be followed by `confirm` later. Raises ApiError."""
    return await _until_published(forge, marker, body, over_equal=True)


async def confirm(forge: Forge, marker: str, body: str, done: Published) -> Published:
    """Puts right what others have made of the comment after `post` gave `done`.

    The comment is there already, so that an API which refuses this is not an error.
    """
    if done == "unchanged" or order_in(body) is None:
        return done
    with suppress(ApiError):
        for _ in range(MOST_REPAIRS):
            if not await forge.settle(SETTLE_SECONDS):
                break
            repaired = await _until_published(forge, marker, body, over_equal=False)
            if repaired == "unchanged":
                break
            done = repaired if repaired.startswith("left") else done
    return done


async def _until_published(forge: Forge, marker: str, body: str, *, over_equal: bool) -> Published:
    """Tries again after what passes. See `_publish` for `over_equal`."""
    gone = unsure = 0
    while True:
        try:
            return await _publish(forge, marker, body, over_equal=over_equal)
        except Missing:
            gone += 1
            if gone == MOST_TRIES:
                raise
        except Unsure as error:
            await forge.back_off(unsure, error)
            unsure += 1


async def _publish(forge: Forge, marker: str, body: str, *, over_equal: bool) -> Published:
    """One try. `over_equal` says that it replaces the body of what is not known to be older."""
    found = await forge.comments(marker)
    done: Published = "updated"
    if not found:
        created = await forge.create(body)
        done = "posted"
        found = await forge.comments(marker) or [created]
    oldest, *others = found
    if len(found) > 1 or oldest.body != body:
        # The list may have many pages, and each may have been waited for.
        oldest = await forge.read(oldest.number)
    kept = _kept([oldest, *others], body, over_equal=over_equal)
    if kept is not None and kept != body:
        body, done = kept, "left as it is, of a newer run"
    if done == "updated" and oldest.body == body and not others:
        return "unchanged"
    if oldest.body != body:
        await forge.update(oldest.number, body)
    for other in others:
        with suppress(Missing):  # another job was faster
            await forge.delete(other.number)
    return done


def _kept(found: Sequence[Comment], body: str, *, over_equal: bool) -> str | None:
    """The body among the comments that this one must not replace; None if there is none.

    It is that of the newest run, if it is newer than this one's. Without `over_equal`, it is also
    that of an equal run, or of one that is not known: whoever wrote last has the last word.
    """
    own = order_in(body)
    if own is None:
        return None
    known = [(order, comment.body) for comment in found if (order := order_in(comment.body))]
    newest = max(known, default=None)
    if newest is not None and newest[0] > own:
        return newest[1]
    if over_equal or (newest is not None and newest[0] < own):
        return None
    return found[0].body if newest is None else newest[1]
