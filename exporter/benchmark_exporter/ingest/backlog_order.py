"""Puts a backlog in the order of its runs, where its files were written in another one.

Files that were copied, unpacked or checked out have the times of that, in whatever order it was
done. Each batch would then have runs of all times, and all runs after the first of them would be
judged again with each batch.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise

from benchmark_exporter.ingest.inbox import Candidate
from benchmark_exporter.ingest.packed_candidates import PackedCandidates

# So many files of the backlog show whether their runs are in order, but for this share: several
# folders that were copied one after the other are in order, each by itself.
_SAMPLED_FILES, _MOST_DISORDER = 128, 0.05

SecondsOf = Callable[[Candidate], float | None]


def order_by_runs(
    backlog: PackedCandidates, seconds_of: SecondsOf, batch_files: int, step_files: int
) -> Iterator[None]:
    """Orders the files by the times of their runs, in steps of so many, unless they are already.

    A batch need not be in order. `seconds_of` reads when a file's run was, None if it holds no run.
    """
    if len(backlog) <= batch_files:
        return
    sample = backlog.evenly(_SAMPLED_FILES)
    moments = [at for each in sample if (at := seconds_of(each)) is not None]
    late = sum(later < earlier for earlier, later in pairwise(moments))
    if late <= _MOST_DISORDER * len(moments):
        return
    for number in range(len(backlog)):
        backlog.date(number, seconds_of(backlog[number]))
        if number % step_files == 0:
            yield
