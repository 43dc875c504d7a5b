"""What holds for any documents, in any order and however often they arrive."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.documents import Json
from tests.support.examples import (
    DOCUMENTS,
    EXAMPLES,
    PIPELINES,
    drop_all,
    results,
    suites,
    wired_in_a_new_folder,
)
from tests.support.wired import DEFINITIONS, Samples, samples


def totals(found: Samples) -> Samples:
    """Counters and histograms, which do not depend on what arrived last."""
    kept = {name for name, definition in DEFINITIONS.items() if definition.type == "counter"}
    kept |= {"benchmark_execution_time_ms_bucket", "benchmark_execution_time_ms_count"}
    # Which five commits a benchmark shows depends on their times, and two may be equal.
    return {
        name: found[name]
        for name in kept & found.keys() - {"performance_regression_detected_total"}
    }


@EXAMPLES
@given(DOCUMENTS)
def test_every_exposition_is_valid_and_declared_and_its_series_are_unique(
    documents: list[Json],
) -> None:
    with wired_in_a_new_folder() as wired:
        drop_all(wired, documents)
        for name, series in samples(wired.exposition()).items():
            base = name if name in DEFINITIONS else name.rsplit("_", 1)[0]
            for labels, value in series.items():
                assert {label for label, _ in labels} - {"le", "quantile"} == set(
                    DEFINITIONS[base].labels
                )
                assert abs(value) < float("inf")
        assert [file.reason for file in wired.ledger.state().rejected_files] == [
            "unknown_format"
        ] * documents.count({})


@EXAMPLES
@given(DOCUMENTS)
def test_what_was_ingested_changes_nothing_when_it_arrives_again(documents: list[Json]) -> None:
    with wired_in_a_new_folder() as wired:
        drop_all(wired, documents)
        before = wired.exposition()
        wired.restart()
        wired.settle()
        assert wired.exposition() == before
        for number, document in enumerate(documents):
            wired.drop(f"copy-{number}.json", document)
        wired.settle()
        known = {
            "benchmark_exporter_files_duplicate_total",
            "benchmark_exporter_files_rejected_total",
        }
        after, was = totals(wired.samples()), totals(samples(before))
        assert {name: after[name] for name in after.keys() - known} == {
            name: was[name] for name in was.keys() - known
        }


def run_id(document: Json) -> str:
    return str(document.get("run_id") or document["run"]["run_id"])


# For documents of the same run the order matters: the gate's outcome may arrive before or after the
# run was judged without it.
RUNS_APART = st.lists(suites() | results() | PIPELINES, min_size=2, max_size=6, unique_by=run_id)


@EXAMPLES
@given(
    RUNS_APART.flatmap(lambda documents: st.tuples(st.just(documents), st.permutations(documents)))
)
def test_the_order_of_a_batch_does_not_change_totals(orders: tuple[list[Json], list[Json]]) -> None:
    with wired_in_a_new_folder() as one, wired_in_a_new_folder() as other:
        drop_all(one, orders[0])
        drop_all(other, orders[1])
        first, second = one.samples(), other.samples()
        assert totals(first) == totals(second)
        sums = "benchmark_execution_time_ms_sum"
        assert first.get(sums, {}) == pytest.approx(
            second.get(sums, {})
        )  # the last digit of a sum depends on the order
