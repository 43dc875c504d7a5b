"""Messages of the stream as JSON lines for programs."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from benchmark_exporter.commands.origins import Origins
from benchmark_exporter.commands.stream_client import Lost, Received
from benchmark_exporter.stream.messages import METRICS, Hello, RunNews, VerdictNews

_TYPE_OF = {metrics: name for name, metrics in METRICS.items()}


def json_lines(received: Received | Lost, origins: Origins) -> Iterator[str]:
    """A line for the message, with its type, time and what docs/stream.md describes as `metrics`.

    Two types are not the stream's: `good_again`, a result that was worse until this run, and
    `lost`, the end of a connection.
    """
    if isinstance(received, Lost):
        metrics = {"reason": received.reason, "retry_seconds": received.retry_seconds}
        yield _line("lost", datetime.now(UTC), metrics)
        return
    yield _line(_TYPE_OF[type(received.metrics)], received.timestamp, received.metrics)
    for run in _runs(received):
        for verdict in origins.good_again(run):
            yield _line("good_again", received.timestamp, _good_again(run, verdict))


def _runs(received: Received) -> Sequence[RunNews]:
    match received.metrics:
        case RunNews() as run:
            return [run]
        case Hello(snapshot=snapshot) if snapshot is not None:
            return snapshot.runs
    return ()


def _good_again(run: RunNews, verdict: VerdictNews) -> object:
    return {
        "project": run.project,
        "environment": run.environment,
        "machine_class": run.machine_class,
        "branch": run.branch,
        "benchmark": run.benchmark,
        "run_id": run.run_id,
        "commit_hash": run.commit_hash,
        "verdict": verdict,
    }


def _line(kind: str, at: datetime, metrics: object) -> str:
    line = {"type": kind, "timestamp": at.astimezone(UTC), "metrics": metrics}
    return msgspec.json.encode(line).decode()
