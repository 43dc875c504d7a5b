"""Answers in pieces: sent whole, with or without a known size, and not kept afterwards."""

import gc
import weakref
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from benchmark_exporter.metrics.exposition import Text
from benchmark_exporter.server.answers import PIECE_BYTES, Answers

PIECES = 500


class Line:
    """A piece that is joined when it is sent, and that can be seen to go."""

    def __init__(self, number: int) -> None:
        self._text = f"{number:05} {'x' * 1000}\n".encode()

    def text(self, *, keep: bool) -> bytes:  # noqa: ARG002  # Piece has it
        return self._text

    def __len__(self) -> int:
        return 7  # an estimate


def served(alive: Any, *, is_measured: bool) -> web.Application:
    """An application whose answer has PIECES lines."""
    answers = Answers()

    async def answer(request: web.Request) -> web.Response:
        lines: list[Any] = [Line(number) for number in range(PIECES)]
        for line in lines:
            alive.add(line)
        texts: list[Any] = [Text(line.text(keep=False)) for line in lines]
        body = answers.of_pieces(
            request, texts if is_measured else lines, object(), is_measured=is_measured
        )
        return web.Response(body=body)

    application = web.Application()
    application.add_routes([web.get("/", answer)])
    return application


@pytest.mark.parametrize("is_measured", [True, False])
async def test_an_answer_is_whole_and_its_pieces_are_not_kept_with_the_connection(
    is_measured: bool,
) -> None:
    alive: weakref.WeakSet[Line] = weakref.WeakSet()
    async with TestServer(served(alive, is_measured=is_measured)) as server, ClientSession() as ask:
        for _ in range(2):  # on one connection
            async with ask.get(server.make_url("/")) as response:
                body = await response.read()
            assert body.splitlines() == [
                f"{number:05} {'x' * 1000}".encode() for number in range(PIECES)
            ]
            assert len(body) > PIECE_BYTES
            assert ("Content-Length" in response.headers) is is_measured
        gc.collect()
        assert not alive
