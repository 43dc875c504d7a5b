"""Live files as a benchmark writes them, one line at a time."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RUN_ID = "20260301T120000Z-a1b2"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class LiveFile:
    """A file in a folder's `live`, with the lines that docs/stream.md describes."""

    def __init__(self, results: Path, run_id: str = RUN_ID, **start: Any) -> None:
        folder = results / "live"
        folder.mkdir(exist_ok=True)
        self.run_id = run_id
        self.path = folder / f"{run_id}.jsonl"
        usual = {
            "run_id": run_id,
            "benchmark": "router",
            "project": "orbit",
            "environment": "ci",
            "iterations": 100,
            "process": "pytest",
        }
        self.line("start", **(usual | start))

    def line(self, kind: str, **fields: Any) -> None:
        self.raw(json.dumps({"type": kind, "timestamp": now()} | fields).encode() + b"\n")

    def iteration(self, number: int, **fields: Any) -> None:
        usual = {
            "benchmark": "router",
            "execution_time_ms": 0.5,
            "memory_mb": 51.2,
            "peak_memory_mb": 53.0,
            "cpu_percent": 97.5,
        }
        self.line("iteration", iteration=number, **(usual | fields))

    def end(self, status: str = "completed", error: str | None = None) -> None:
        self.line("end", status=status, error=error, exit_status=0, duration_seconds=1.5)

    def raw(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)
