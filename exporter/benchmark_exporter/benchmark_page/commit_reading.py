"""Reads what the page of a commit shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark_exporter.benchmark_page.commit_query import CommitQuery
from benchmark_exporter.benchmark_page.reading import MOST_SECONDS
from benchmark_exporter.ledger.benchmark_reading import Interrupted, read_benchmarks
from benchmark_exporter.ledger.commit_runs import CommitResult, CommitRun, runs_of_commit
from benchmark_exporter.stream.worst_first import WORST_FIRST

ROWS_SHOWN = 100
SEARCH_SECONDS = 1.0
_RANKS = {state: rank for rank, state in enumerate(WORST_FIRST)}


@dataclass(frozen=True, slots=True)
class CommitView:
    """The benchmarks of a commit's runs, the newest run first, each with its worst result.

    `has_more` says that there are others; `is_cut` that older runs were not searched, since that
    would have taken too long.
    """

    rows: Sequence[tuple[CommitRun, CommitResult]]
    has_more: bool
    is_cut: bool


def read_commit(path: Path, query: CommitQuery) -> CommitView:
    """What the ledger has of a commit.

    Raises:
        TookTooLong: it took more than MOST_SECONDS.
        LedgerError: the ledger cannot be read; the message says why and what to do.
    """
    rows: list[tuple[CommitRun, CommitResult]] = []
    is_cut = False
    with read_benchmarks(path, MOST_SECONDS) as reader:
        try:
            with reader.within(SEARCH_SECONDS):
                for run, results in runs_of_commit(reader, query.project, query.hash):
                    rows += [(run, each) for each in _worst_of_each(results)]
                    if len(rows) > ROWS_SHOWN:
                        break
        except Interrupted:
            is_cut = True
    return CommitView(rows[:ROWS_SHOWN], len(rows) > ROWS_SHOWN, is_cut)


def _worst_of_each(results: Sequence[CommitResult]) -> Iterator[CommitResult]:
    """The worst result of each benchmark, the worst benchmark first."""
    seen = set()
    for each in sorted(results, key=_badness):
        if each.benchmark not in seen:
            seen.add(each.benchmark)
            yield each


def _badness(result: CommitResult) -> tuple[int, float, str]:
    if result.failed:
        return -1, 0.0, result.benchmark
    rank = len(WORST_FIRST) if result.state is None else _RANKS[result.state]
    return rank, -(result.worsening_ratio or 0.0), result.benchmark
