"""Documents that grow: hyperfine writes its file anew after each command, and so the first ones again with every one that follows.

Each state of such a document is a run of what is new in it. What was measured by a run of the command is known by the values themselves:
two runs do not take the same nanoseconds, whereas a file may be renamed or copied while it grows.
"""

import hashlib
from collections import defaultdict

import msgspec
from msgspec.structs import replace

from benchmark_exporter.ledger import Transaction
from benchmark_exporter.model import Result, Run


def leave_out_recorded(
    transaction: Transaction, run: Run, project: str, environment: str, now: float
) -> Run:
    """The run without the benchmarks whose results were recorded before, of the same commit and machine; itself where none was.

    A benchmark's results belong together: a size or a count among them may well be the same in another run.
    """
    of_benchmarks: defaultdict[str, list[Result]] = defaultdict(list)
    for result in run.results:
        of_benchmarks[result.benchmark].append(result)
    place = (project, environment, run.machine_class, run.commit_hash, run.branch)
    new = {
        benchmark
        for benchmark, results in of_benchmarks.items()
        if transaction.add_measurements(
            hashlib.sha256(msgspec.json.encode((place, results))).digest(), now
        )
    }
    if len(new) == len(of_benchmarks):
        return run
    return replace(run, results=tuple(result for result in run.results if result.benchmark in new))
