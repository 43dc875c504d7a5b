"""What runs inside a benchmark's process: times its iterations, tells how far they are, and drops the result. docs/client.md

    from benchmark_exporter.client import MonitoredPerfSuite

    MonitoredPerfSuite().run_benchmark_with_monitoring(parse_everything, "parsing", iterations=1000)

Needs the standard library and psutil, and loads nothing else of this package. It has no thread and no process of its own, since a thread
takes the interpreter within what is timed, and makes os.fork() warn: the benchmark's thread writes lines between two iterations, for a
fiftieth of its time at most. What goes wrong with files is warned of once, on the logger `benchmark_exporter.client`, and never raised.
"""

from benchmark_exporter.client.monitoring import MonitoredPerfSuite, MonitoredRun

__all__ = ["MonitoredPerfSuite", "MonitoredRun"]
