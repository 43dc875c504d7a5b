"""`benchmark-exporter watch`: the stream in a terminal, or as plain lines where the output is none."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Protocol, TextIO

import aiohttp
import msgspec

from benchmark_exporter.stream.messages import (
    METRICS,
    UNFINISHED,
    AlertNews,
    Gap,
    GateNews,
    Hello,
    IngestNews,
    Metrics,
    Progress,
    RejectedFiles,
    RunNews,
    VerdictNews,
)

RETRY_SECONDS, MAX_RETRY_SECONDS = 0.5, 10.0
CONNECT_SECONDS, HEARTBEAT_SECONDS = 10.0, 50.0
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
# Between two plain lines on the progress of one run.
PLAIN_SECONDS = 1.0
TRAIL_ITERATIONS = 24
# States of judgements that are told; all is as before in the others.
_NEWS = {"critical": "bold red", "warning": "yellow", "improved": "green"}
_TRAIL = "▁▂▃▄▅▆▇█"
_SOON = {
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.GATEWAY_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
}


class WatchError(Exception):
    """The stream cannot be followed, and trying again would not help; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whose stream, and what of it. `token` is empty where none is asked for."""

    url: str
    projects: Sequence[str] = ()
    benchmarks: Sequence[str] = ()
    token: str = ""

    @property
    def stream_url(self) -> str:
        """Where the WebSocket is."""
        return f"{self.url.rstrip('/')}/stream"

    @property
    def page_url(self) -> str:
        """Where the live page is."""
        return f"http{self.url.removeprefix('ws').rstrip('/')}/"


@dataclass(frozen=True, slots=True)
class Lost:
    """There is no connection; another is tried after `retry_seconds`."""

    reason: str
    retry_seconds: float


@dataclass(frozen=True, slots=True)
class Told:
    """One message."""

    timestamp: datetime
    metrics: Metrics


class _Envelope(msgspec.Struct, frozen=True):
    seq: int
    type: str
    timestamp: datetime
    metrics: msgspec.Raw


async def follow(target: Target) -> AsyncIterator[Told | Lost]:
    """All that the stream tells, over as many connections as it takes, going on where the one before ended.

    Raises:
        WatchError: the exporter refuses, or the address is of something else.
    """
    place: dict[str, str] = {}
    retry_seconds = RETRY_SECONDS
    headers = {"Authorization": f"Bearer {target.token}"} if target.token else {}
    filters = [("project", glob) for glob in target.projects] + [
        ("benchmark", glob) for glob in target.benchmarks
    ]
    async with aiohttp.ClientSession(
        headers=headers, timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS)
    ) as session:
        while True:
            try:
                async with session.ws_connect(
                    target.stream_url,
                    params=[*filters, *place.items()],
                    heartbeat=HEARTBEAT_SECONDS,
                    max_msg_size=MAX_MESSAGE_BYTES,
                ) as socket:
                    retry_seconds = RETRY_SECONDS
                    async for received in socket:
                        if (
                            received.type is aiohttp.WSMsgType.TEXT
                            and (told := _read(received.data, place)) is not None
                        ):
                            yield told
                    reason = (
                        "the exporter stops"
                        if socket.close_code == aiohttp.WSCloseCode.GOING_AWAY
                        else "the connection was lost"
                    )
            except aiohttp.WSServerHandshakeError as error:
                if error.status not in _SOON:
                    raise WatchError(_refusal(target, error)) from error
                reason = f"the exporter answers {error.status}"
            except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
                raise WatchError(f"{target.url}: is no address like ws://localhost:8765") from error
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                reason = str(error) or "no answer"
            pause_seconds = retry_seconds * random.uniform(0.75, 1.25)  # noqa: S311  # so that not all come back at once
            retry_seconds = min(2 * retry_seconds, MAX_RETRY_SECONDS)
            yield Lost(reason, pause_seconds)
            await asyncio.sleep(pause_seconds)


def _read(data: str, place: dict[str, str]) -> Told | None:
    """A message, and where it leaves us; None for one of a type, or a shape, that a later version may have."""
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
        place["since"] = str(envelope.seq)
        kind = next((metrics for name, metrics in METRICS.items() if name == envelope.type), None)
        metrics = None if kind is None else msgspec.json.decode(envelope.metrics, type=kind)
    except msgspec.DecodeError:
        return None
    if isinstance(metrics, Hello):
        place["stream"] = metrics.stream
    return None if metrics is None else Told(envelope.timestamp, metrics)


def _refusal(target: Target, error: aiohttp.WSServerHandshakeError) -> str:
    if error.status == HTTPStatus.UNAUTHORIZED:
        return f"{target.stream_url}: it asks for a token; name its file with --token-file, or set BENCHMARK_EXPORTER_STREAM_TOKEN"
    if error.status == HTTPStatus.BAD_REQUEST:
        return f"{target.stream_url}: there are too many filters, or too long ones"
    return f"{target.stream_url}: refused with {error.status}; is this the exporter's stream, which has a port of its own (8765)?"


# In words


def printable(text: str) -> str:
    """Without what would move the cursor or worse: names come from files."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def milliseconds(ms: float) -> str:
    """A time with three significant digits."""
    if ms >= 1000:
        return f"{ms / 1000:.3g} s"
    return f"{ms:.3g} ms" if ms >= 1 else f"{ms * 1000:.3g} µs"


