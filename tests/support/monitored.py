"""What a monitored run has left in the results folder, as its readers see it."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from benchmark_exporter.client.machine import cpu_model
from benchmark_exporter.formats import parse
from benchmark_exporter.model import Machine, Result, Run

DEADLINE_SECONDS = 60.0
with Path("/proc/cpuinfo").open(encoding="utf-8") as cpuinfo:
    THIS_MACHINE = Machine(
        os.uname().sysname, os.uname().machine, cpu_model(cpuinfo), psutil.cpu_count()
    )
RUN = [sys.executable, "-m", "benchmark_exporter", "run"]


def live_lines(results: Path) -> list[dict[str, Any]]:
    """The lines of the only run.

    Checks that each line is complete and not too long, and that the first one starts the run.
    """
    (path,) = (results / "live").glob("*.jsonl")
    data = path.read_bytes()
    assert data.endswith(b"\n")
    assert max(len(line) for line in data.splitlines(keepends=True)) <= 4096
    lines = [json.loads(line) for line in data.splitlines()]
    assert lines[0]["type"] == "start"
    assert lines[0]["run_id"] == path.stem
    return lines


def document(results: Path) -> tuple[Run, dict[str, Result]]:
    """The only result, as the exporter reads it."""
    (path,) = results.glob("*.json")
    run = parse(path.read_bytes())
    assert isinstance(run, Run)
    assert run.run_id == path.stem
    return run, {result.name: result for result in run.results}


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
