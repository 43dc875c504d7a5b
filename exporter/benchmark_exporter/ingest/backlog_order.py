"""Puts a backlog in the order of its runs, where its files were written in another one.

Files that were copied, unpacked or checked out have the times of that, in whatever order it was
done. Each batch would then have runs of all times, and all runs after the first of them would be
judged again with each batch.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from benchmark_exporter.ingest.inbox import Candidate
from benchmark_exporter.ingest.packed_candidates import PackedCandidates

# So many files of a backlog show whether its runs are in order, but for this share.
SAMPLED_FILES, _MOST_DISORDER = 256, 0.05

Moment = tuple[str, float]  # a run's project and when it was, in seconds since 1970


def order_by_runs(
    backlog: PackedCandidates,
    moment_of: Callable[[Candidate], Moment | None],
    batch_files: int,
    step_files: int,
) -> Iterator[None]:
    """Orders the files by the times of their runs, in steps of so many, unless they are already.

    A batch need not be in order. `moment_of` reads what a file's run is, None if it holds no run.
    """
    if len(backlog) <= batch_files:
        return
    sample = backlog.evenly(SAMPLED_FILES)
    moments = [moment for each in sample if (moment := moment_of(each)) is not None]
    if _disorder(moments) <= _MOST_DISORDER * len(moments):
        return
    for number in range(len(backlog)):
        moment = moment_of(backlog[number])
        backlog.date(number, None if moment is None else moment[1])
        if number % step_files == 0:
            yield


def _disorder(moments: Sequence[Moment]) -> int:
    """How many runs come after a newer one of their project, or directly after any newer one.

    Projects that were copied one after the other are in order. Of many projects, a sample has too
    few runs each.
    """
    newest: defaultdict[str, float] = defaultdict(lambda: float("-inf"))
    late = 0
    for project, seconds in moments:
        late += seconds < newest[project]
        newest[project] = max(newest[project], seconds)
    return max(late, sum(later[1] < earlier[1] for earlier, later in pairwise(moments)))