def facts(progress: Progress) -> str:
    """What is known of a run's newest iteration."""
    parts = []
    if progress.iteration is not None:
        parts.append(
            f"{progress.iteration}{'' if progress.iterations is None else f'/{progress.iterations}'}"
        )
    if progress.execution_time_ms is not None:
        parts.append(milliseconds(progress.execution_time_ms))
    if progress.memory_mb is not None:
        parts.append(f"{progress.memory_mb:.4g} MB")
    if progress.cpu_percent is not None:
        parts.append(f"{progress.cpu_percent:.0f} % CPU")
    return "  ".join(parts)


@dataclass(frozen=True, slots=True)
class Line:
    """Something to be read, and how serious it is."""

    text: str
    style: str = ""


def lines(told: Told) -> list[Line]:
    """A message in words; no line for progress, which is shown otherwise."""
    metrics = told.metrics
    match metrics:
        case RunNews():
            times = ", ".join(
                f"{variant} {milliseconds(ms)}".strip() for variant, ms in metrics.p50_ms.items()
            )
            outcome = "gave an error" if metrics.failed else times or "no times"
            run = (
                f"run      {metrics.benchmark} ({metrics.environment}, {metrics.run_id}): {outcome}"
            )
            news = [verdict for verdict in metrics.verdicts if verdict.state in _NEWS]
            return [Line(run, "red" if metrics.failed else ""), *map(_verdict, news)]
        case GateNews():
            return [_gate_outcome(metrics)]
        case AlertNews():
            firing = metrics.status == "firing"
            style = "" if not firing else "bold red" if metrics.severity == "critical" else "yellow"
            return [
                Line(
                    f"alert    {metrics.alertname} {metrics.status}: {metrics.summary}",
                    style or "green",
                )
            ]
        case RejectedFiles(count=count, files=files):
            newest = (
                f", the newest {files[0].file}: {files[0].reason} at {files[0].place}: {files[0].detail}"
                if files
                else ""
            )
            return [
                Line(
                    f"rejected {count} files in the results folder{newest}",
                    "yellow" if count else "",
                )
            ]
        case IngestNews(failure=None):
            return [Line("ingest   results are taken in again", "green")]
        case IngestNews(failure=failure):
            return [Line(f"ingest   no result is taken in: {failure}", "bold red")]
        case Gap():
            return [
                Line(
                    f"gap      {metrics.dropped} messages were missed ({metrics.reason.replace('_', ' ')})",
                    "yellow",
                )
            ]
        case Hello(snapshot=snapshot) if snapshot is not None:
            alerts = [
                line for alert in snapshot.alerts for line in lines(Told(alert.received, alert))
            ]
            failing = (
                []
                if snapshot.ingest.failure is None
                else lines(Told(told.timestamp, snapshot.ingest))
            )
            return [
                *(_gate_outcome(gate_outcome) for gate_outcome in reversed(snapshot.gates)),
                *alerts,
                *failing,
            ]
    return []


