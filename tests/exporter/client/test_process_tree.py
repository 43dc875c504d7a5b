"""CPU and memory of real processes and their descendants."""

import subprocess
import sys

from benchmark_exporter.client.process_tree import ProcessTree
from tests.support.monitored import until

# The kernel counts in ticks of 10 ms, and drops what is less.
BURN = "import time\nwhile time.process_time() < 0.5: pass"
HOLD = "x = b'x' * 100_000_000; input()"


def test_descendants_that_have_ended_are_counted() -> None:
    with subprocess.Popen(
        ["sh", "-c", '"$0" -c "$1"; read line', sys.executable, BURN], stdin=subprocess.PIPE
    ) as process:
        tree = ProcessTree(process.pid)
        until(lambda: tree.measure().cpu_seconds >= 0.45)
        until(lambda: not tree._root.children())
        # A new tree, which has not seen it while it was running.
        assert ProcessTree(process.pid).measure().cpu_seconds >= 0.45
        process.communicate(b"\n")


def test_memory_is_the_sum_of_all() -> None:
    script = '"$0" -c "$1" <&3 & "$0" -c "$1" <&3; wait'
    with subprocess.Popen(
        ["sh", "-c", f"exec 3<&0; {script}", sys.executable, HOLD], stdin=subprocess.PIPE
    ) as process:
        tree = ProcessTree(process.pid)
        until(lambda: tree.measure().resident_bytes >= 200_000_000)
        process.communicate(b"\n\n")


def test_a_process_that_has_left_the_tree_is_followed() -> None:
    script = '("$0" -c "$1" <&3 & sleep 1); read line'
    with subprocess.Popen(
        ["sh", "-c", f"exec 3<&0; {script}", sys.executable, HOLD], stdin=subprocess.PIPE
    ) as process:
        tree = ProcessTree(process.pid)
        until(lambda: tree.measure().resident_bytes >= 100_000_000)
        # Its parent, the subshell, ends; nothing leads to it any more.
        until(lambda: len(tree._root.children(recursive=True)) == 0)
        assert tree.measure().resident_bytes >= 100_000_000
        process.communicate(b"\n\n")
