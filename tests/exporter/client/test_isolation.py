"""The client does not disturb the benchmark: forks, threads, random numbers, imports, kills."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

from benchmark_exporter.client import MonitoredPerfSuite
from tests.support.monitored import document, live_lines, until

IMPORT = "from benchmark_exporter.client import MonitoredPerfSuite; suite = MonitoredPerfSuite(); "


def test_a_forked_child_writes_nothing(suite: MonitoredPerfSuite, results: Path) -> None:
    with warnings.catch_warnings():
        # Where there are threads, Python 3.12 and later warn of a fork.
        warnings.simplefilter("error")
        with suite.run("forking") as run:
            for _ in run.iterations("forking", 3):
                child = os.fork()
                if child == 0:
                    for _ in range(50):
                        run.observe("forking", 1.0)
                        time.sleep(0.001)
                    run.__exit__(None, None, None)
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
    lines = live_lines(results)
    assert [line["type"] for line in lines].count("end") == 1
    assert all(line.get("execution_time_ms", 0) < 1000 for line in lines)
    assert document(results)[1]["forking"].sample_count == 3


def test_threads_lose_no_observation(suite: MonitoredPerfSuite, results: Path) -> None:
    with suite.run("threads") as run:

        def observe() -> None:
            for _ in range(20_000):
                run.observe("threads", 0.001)

        threads = [threading.Thread(target=observe) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert document(results)[1]["threads"].sample_count == 80_000
    assert live_lines(results)[-2]["iteration"] == 80_000


def test_a_benchmarks_random_numbers_stay_its_own(suite: MonitoredPerfSuite) -> None:
    before = random.getstate()
    suite.run_benchmark_with_monitoring(lambda: None, "nothing", iterations=300_000)
    assert random.getstate() == before


def test_a_killed_benchmark_leaves_a_live_file_and_no_result(results: Path) -> None:
    nap = "lambda: time.sleep(0.01)"
    program = (
        f"{IMPORT}import time; suite.run_benchmark_with_monitoring({nap}, 'x', iterations=10**6)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=results.parent)
    until(
        lambda: len(list((results / "live").glob("*"))) == 1 and len(live_lines_so_far(results)) > 3
    )
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert live_lines_so_far(results)[-1].startswith(b'{"type":"iteration"')
    assert [path.name for path in results.iterdir()] == ["live"]


def live_lines_so_far(results: Path) -> list[bytes]:
    (path,) = (results / "live").iterdir()
    return path.read_bytes().splitlines()


def test_the_client_loads_nothing_but_psutil() -> None:
    program = (
        "import sys; before = set(sys.modules); import benchmark_exporter.client; "
        "print(*set(sys.modules) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    tops = {name.partition(".")[0] for name in done.stdout.split()} - sys.stdlib_module_names
    assert tops <= {"benchmark_exporter", "psutil"}
    ours = {name for name in done.stdout.split() if name.startswith("benchmark_exporter.")}
    ours -= {f"benchmark_exporter.{each}" for each in ("atomic_write", "wording")}
    ours -= {"benchmark_exporter.texts", "benchmark_exporter.texts.say"}
    assert all(name.startswith("benchmark_exporter.client") for name in ours)
