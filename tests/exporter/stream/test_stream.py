"""The hub, with connections whose readers the test holds up, and the running exporter's stream with real WebSockets and files."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from benchmark_exporter.config import Config
from benchmark_exporter.stream.hub import (
    HIGH_WATER_BYTES,
    STUCK_SECONDS,
    Hub,
    Place,
    Selection,
    text_frame,
)
from benchmark_exporter.stream.messages import Progress, Snapshot
from tests.support.alerts import WATCHDOG
from tests.support.documents import perf_suite, result
from tests.support.live_files import RUN_ID, LiveFile
from tests.support.process import COMMAND, DEADLINE_SECONDS, Exporter

Json = dict[str, Any]
TOKEN = "a-token-of-the-tests-own"
RING = 20


# The hub


class Reader:
    """A connection whose other end takes nothing while it `is_held`."""

    def __init__(self) -> None:
        self.frames = b""
        self.is_held = False
        self.buffered = b""
        self.is_aborted = False
        self.sizes: list[int] = []

    def write(self, data: bytes) -> None:
        self.sizes.append(len(data))
        if self.is_held:
            self.buffered += data
        else:
            self.frames += data

    def buffered_bytes(self) -> int:
        return len(self.buffered)

    def abort(self) -> None:
        self.is_aborted = True

    def hold(self) -> None:
        """As if the other end had stopped reading with its buffers full."""
        self.is_held, self.buffered = True, bytes(HIGH_WATER_BYTES + 1)

    def release(self) -> None:
        self.is_held, self.buffered = False, b""

    @property
    def messages(self) -> list[Json]:
        return list(unframed(self.frames))

    @property
    def told(self) -> list[tuple[int, str]]:
        return [(message["seq"], message["type"]) for message in self.messages]


def unframed(data: bytes) -> Iterator[Json]:
    """The messages in frames (RFC 6455, 5.2), by another reader than ours is a writer."""
    while data:
        assert data[0] == 0x81
        length, start = data[1], 2
        if length == 126:
            length, start = int.from_bytes(data[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(data[2:10], "big"), 10
        yield json.loads(data[start : start + length])
        data = data[start + length :]


class Clocked:
    """A hub with a short ring and a clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 1_780_000_000.0
        self.hub = Hub(
            "1.0",
            "/results",
            snapshot=lambda _: Snapshot(),
            lag_bounds_seconds=(0.01, 0.1),
            now=lambda: datetime.fromtimestamp(self.seconds, UTC),
            monotonic=lambda: self.seconds,
            ring_messages=RING,
        )

    async def publish(
        self, count: int = 1, *, benchmark: str = "router", project: str = "orbit", **more: Any
    ) -> None:
        for _ in range(count):
            progress = Progress(
                run_id="r", benchmark=benchmark, project=project, environment="ci", process="p"
            )
            self.hub.publish("progress", progress, benchmark=benchmark, project=project, **more)
        await asyncio.sleep(0)

    def join(self, since: Place | None = None, **globs: list[str]) -> Reader:
        reader = Reader()
        self.hub.join(reader, Selection(**globs), since)
        return reader


@pytest.fixture
def clocked() -> Clocked:
    return Clocked()


async def test_a_client_is_greeted_and_then_told(clocked: Clocked) -> None:
    await clocked.publish()
    reader = clocked.join()
    await clocked.publish(2)
    assert reader.told == [(1, "hello"), (2, "progress"), (3, "progress")]
    hello = reader.messages[0]["metrics"]
    assert (hello["stream"], hello["resumed"]) == (clocked.hub.stream, False)
    assert hello["snapshot"]["running"] == []


async def test_who_comes_back_is_told_what_it_missed(clocked: Clocked) -> None:
    await clocked.publish(5)
    for stream in ("", clocked.hub.stream):
        reader = clocked.join(Place(3, stream))
        assert reader.told == [(3, "hello"), (4, "progress"), (5, "progress")]
        assert reader.messages[0]["metrics"]["resumed"] is True
        assert reader.messages[0]["metrics"]["snapshot"] is None
    assert clocked.join(Place(5)).told == [(5, "hello")]