def _verdict(verdict: VerdictNews) -> Line:
    ratio = verdict.worsening_ratio
    change = (
        ""
        if ratio is None
        else f", {abs(ratio):.1%} {'worse' if ratio > 0 else 'better'} than before"
    )
    return Line(f"judged   {verdict.name} {verdict.state}{change}", _NEWS[verdict.state])


def _gate_outcome(gate_outcome: GateNews) -> Line:
    outcome = (
        f"{gate_outcome.severity} regression"
        if gate_outcome.severity is not None
        else "passed"
        if gate_outcome.passed
        else "failed"
    )
    style = (
        "bold red"
        if gate_outcome.severity == "critical"
        else "green"
        if gate_outcome.passed
        else "yellow"
    )
    speedup = f"speedup p50 {gate_outcome.speedup_p50:.3g}×, threshold {gate_outcome.min_speedup_p50:.3g}×"
    return Line(f"gate     {gate_outcome.benchmark} {outcome}: {speedup}", style)


# On the screen


class Screen(Protocol):
    """Where it is shown."""

    def line(self, at: datetime, line: Line) -> None: ...
    def progress(self, at: datetime, progress: Progress) -> None: ...
    def running(self, running: Sequence[Progress]) -> None: ...


class PlainScreen:
    """A line for each event; on the progress of a run one a second, and its end."""

    def __init__(self, stream: TextIO, monotonic: Callable[[], float]) -> None:
        self._stream = stream
        self._monotonic = monotonic
        self._shown_seconds: dict[str, float] = {}

    def line(self, at: datetime, line: Line) -> None:
        self._stream.write(f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} {printable(line.text)}\n")
        self._stream.flush()

    def progress(self, at: datetime, progress: Progress) -> None:
        now = self._monotonic()
        if (
            progress.status == "running"
            and now - self._shown_seconds.get(progress.run_id, float("-inf")) < PLAIN_SECONDS
        ):
            return
        self._shown_seconds[progress.run_id] = now
        if progress.status not in UNFINISHED:
            del self._shown_seconds[progress.run_id]
        self.line(at, Line(_progress_text(progress)))

    def running(self, running: Sequence[Progress]) -> None:
        for progress in running:
            self.progress(datetime.now(UTC), progress)


def _progress_text(progress: Progress) -> str:
    error = f": {progress.error}" if progress.error else ""
    return f"progress {progress.benchmark} {progress.status}  {facts(progress)}".rstrip() + error


class Trail:
    """The last iterations of a run as a small chart of characters."""

    def __init__(self) -> None:
        self._times_ms: deque[float] = deque(maxlen=TRAIL_ITERATIONS)

    def add(self, ms: float) -> None:
        self._times_ms.append(ms)

    def __str__(self) -> str:
        low, high = min(self._times_ms, default=0.0), max(self._times_ms, default=0.0)
        steps = (
            int((ms - low) / (high - low) * (len(_TRAIL) - 1)) if high > low else 0
            for ms in self._times_ms
        )
        return "".join(_TRAIL[step] for step in steps)


async def watch(target: Target, screen: Screen) -> None:
    """Shows what the stream tells until it is cancelled.

    Raises:
        WatchError: the exporter refuses.
    """
    async for told in follow(target):
        if isinstance(told, Lost):
            screen.line(
                datetime.now(UTC),
                Line(f"stream   {told.reason}, next try in {told.retry_seconds:.1f} s", "yellow"),
            )
            continue
        if isinstance(told.metrics, Progress):
            screen.progress(told.timestamp, told.metrics)
        elif isinstance(told.metrics, Hello):
            screen.line(
                told.timestamp,
                Line(f"stream   connected, benchmark-exporter {told.metrics.version}", "green"),
            )
            if told.metrics.snapshot is not None:
                screen.running(told.metrics.snapshot.running)
        for line in lines(told):
            screen.line(told.timestamp, line)
