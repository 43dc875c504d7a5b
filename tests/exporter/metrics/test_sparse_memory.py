"""What is kept for sparse scrapes: times of what changed lately, and no lines of the past."""

import tracemalloc

import pytest

from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.metrics.sparse import PACES, SparsePart
from tests.support.sparse_scraping import shown, sparse_part, unseen

START = 1_780_000_000.25
SERIES = 2000


def kept_bytes(part_name: Part, changes: int, then_seconds: float) -> int:
    """What is kept after a change of each series, `changes` times, and some time of scrapes."""
    tracemalloc.start()
    try:
        part, seen, now = sparse_part(part=part_name), None, START
        for change in range(changes + 1):
            exposition = shown({f"b{name}": change for name in range(SERIES)}, part=part_name)
            part.publish(exposition, now)
            now += 0.1
        del exposition
        end = now + then_seconds
        while now <= end:
            _, seen = unseen(part, seen, now)
            now += PACES[part_name].turn_seconds
        assert isinstance(part, SparsePart)
        size_bytes, _ = tracemalloc.get_traced_memory()
        return size_bytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("part_name", PACES)
def test_lines_that_were_replaced_are_not_kept(part_name: Part) -> None:
    kept_bytes(part_name, 1, 0)  # what Python itself keeps
    once = kept_bytes(part_name, 1, 0)
    assert kept_bytes(part_name, 20, 0) < 1.2 * once


@pytest.mark.parametrize("part_name", PACES)
def test_times_of_changes_are_kept_for_a_period(part_name: Part) -> None:
    pace = PACES[part_name]
    after_seconds = pace.period_seconds + 12 * pace.turn_seconds
    never = kept_bytes(part_name, 0, after_seconds)
    assert kept_bytes(part_name, 1, after_seconds) < never + SERIES
    assert kept_bytes(part_name, 1, 0) > never + 8 * SERIES
