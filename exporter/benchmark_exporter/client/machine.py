"""The machine that a run is made on, by the keys of a result document. Runs of unlike ones are not judged together."""

import os
import platform
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROFILE_VARIABLE = "BENCHMARK_MACHINE_PROFILE"


@dataclass(frozen=True, slots=True)
class Machine:
    """Empty or None is what is not known. `profile` tells apart what is otherwise alike, say by power plan or kind of virtual machine."""

    os: str
    architecture: str
    cpu_model: str
    cpu_count: int | None
    profile: str


def find_machine(profile: str = "", environ: Mapping[str, str] = os.environ) -> Machine:
    """This machine, in the words that pytest-benchmark has for it on x86; the profile is what the caller says, else the variable's."""
    return Machine(
        platform.system(),
        platform.machine(),
        _cpu_model(),
        os.cpu_count(),
        profile or find_profile(environ),
    )


def find_profile(environ: Mapping[str, str] = os.environ) -> str:
    """What the user calls this kind of machine; mostly nothing."""
    return environ.get(PROFILE_VARIABLE, "")


def cpu_model(cpuinfo: Iterable[str]) -> str:
    """The model of the first CPU in the lines of Linux' /proc/cpuinfo; empty where it is not among them.

    An Arm core has no name there, but numbers of its maker and part, and `implementer 0x41 part 0xd0c` is no other core's.
    """
    said: dict[str, str] = {}
    for line in cpuinfo:
        name, _, value = line.partition(":")
        if not name.strip():
            break
        said[name.strip()] = value.strip()
    if "model name" in said:
        return said["model name"]
    if "CPU part" in said:
        return f"implementer {said.get('CPU implementer')} part {said['CPU part']}"
    return ""


def _cpu_model() -> str:
    if sys.platform != "linux":
        return platform.processor()
    with suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
        return cpu_model(file)
    return ""
