"""Runs inside a benchmark's process: times iterations, streams progress, drops the result.

See docs/client.md.

    from benchmark_exporter.client import MonitoredPerfSuite

    MonitoredPerfSuite().run_benchmark_with_monitoring(parse_everything, "parsing", iterations=1000)

It needs the standard library and psutil, and loads nothing else of this package. It has no thread
and no process of its own: a thread would take the interpreter during what is timed, and make
os.fork() warn. The benchmark's own thread writes lines between two iterations, for at most a
fiftieth of its time. A problem with files is logged once as a warning, by the logger
`benchmark_exporter.client`, and never raised.
"""

from benchmark_exporter.client.monitored_run import MonitoredRun
from benchmark_exporter.client.monitoring import MonitoredPerfSuite

__all__ = ["MonitoredPerfSuite", "MonitoredRun"]
