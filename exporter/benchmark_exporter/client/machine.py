"""The machine that a run is made on, by the keys of a result document.

Only runs of equal machines are judged against each other.
"""

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
    """Empty or None stands for what is not known.

    `profile` distinguishes machines that are equal otherwise, for instance by power plan or kind of
    virtual machine.
    """

    os: str
    architecture: str
    cpu_model: str
    cpu_count: int | None
    profile: str


def find_machine(profile: str = "", environ: Mapping[str, str] = os.environ) -> Machine:
    """This machine, in the terms of pytest-benchmark on x86.

    The profile is the given one, else the variable's.
    """
    return Machine(
        platform.system(),
        platform.machine(),
        _cpu_model(),
        os.cpu_count(),
        profile or find_profile(environ),
    )


def find_profile(environ: Mapping[str, str] = os.environ) -> str:
    """The user's name for this kind of machine; empty in most cases."""
    return environ.get(PROFILE_VARIABLE, "")


def cpu_model(cpuinfo: Iterable[str]) -> str:
    """The model of the first CPU in the lines of Linux' /proc/cpuinfo; empty if it is not there.

    An Arm core has no name there, but numbers of its maker and part: `implementer 0x41 part 0xd0c`
    identifies it as well.
    """
    fields: dict[str, str] = {}
    for line in cpuinfo:
        name, _, value = line.partition(":")
        if not name.strip():
            break
        fields[name.strip()] = value.strip()
    if "model name" in fields:
        return fields["model name"]
    if "CPU part" in fields:
        return f"implementer {fields.get('CPU implementer')} part {fields['CPU part']}"
    return ""


def _cpu_model() -> str:
    if sys.platform != "linux":
        return platform.processor()
    with suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
        return cpu_model(file)
    return ""
