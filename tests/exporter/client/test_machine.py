"""The machine that a run is made on."""

import pytest

from benchmark_exporter.client.machine import cpu_model, find_machine

X86 = """\
processor\t: 0
vendor_id\t: AuthenticAMD
model\t\t: 1
model name\t: AMD EPYC 7763 64-Core Processor

processor\t: 1
"""
ARM = """\
processor\t: 0
CPU implementer\t: 0x41
CPU variant\t: 0x3
CPU part\t: 0xd0c

processor\t: 1
CPU part\t: 0xd40
"""


@pytest.mark.parametrize(
    ("cpuinfo", "model"),
    [
        (X86, "AMD EPYC 7763 64-Core Processor"),
        (ARM, "implementer 0x41 part 0xd0c"),
        ("processor\t: 0\nhart\t\t: 1\nisa\t\t: rv64imafdc\n", ""),
        ("", ""),
    ],
    ids=["x86", "Arm", "RISC-V", "empty"],
)
def test_the_model_is_that_of_the_first_cpu(cpuinfo: str, model: str) -> None:
    assert cpu_model(cpuinfo.splitlines(keepends=True)) == model


@pytest.mark.parametrize(
    ("given", "environ", "profile"),
    [
        ("vm", {"BENCHMARK_MACHINE_PROFILE": "x"}, "vm"),
        ("", {"BENCHMARK_MACHINE_PROFILE": "powersave"}, "powersave"),
        ("", {}, ""),
    ],
)
def test_the_profile_is_the_given_one_else_the_variables(
    given: str, environ: dict[str, str], profile: str
) -> None:
    assert find_machine(given, environ).profile == profile
