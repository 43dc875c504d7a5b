"""Memory and CPU that live files report."""

from benchmark_exporter.stream.process_usage import MAX_PROCESSES, SHOWN_SECONDS
from tests.support.followed import Followed
from tests.support.live_files import LiveFile


def test_memory_has_a_peak_for_each_phase(followed: Followed) -> None:
    file = LiveFile(followed.results)
    file.line(
        "sample",
        process="bench",
        phase="warmup",
        memory_mb=64.0,
        cpu_percent=150.0,
        cores={"0": 100.0, "3": 50.0},
    )
    file.line("sample", process="bench", phase="measure", memory_mb=80.0)
    file.line(
        "sample",
        process="bench",
        phase="measure",
        memory_mb=40.5,
        cpu_percent=97.5,
        cores={"3": 97.5},
    )
    followed.check()
    (usage,) = followed.news.usages
    assert usage.process == "bench"
    assert usage.memory_mb == {"current": 40.5, "warmup": 64.0, "measure": 80.0}
    assert usage.cpu_percent == {"all": 97.5, "3": 97.5}


def test_iterations_report_usage_too(followed: Followed) -> None:
    LiveFile(followed.results).iteration(1)
    followed.check()
    (usage,) = followed.news.usages
    assert (usage.process, usage.memory_mb, usage.cpu_percent) == (
        "pytest",
        {"current": 51.2, "measure": 51.2},
        {"all": 97.5},
    )


def test_processes_and_phases_are_limited_and_expire(followed: Followed) -> None:
    file = LiveFile(followed.results)
    for number in range(50):
        file.line("sample", process=f"p{number}", memory_mb=1.0)
        file.line(
            "sample",
            process="last",
            phase=f"phase {number}",
            memory_mb=1.0,
            cores={"0": 1.0, "one": 2.0},
        )
    followed.check()
    assert len(followed.news.usages) == MAX_PROCESSES
    last = followed.news.usages[-1]
    assert (last.process, len(last.memory_mb), set(last.cpu_percent)) == ("last", 9, {"all", "0"})
    followed.now += SHOWN_SECONDS + 1
    followed.check()
    assert followed.news.usages == []