async def test_who_comes_back_too_late_is_told_how_much_is_missing(clocked: Clocked) -> None:
    await clocked.publish(RING + 10)
    reader = clocked.join(Place(4))
    assert reader.told == [(30, "hello"), (30, "gap")]
    assert reader.messages[0]["metrics"]["snapshot"] is not None
    assert reader.messages[1]["metrics"] == {"dropped": 26, "reason": "expired"}


async def test_a_place_in_another_stream_is_void(clocked: Clocked) -> None:
    await clocked.publish(3)
    for place in (Place(1, "another"), Place(99)):
        reader = clocked.join(place)
        assert reader.told == [(3, "hello")]
        assert reader.messages[0]["metrics"]["resumed"] is False


async def test_filters(clocked: Clocked) -> None:
    wanted = {
        "all": clocked.join(),
        "router": clocked.join(benchmarks=["rou*", "unheard of"]),
        "orbit": clocked.join(projects=["orbit"]),
        "both": clocked.join(projects=["orbit"], benchmarks=["parser"]),
    }
    await clocked.publish(benchmark="router", project="orbit")
    await clocked.publish(benchmark="parser", project="orbit")
    await clocked.publish(benchmark="router", project="saturn")
    await clocked.publish(benchmark="", project="")  # of none, say an alert on a machine
    seqs = {
        name: [seq for seq, kind in reader.told if kind == "progress"]
        for name, reader in wanted.items()
    }
    assert seqs == {"all": [1, 2, 3, 4], "router": [1, 3, 4], "orbit": [1, 2, 4], "both": [2, 4]}


async def test_a_slow_client_loses_the_oldest_is_told_how_many_and_holds_nobody_up(
    clocked: Clocked,
) -> None:
    slow, slow_filtered, quick = clocked.join(), clocked.join(benchmarks=["parser"]), clocked.join()
    slow.hold()
    slow_filtered.hold()
    for number in range(RING + 30):
        await clocked.publish(benchmark="parser" if number % 10 == 0 else "router")
    assert [seq for seq, _ in quick.told] == list(range(RING + 31))
    for reader in (slow, slow_filtered):
        assert len(reader.buffered) == HIGH_WATER_BYTES + 1
        reader.release()
    await clocked.publish()
    assert slow.told == [(0, "hello"), (30, "gap"), *((seq, "progress") for seq in range(31, 52))]
    assert slow.messages[1]["metrics"] == {"dropped": 30, "reason": "too_slow"}
    assert slow_filtered.told == [(0, "hello"), (30, "gap"), (31, "progress"), (41, "progress")]
    assert slow_filtered.messages[1]["metrics"]["dropped"] == 3
    assert clocked.hub.figures().dropped == 33


async def test_what_was_held_up_comes_without_another_message(clocked: Clocked) -> None:
    reader = clocked.join()
    reader.hold()
    await clocked.publish(3)
    reader.release()
    await until(lambda: len(reader.told) == 4)
    assert reader.told == [(0, "hello"), (1, "progress"), (2, "progress"), (3, "progress")]


async def test_a_client_that_takes_nothing_is_cut_off(clocked: Clocked) -> None:
    reader = clocked.join()
    reader.hold()
    await clocked.publish()
    assert not reader.is_aborted
    clocked.seconds += STUCK_SECONDS + 1
    await clocked.publish()
    assert reader.is_aborted
    assert clocked.hub.clients == 0


async def test_a_burst_goes_out_in_pieces(clocked: Clocked) -> None:
    reader = clocked.join()
    await clocked.publish(2000)
    assert max(reader.sizes) < 2 * HIGH_WATER_BYTES
    assert len(reader.sizes) > 3
    assert [seq for seq, _ in reader.told] == list(range(2001))


async def test_figures(clocked: Clocked) -> None:
    reader = clocked.join()
    for lag_seconds in (0.005, 0.05, 3.0, -1.0):
        await clocked.publish(
            at=datetime.fromtimestamp(clocked.seconds - lag_seconds, UTC), is_measured=True
        )
    await clocked.publish(at=datetime.fromtimestamp(1, UTC))  # read again after a start
    figures = clocked.hub.figures()
    assert figures.clients == 1
    assert {kind: count for kind, count in figures.messages.items() if count} == {
        "hello": 1,
        "progress": 5,
    }
    assert figures.lag.counts == (2, 1, 1)
    assert figures.lag.total_seconds == pytest.approx(3.055, abs=1e-6)
    assert reader.messages[1]["timestamp"].endswith("Z")


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_frames_of_every_length(size: int) -> None:
    payload = json.dumps("x" * (size - 2)).encode() if size > 1 else b"7"
    assert [len(json.dumps(each)) for each in unframed(text_frame(payload))] == [len(payload)]


