"""A run of a command: what is wanted of it, and what came of it."""

from dataclasses import dataclass
from pathlib import Path

from benchmark_exporter.client.machine import Machine
from benchmark_exporter.client.provenance import Provenance


@dataclass(frozen=True, slots=True)
class RunSettings:
    """The benchmark is recorded as run/NAME; without `document`, only as a live file."""

    name: str
    results_dir: Path
    provenance: Provenance
    machine: Machine
    document: bool = True


@dataclass(frozen=True, slots=True)
class Ended:
    """How the command ended.

    `exit_status` is 128+n for signal n. `interrupted`: it was asked to end, and did not succeed.
    """

    exit_status: int
    signal_name: str | None
    interrupted: bool
    wall_seconds: float
    cpu_seconds: float
    largest_process_bytes: int

    @property
    def status(self) -> str:
        return (
            "completed"
            if self.exit_status == 0
            else "interrupted"
            if self.interrupted
            else "failed"
        )

    @property
    def error(self) -> str | None:
        if self.exit_status == 0:
            return None
        return (
            f"ended by {self.signal_name}"
            if self.signal_name
            else f"exit status {self.exit_status}"
        )


@dataclass(frozen=True, slots=True)
class Finished:
    """A run of a command.

    `exit_status` is the command's, 128+n for signal n, 127 if it was not found, 126 if it could not
    be started; `ended` is None in these two cases. `document` is the path of the result, None if
    none was written. `peak_memory_bytes` is 0 if not known.
    """

    exit_status: int
    ended: Ended | None = None
    document: Path | None = None
    peak_memory_bytes: int = 0
