"""Documents that grow: hyperfine rewrites its file after each command, with all earlier results.

Each state of such a document is a run of what is new in it. Results are recognised by their values:
two runs do not take the same nanoseconds, while a file may be renamed or copied as it grows.
"""

import hashlib
from collections import defaultdict

import msgspec
from msgspec.structs import replace

from benchmark_exporter.ledger import Transaction
from benchmark_exporter.model import Failure, Result, Run


def leave_out_recorded(
    transaction: Transaction, run: Run, project: str, environment: str, now: float
) -> Run:
    """The run without benchmarks that were recorded before, for the same commit and machine.

    Returns the run itself if there are none. A benchmark's results belong together, since a size or
    a count among them may well be the same in another run.
    """
    of_benchmarks: defaultdict[str, list[Result | Failure]] = defaultdict(list)
    for result in run.results:
        of_benchmarks[result.benchmark].append(result)
    for failure in run.failures:
        of_benchmarks[failure.benchmark].append(failure)
    place = (project, environment, run.machine_class, run.commit_hash, run.branch)
    new = {
        benchmark
        for benchmark, measured in of_benchmarks.items()
        if transaction.add_measurements(
            hashlib.sha256(msgspec.json.encode((place, measured))).digest(), now
        )
    }
    if len(new) == len(of_benchmarks):
        return run
    return replace(
        run,
        results=tuple(result for result in run.results if result.benchmark in new),
        failures=tuple(failure for failure in run.failures if failure.benchmark in new),
    )