# The running exporter


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    running = Exporter(tmp_path, free_port(), stream_port=free_port())
    yield running
    assert running.stop() == 0, running.log.read_text()


@asynccontextmanager
async def follow(
    exporter: Exporter, query: str = "", path: str = "/stream", **how: Any
) -> AsyncIterator[Callable[..., Awaitable[Json]]]:
    """A client; what it is given waits for the next message, of a type if one is named."""
    url = f"ws://127.0.0.1:{exporter.stream_port}{path}{query}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url, **how) as socket:

        async def following(kind: str = "") -> Json:
            async with asyncio.timeout(DEADLINE_SECONDS):
                while True:
                    message: Json = json.loads(await socket.receive_str())
                    if kind in ("", message["type"]):
                        return message

        yield following


async def test_a_line_is_a_message_soon(exporter: Exporter) -> None:
    file = LiveFile(exporter.results)
    async with follow(exporter) as following:
        hello = await following()
        assert hello["type"] == "hello"
        if not hello["metrics"]["snapshot"]["running"]:
            await following("progress")
        seconds = []
        for number in range(20):
            await asyncio.sleep(0.03)
            started = time.monotonic()
            file.iteration(number)
            progress = await following("progress")
            seconds.append(time.monotonic() - started)
            assert (progress["metrics"]["run_id"], progress["metrics"]["iteration"]) == (
                RUN_ID,
                number,
            )
    assert sorted(seconds)[10] < 0.05, (
        seconds
    )  # the median, since the machine may be busy; benchmarks/stream.py measures the p99


async def test_any_command_is_followed_from_its_start_to_its_result(exporter: Exporter) -> None:
    async with follow(exporter) as following:
        await following("hello")
        program = "import time; time.sleep(1.5); raise SystemExit(3)"
        command = [
            *COMMAND,
            "run",
            "--name=sleeper",
            f"--results-dir={exporter.results}",
            "--",
            sys.executable,
            "-c",
            program,
        ]
        running = await asyncio.create_subprocess_exec(*command)
        statuses: list[str] = []
        memory_mb = None
        while not statuses or statuses[-1] == "running":
            progress = (await following("progress"))["metrics"]
            statuses.append(progress["status"])
            memory_mb = progress["memory_mb"] or memory_mb
        run = (await following("run"))["metrics"]
        assert await running.wait() == 3
    assert (statuses[0], statuses[-1]) == ("running", "failed")
    assert memory_mb is not None
    assert memory_mb > 1
    assert (run["benchmark"], run["run_id"], run["failed"]) == (
        "run/sleeper",
        progress["run_id"],
        True,
    )


async def test_any_path_upgrades(exporter: Exporter) -> None:
    async with follow(exporter, path="/") as following:
        assert (await following())["type"] == "hello"
    async with follow(exporter, path="/some/where") as following:
        assert (await following())["type"] == "hello"


async def test_a_run_its_verdict_and_a_rejected_file(exporter: Exporter) -> None:
    async with follow(exporter) as following:
        await following("hello")
        (exporter.results / "a.json").write_text(
            json.dumps(perf_suite(project="orbit", speedup=5.0))
        )
        run = (await following("run"))["metrics"]
        assert (run["benchmark"], run["commit_hash"], run["failed"]) == ("orbit", "a1b2c3d", False)
        assert run["p50_ms"] == {"compiled": 0.05, "fallback": 0.25}
        verdict = (await following("gate"))["metrics"]
        assert (verdict["benchmark"], verdict["passed"], verdict["severity"]) == (
            "orbit",
            False,
            "critical",
        )
        assert (verdict["speedup_p50"], verdict["run_id"]) == (5.0, run["run_id"])
        (exporter.results / "odd.json").write_text('{"keys": "of nothing known"}')
        rejected = (await following("rejected"))["metrics"]
        assert (rejected["count"], rejected["files"][0]["reason"]) == (1, "unknown_format")
    async with follow(exporter) as following:
        snapshot = (await following("hello"))["metrics"]["snapshot"]
    assert ([run], [verdict], rejected) == (
        snapshot["runs"],
        snapshot["gates"],
        snapshot["rejected"],
    )


