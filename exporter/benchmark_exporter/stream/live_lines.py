"""The lines of live files (see docs/stream.md), and what each changes in a run's progress.

Unknown types and fields are ignored.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from benchmark_exporter.stream.messages import Progress

MAX_LINE_BYTES = 4096

LineRejection = Literal["too_long", "not_json", "invalid"]
LINE_REJECTIONS: tuple[LineRejection, ...] = ("too_long", "not_json", "invalid")

_Name = Annotated[str, msgspec.Meta(max_length=1024)]
_Text = Annotated[str, msgspec.Meta(max_length=2048)]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Number = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class RejectedLine(Exception):
    """A line that cannot be used, and why."""

    def __init__(self, reason: LineRejection, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: LineRejection = reason
        self.detail = detail


class _Typed(msgspec.Struct, frozen=True):
    type: str


class Start(msgspec.Struct, frozen=True):
    """The first line of a run."""

    timestamp: _Moment
    run_id: _Name
    benchmark: _Name
    project: _Name | None = None
    environment: _Name | None = None
    branch: _Text | None = None
    iterations: _Count | None = None
    process: _Name | None = None


class Iteration(msgspec.Struct, frozen=True):
    """One iteration; memory in 10^6 bytes, CPU in percent of one core."""

    timestamp: _Moment
    iteration: _Count
    benchmark: _Name | None = None
    execution_time_ms: _Number | None = None
    memory_mb: _Number | None = None
    peak_memory_mb: _Number | None = None
    cpu_percent: _Number | None = None
    skipped: _Count = 0


class Sample(msgspec.Struct, frozen=True):
    """What a process uses; memory in 10^6 bytes, CPU in percent of one core."""

    timestamp: _Moment
    process: _Name | None = None
    phase: _Name | None = None
    memory_mb: _Number | None = None
    peak_memory_mb: _Number | None = None
    cpu_percent: _Number | None = None
    cores: dict[_Name, _Number] | None = None


class End(msgspec.Struct, frozen=True):
    """The last line of a run."""

    timestamp: _Moment
    status: Literal["completed", "failed", "interrupted"]
    error: _Text | None = None


Line = Start | Iteration | Sample | End
_TYPED = msgspec.json.Decoder(_Typed)
_DECODERS: Mapping[str, msgspec.json.Decoder[Line]] = {
    "start": msgspec.json.Decoder(Start),
    "iteration": msgspec.json.Decoder(Iteration),
    "sample": msgspec.json.Decoder(Sample),
    "end": msgspec.json.Decoder(End),
}


def too_long() -> RejectedLine:
    """The rejection of a line that is too long."""
    return RejectedLine("too_long", f"a line must not exceed {MAX_LINE_BYTES} bytes")


def parse_line(line: bytes) -> Line | None:
    """A line without its newline; None if it is blank or of an unknown type.

    Raises:
        RejectedLine: it is too long, not JSON, or lacks or misuses a field.
    """
    if len(line) > MAX_LINE_BYTES:
        raise too_long()
    if not line.strip():
        return None
    try:
        decoder = _DECODERS.get(_TYPED.decode(line).type)
        return None if decoder is None else decoder.decode(line)
    except msgspec.ValidationError as error:
        raise RejectedLine("invalid", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RejectedLine("not_json", str(error)) from error


def progress_after(progress: Progress, line: Line, project: str, environment: str) -> Progress:
    """A run's progress after a line. `project` and `environment` are for a start without them."""
    if isinstance(line, Start):
        return Progress(
            run_id=line.run_id,
            benchmark=line.benchmark,
            project=line.project or project,
            environment=line.environment or environment,
            branch=(line.branch or "").removeprefix("refs/heads/"),
            process=line.process or line.benchmark,
            started=line.timestamp,
            iterations=line.iterations,
        )
    if isinstance(line, End):
        return msgspec.structs.replace(progress, status=line.status, error=line.error, skipped=0)
    usage = {
        name: value
        for name in ("memory_mb", "peak_memory_mb", "cpu_percent")
        if (value := getattr(line, name)) is not None
    }
    if isinstance(line, Sample):
        return msgspec.structs.replace(
            progress,
            **usage,
            process=line.process or progress.process,
            phase=line.phase or progress.phase,
            status="running",
            skipped=0,
        )
    return msgspec.structs.replace(
        progress,
        **usage,
        benchmark=line.benchmark or progress.benchmark,
        iteration=line.iteration,
        execution_time_ms=line.execution_time_ms,
        status="running",
        skipped=line.skipped,
    )
