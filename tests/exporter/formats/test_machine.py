"""Which machines are comparable: the same class, whatever each tool calls it."""

import json

import pytest

from benchmark_exporter.formats import Origin, parse, parse_sidecar
from benchmark_exporter.model import Machine, Run
from tests.support.paths import REPOSITORY
from tests.support.wired import Wired

GOLDEN = REPOSITORY / "tests/exporter/golden"
SIZE = [{"name": "binary", "unit": "bytes", "value": 4096}]


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        (Machine("Linux", "x86_64", "AMD EPYC 7763", 4), "linux x86_64 amd epyc 7763 4 cpus"),
        (
            Machine("Linux-6.18.44-x86_64-with-glibc2.36", "x86_64", cpu_count=2),
            "linux x86_64 2 cpus",
        ),
        (Machine("Windows-11-10.0.26100-SP0", "AMD64", cpu_count=16), "windows x86_64 16 cpus"),
        (
            Machine("Darwin", "arm64", "Apple  M2", 8, "low power"),
            "darwin aarch64 apple m2 8 cpus low power",
        ),
        (Machine(), ""),
    ],
)
def test_a_class_name_holds_what_makes_times_comparable(machine: Machine, name: str) -> None:
    assert machine.class_name == name


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ("perf_suite_pass/1-run", "linux x86_64 4 cpus"),
        ("pytest_benchmark/1-run", "linux x86_64 amd epyc 7763 4 cpus"),
        ("google_benchmark/1-run", "2 cpus"),
        ("bench_guard_fail/1-bench_guard", ""),
    ],
)
def test_a_documents_machine_becomes_its_class(document: str, name: str) -> None:
    run = parse((GOLDEN / f"{document}.json").read_bytes())
    assert isinstance(run, Run)
    assert run.machine_class == name


def test_a_sidecar_states_the_machine_of_documents_that_do_not(wired: Wired) -> None:
    machine = {
        "os": "Linux",
        "architecture": "x86_64",
        "cpu_model": "AMD EPYC 7763",
        "cpu_count": 4,
    }
    wired.drop("a.meta.json", {"machine": machine, "timestamp": "2026-03-01T12:00:00Z"})
    wired.take("a.json", SIZE)
    ((machine_class,),) = wired.query("SELECT machine FROM runs")
    assert machine_class == "linux x86_64 amd epyc 7763 4 cpus"


def test_a_sidecar_completes_a_machine_that_the_document_states_in_part() -> None:
    machine = {
        "os": "Windows",
        "cpu_model": "AMD EPYC 7763",
        "cpu_count": 64,
        "profile": "performance",
    }
    origin = parse_sidecar(json.dumps({"machine": machine}).encode(), Origin())
    run = parse((GOLDEN / "perf_suite_pass/1-run.json").read_bytes(), origin)
    assert isinstance(run, Run)
    assert run.machine_class == "linux x86_64 amd epyc 7763 4 cpus performance"


def test_the_cpu_is_read_under_the_name_that_py_cpuinfo_had_before_6() -> None:
    document = {
        "machine_info": {"system": "Linux", "cpu": {"brand": "CPU X", "vendor_id": "v"}},
        "datetime": "2019-12-06T08:58:58",
        "benchmarks": [{"fullname": "t.py::test_a", "stats": {"mean": 1.0}}],
    }
    run = parse(json.dumps(document).encode())
    assert isinstance(run, Run)
    assert run.machine_class == "linux cpu x"