async def test_that_no_result_is_taken_in_is_told_until_they_are_again(exporter: Exporter) -> None:
    away = exporter.folder / "away"
    async with follow(exporter, path="/stream?benchmark=router") as following:
        assert (await following("hello"))["metrics"]["snapshot"]["ingest"] == {"failure": None}
        exporter.results.rename(away)
        failing = (await following("ingest"))["metrics"]
        assert failing == {"failure": f"[Errno 2] No such file or directory: '{exporter.results}'"}
        async with follow(exporter) as second:
            assert (await second("hello"))["metrics"]["snapshot"]["ingest"] == failing
        away.rename(exporter.results)
        # Tried again and again, it is told once.
        assert (await following("ingest"))["metrics"] == {"failure": None}


async def test_a_run_is_told_with_its_judgement_beside_the_history(exporter: Exporter) -> None:
    least_runs = Config().judgement.least_runs
    for number in range(least_runs):
        (exporter.results / f"{number}.json").write_text(json.dumps(result(number, {"parse": 1.0})))
    await until(
        lambda: (
            exporter.value('benchmark_exporter_files_ingested_total{format="result"}') == least_runs
        )
    )
    async with follow(exporter) as following:
        await following("hello")
        (exporter.results / "worse.json").write_text(json.dumps(result(least_runs, {"parse": 1.5})))
        (judgement,) = (await following("run"))["metrics"]["verdicts"]
    assert judgement == {"name": "parse", "state": "warning", "worsening_ratio": 0.5}


def alert(status: str = "firing", severity: str = "critical") -> bytes:
    labels = {
        "alertname": "CriticalPerformanceRegression",
        "benchmark_name": "orbit",
        "severity": severity,
    }
    told = {
        "status": status,
        "labels": labels,
        "annotations": {"summary": "orbit is slow"},
        "fingerprint": "f1",
    }
    return json.dumps({"alerts": [told]}).encode()


async def test_alerts(exporter: Exporter) -> None:
    async with follow(exporter) as following:
        await following("hello")
        messages = []
        for status in ("firing", "resolved"):
            for _ in range(2):  # Alertmanager says it again and again
                assert exporter.status_of("/api/v1/alerts", alert(status))[0] == HTTPStatus.OK
            messages.append((await following("alert"))["metrics"])
    assert [message["status"] for message in messages] == ["firing", "resolved"]
    assert (messages[0]["benchmark"], messages[0]["summary"]) == ("orbit", "orbit is slow")


async def test_a_snapshot_has_firing_alerts_but_not_the_watchdog(exporter: Exporter) -> None:
    assert WATCHDOG.severity == "none"
    async with follow(exporter) as following:
        await following("hello")
        exporter.status_of("/api/v1/alerts", alert(severity=WATCHDOG.severity))
        exporter.status_of("/api/v1/alerts", alert().replace(b"f1", b"f2"))
        assert (await following("alert"))["metrics"]["fingerprint"] == "f2"
    async with follow(exporter) as following:
        snapshot = (await following("hello"))["metrics"]["snapshot"]
    assert [each["fingerprint"] for each in snapshot["alerts"]] == ["f2"]


async def test_what_runs_is_in_the_snapshot_and_survives_a_restart(exporter: Exporter) -> None:
    file = LiveFile(exporter.results)
    file.iteration(17)
    async with follow(exporter) as following:
        first = await following("hello")
    await until(lambda: exporter.value("benchmark_live_runs") == 1)
    assert exporter.stop() == 0
    exporter.start()
    await until(lambda: exporter.value("benchmark_live_runs") == 1)
    query = f"?since={first['seq']}&stream={first['metrics']['stream']}"
    async with follow(exporter, query) as following:
        hello = (await following("hello"))["metrics"]
        assert hello["stream"] != first["metrics"]["stream"]
        assert hello["resumed"] is False
        assert [running["iteration"] for running in hello["snapshot"]["running"]] == [17]


