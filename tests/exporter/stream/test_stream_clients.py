"""Who may follow a running exporter's stream, and how it treats its clients."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import aiohttp
import pytest

from tests.support.following import follow, handshake_status, until
from tests.support.live_files import LiveFile
from tests.support.process import DEADLINE_SECONDS, Exporter

TOKEN = "a-token-of-the-tests-own"


async def test_any_path_upgrades(exporter: Exporter) -> None:
    async with follow(exporter, path="/") as following:
        assert (await following())["type"] == "hello"
    async with follow(exporter, path="/some/where") as following:
        assert (await following())["type"] == "hello"


async def test_filters_in_the_address(exporter: Exporter) -> None:
    first, second = (
        LiveFile(exporter.results, "one", benchmark="router"),
        LiveFile(exporter.results, "two", benchmark="parser"),
    )
    await until(lambda: exporter.value("benchmark_live_runs") == 2)
    async with follow(exporter, "?benchmark=pars*&project=orbit") as following:
        assert [
            each["run_id"] for each in (await following("hello"))["metrics"]["snapshot"]["running"]
        ] == ["two"]
        first.iteration(1, benchmark="router")
        second.iteration(2, benchmark="parser")
        assert (await following("progress"))["metrics"]["iteration"] == 2


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, HTTPStatus.SWITCHING_PROTOCOLS),
        ({"Origin": "http://127.0.0.1:{port}"}, HTTPStatus.SWITCHING_PROTOCOLS),
        (
            {"Origin": "http://localhost:{port}", "Host": "localhost:{port}"},
            HTTPStatus.SWITCHING_PROTOCOLS,
        ),
        ({"Origin": "https://ci.example"}, HTTPStatus.SWITCHING_PROTOCOLS),
        # the live page under its public name
        (
            {"Origin": "http://perf.example.org:8765", "Host": "perf.example.org:8765"},
            HTTPStatus.SWITCHING_PROTOCOLS,
        ),
        ({"Origin": "https://evil.example"}, HTTPStatus.FORBIDDEN),
        ({"Origin": "http://127.0.0.1:1"}, HTTPStatus.FORBIDDEN),
        ({"Origin": "null"}, HTTPStatus.FORBIDDEN),
        # a name that was pointed at this machine after its page had loaded
        (
            {"Origin": "http://evil.example:{port}", "Host": "evil.example:{port}"},
            HTTPStatus.FORBIDDEN,
        ),
    ],
)
async def test_pages_of_other_hosts_are_refused(
    tmp_path: Path, free_port: Callable[[], int], headers: dict[str, str], status: HTTPStatus
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("stream_origins: [https://ci.example]\n")
    options = (f"--config={config}", "--stream-url=http://perf.example.org:8765")
    exporter = Exporter(tmp_path, free_port(), *options, stream_port=free_port())
    sent = {name: value.format(port=exporter.stream_port) for name, value in headers.items()}
    assert await handshake_status(exporter, "", headers=sent) == status
    assert exporter.stop() == 0


async def test_tokens_and_the_limit_of_clients(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    config, tokens = tmp_path / "config.yaml", tmp_path / "tokens"
    config.write_text("stream_max_clients: 1\n")
    exporter = Exporter(
        tmp_path,
        free_port(),
        f"--config={config}",
        f"--stream-tokens={tokens}",
        stream_port=free_port(),
    )
    assert await handshake_status(exporter) == HTTPStatus.UNAUTHORIZED
    tokens.write_text(f"page {TOKEN}\n")
    assert await handshake_status(exporter, "?token=wrong") == HTTPStatus.UNAUTHORIZED
    assert (
        await handshake_status(exporter, headers={"Authorization": f"Bearer {TOKEN}"})
        == HTTPStatus.SWITCHING_PROTOCOLS
    )
    async with follow(exporter, f"?token={TOKEN}") as following:
        await following("hello")
        assert await handshake_status(exporter, f"?token={TOKEN}") == HTTPStatus.SERVICE_UNAVAILABLE
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{exporter.stream_port}/api/v1/trends") as trends,
    ):
        assert trends.status == HTTPStatus.UNAUTHORIZED
    assert exporter.stop() == 0


@pytest.mark.parametrize("change", ["replaced", "removed"])
async def test_a_token_that_is_gone_ends_the_connections_made_with_it(
    tmp_path: Path, free_port: Callable[[], int], change: str
) -> None:
    tokens, kept = tmp_path / "tokens", "a-token-that-stays-valid"
    tokens.write_text(f"page {TOKEN}\nlog {kept}\n")
    exporter = Exporter(tmp_path, free_port(), f"--stream-tokens={tokens}", stream_port=free_port())
    url = f"http://127.0.0.1:{exporter.stream_port}/stream?token="
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url + TOKEN) as revoked,
        session.ws_connect(url + kept) as other,
    ):
        await revoked.receive_json(timeout=DEADLINE_SECONDS)
        if change == "replaced":
            tokens.write_text(f"page the-token-that-replaces-it\nlog {kept}\n")
        else:
            tokens.unlink()
        async with asyncio.timeout(DEADLINE_SECONDS):
            while (message := await revoked.receive()).type is not aiohttp.WSMsgType.CLOSE:
                pass
            assert (message.data, message.extra) == (1008, "the token is no longer valid")
            if change == "removed":  # nobody is admitted any more
                while (await other.receive()).type is not aiohttp.WSMsgType.CLOSE:
                    pass
        assert other.closed == (change == "removed")
    assert await handshake_status(exporter, f"?token={TOKEN}") == HTTPStatus.UNAUTHORIZED
    assert exporter.stop() == 0


@pytest.mark.parametrize(
    "query",
    [
        "?since=soon",
        "?since=" + "9" * 30,
        "?since=-1",
        "?benchmark=" + "x" * 300,
        "?" + "project=x&" * 11,
    ],
)
async def test_invalid_parameters_are_refused(exporter: Exporter, query: str) -> None:
    assert await handshake_status(exporter, query) == HTTPStatus.BAD_REQUEST


async def test_a_client_that_sends_too_much_is_disconnected(exporter: Exporter) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"ws://127.0.0.1:{exporter.stream_port}/stream") as socket,
    ):
        await socket.receive_str()
        await socket.send_str("x" * 5000)
        async with asyncio.timeout(DEADLINE_SECONDS):
            await socket.receive()
        assert socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_a_client_that_does_not_read_delays_nobody(exporter: Exporter) -> None:
    file = LiveFile(exporter.results)
    _, stuck = await asyncio.open_connection("127.0.0.1", exporter.stream_port)
    stuck.transport.pause_reading()  # type: ignore[attr-defined]  # of a socket's transport
    upgrade = (
        "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    )
    stuck.write(f"GET / HTTP/1.1\r\n{upgrade}\r\n\r\n".encode())
    await until(lambda: exporter.value("benchmark_stream_clients") == 1)
    async with follow(exporter) as following:
        await following("hello")
        for number in range(300):
            file.iteration(number)
            if number % 20 == 0:
                await asyncio.sleep(0.02)
        while (await following("progress"))["metrics"]["iteration"] != 299:
            pass
    stuck.close()


async def test_clients_are_asked_to_come_back_when_it_stops(exporter: Exporter) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"ws://127.0.0.1:{exporter.stream_port}/stream") as socket,
    ):
        await socket.receive_str()
        exporter.process.terminate()
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == aiohttp.WSCloseCode.GOING_AWAY
    # A second signal while the interpreter ends would kill it.
    exporter.process.wait(DEADLINE_SECONDS)


async def test_a_taken_port_stops_the_start_with_its_address(
    exporter: Exporter, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(AssertionError, match=str(exporter.stream_port)):
        Exporter(other, free_port(), stream_port=exporter.stream_port)
