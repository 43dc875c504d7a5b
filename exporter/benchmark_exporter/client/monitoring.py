"""A suite of benchmarks in this process: what its runs have in common, and how one is started."""

import os
from collections.abc import Callable, Iterator
from typing import TypeVar

from benchmark_exporter.client.machine import find_machine
from benchmark_exporter.client.monitored_run import MonitoredRun
from benchmark_exporter.client.provenance import Provenance, find_provenance, find_results_dir

T = TypeVar("T")


class MonitoredPerfSuite:
    """What the runs of a suite have in common.

    What is not given comes from variables: BENCHMARK_RESULTS_DIR (else `results`),
    BENCHMARK_PROJECT, BENCHMARK_ENVIRONMENT, BENCHMARK_COMMIT and BENCHMARK_BRANCH; the last two
    also from the variables of GitHub, GitLab and Jenkins, and from git. `machine_profile`, else
    BENCHMARK_MACHINE_PROFILE, distinguishes this machine from others with its CPU. `pace_seconds`
    is the least time between two lines of progress.
    """

    def __init__(
        self,
        results_dir: str | os.PathLike[str] | None = None,
        *,
        project: str | None = None,
        environment: str | None = None,
        commit: str = "",
        branch: str = "",
        machine_profile: str = "",
        pace_seconds: float = 0.01,
    ) -> None:
        self._results_dir = find_results_dir(results_dir)
        self._provenance = find_provenance(Provenance(project, environment, commit, branch))
        self._machine = find_machine(machine_profile)
        self._pace_seconds = pace_seconds

    def run_benchmark_with_monitoring(
        self, benchmark_func: Callable[[], T], name: str, *, iterations: int = 1
    ) -> T:
        """Calls the function `iterations` times, as one run; returns what the last call returned.

        An exception of the function ends the run as failed, and is raised.
        """
        if iterations < 1:
            raise ValueError(f"iterations must be at least 1, not {iterations}")
        with self.run(name) as run:
            return run.measure(benchmark_func, name, iterations=iterations)

    def stream_benchmark_progress(self, name: str, iterations: int | None = None) -> Iterator[int]:
        """The numbers 0, 1, … of the iterations of one run.

        Each iteration is timed from when its number is returned until the next is requested.
        Without `iterations`, the run ends with the loop. With it, a loop that ends early is an
        interrupted run without a result, since an iterator cannot distinguish `break` from an
        exception in the loop. `run` can.
        """
        with self.run(name) as run:
            try:
                yield from run.iterations(name, iterations)
            except GeneratorExit:
                if iterations is not None:
                    raise

    def run(self, name: str) -> MonitoredRun:
        """A run of one or several benchmarks, as a context manager, under one name."""
        return MonitoredRun(
            name, self._results_dir, self._provenance, self._machine, self._pace_seconds
        )