async def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_what_a_running_process_uses_is_on_metrics(exporter: Exporter) -> None:
    file = LiveFile(exporter.results)
    file.line(
        "sample",
        process="bench",
        phase="warmup",
        memory_mb=64.0,
        cpu_percent=150.0,
        cores={"0": 100.0},
    )
    await until(lambda: exporter.value('memory_usage_mb{process="bench",phase="warmup"}') == 64.0)
    assert exporter.value('cpu_utilization_percent{core="0",process="bench"}') == 100.0


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
        # the live page by its public name
        (
            {"Origin": "http://perf.example.org:8765", "Host": "perf.example.org:8765"},
            HTTPStatus.SWITCHING_PROTOCOLS,
        ),
        ({"Origin": "https://evil.example"}, HTTPStatus.FORBIDDEN),
        ({"Origin": "http://127.0.0.1:1"}, HTTPStatus.FORBIDDEN),
        ({"Origin": "null"}, HTTPStatus.FORBIDDEN),
        # a name that was pointed at this machine once its page was loaded
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
    assert await answer(exporter, "", headers=sent) == status
    assert exporter.stop() == 0


async def answer(exporter: Exporter, query: str = "", **how: Any) -> int:
    """The status with which a client is let in, or not."""
    try:
        async with follow(exporter, query, **how) as following:
            await following("hello")
            return HTTPStatus.SWITCHING_PROTOCOLS
    except aiohttp.WSServerHandshakeError as error:
        return error.status


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
    assert await answer(exporter) == HTTPStatus.UNAUTHORIZED
    tokens.write_text(f"page {TOKEN}\n")
    assert await answer(exporter, "?token=wrong") == HTTPStatus.UNAUTHORIZED
    assert (
        await answer(exporter, headers={"Authorization": f"Bearer {TOKEN}"})
        == HTTPStatus.SWITCHING_PROTOCOLS
    )
    async with follow(exporter, f"?token={TOKEN}") as following:
        await following("hello")
        assert await answer(exporter, f"?token={TOKEN}") == HTTPStatus.SERVICE_UNAVAILABLE
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{exporter.stream_port}/api/v1/trends") as trends,
    ):
        assert trends.status == HTTPStatus.UNAUTHORIZED
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
async def test_what_makes_no_sense_is_refused(exporter: Exporter, query: str) -> None:
    assert await answer(exporter, query) == HTTPStatus.BAD_REQUEST


async def test_a_client_that_says_too_much_is_sent_away(exporter: Exporter) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"ws://127.0.0.1:{exporter.stream_port}/stream") as socket,
    ):
        await socket.receive_str()
        await socket.send_str("x" * 5000)
        async with asyncio.timeout(DEADLINE_SECONDS):
            await socket.receive()
        assert socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_a_client_that_does_not_read_holds_nobody_up(exporter: Exporter) -> None:
    file = LiveFile(exporter.results)
    _, stuck = await asyncio.open_connection("127.0.0.1", exporter.stream_port)
    stuck.transport.pause_reading()  # type: ignore[attr-defined]  # of a socket's transport
    upgrade = "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
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


async def test_clients_are_told_to_come_back_when_it_stops(exporter: Exporter) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"ws://127.0.0.1:{exporter.stream_port}/stream") as socket,
    ):
        await socket.receive_str()
        exporter.process.terminate()
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == aiohttp.WSCloseCode.GOING_AWAY


async def test_trends(exporter: Exporter) -> None:
    for number in range(3):
        document = perf_suite(
            f"r{number}",
            project="orbit",
            speedup=20.0 + number,
            timestamp=f"2026-03-01T12:00:0{number}Z",
        )
        (exporter.results / f"{number}.json").write_text(json.dumps(document))
    await until(
        lambda: exporter.value('benchmark_exporter_files_ingested_total{format="perf_suite"}') == 3
    )
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{exporter.stream_port}/api/v1/trends") as answered,
    ):
        trends = {
            (trend["name"], trend["quantity"]): trend["values"] for trend in await answered.json()
        }
    assert trends == {
        ("orbit", "speedup_p50"): [20.0, 21.0, 22.0],
        ("orbit/compiled", "p50_ms"): pytest.approx([0.05] * 3),
        ("orbit/fallback", "p50_ms"): pytest.approx([1.0, 1.05, 1.1]),
    }


async def test_a_taken_port_stops_the_start_with_its_address(
    exporter: Exporter, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(AssertionError, match=str(exporter.stream_port)):
        Exporter(other, free_port(), stream_port=exporter.stream_port)
