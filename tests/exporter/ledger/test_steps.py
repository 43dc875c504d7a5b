"""Steps of a transaction: one that fails is undone, and the others stand."""

import math
from pathlib import Path

import pytest

from benchmark_exporter.ledger import Ledger, Subject
from benchmark_exporter.model import PipelineRun, Rejected
from tests.support.ledger_files import known_files, read_rows
from tests.support.scopes import SCOPE, ranked


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


def test_a_step_that_raises_leaves_the_others(path: Path) -> None:
    ledger = Ledger(path)
    with ledger.transaction() as transaction:
        with transaction.step():
            transaction.count("kept", (), 1e9)
        with pytest.raises(ValueError, match="cannot be stored in the ledger"), transaction.step():  # noqa: PT012  # the step is what raises
            transaction.count("undone", (), 1e9)
            transaction.add_pipeline_run(
                PipelineRun("test", None, "", "", "", passed=True, timestamp_seconds=0.0),  # type: ignore[arg-type]  # so it is refused
                "project",
                ranked(0.0, 1e9),
                1e9,
            )
    assert set(ledger.state().counters) == {"kept"}
    ledger.close()


def test_what_is_written_at_the_end_of_a_step_fails_it_and_leaves_the_others(path: Path) -> None:
    ledger, rejected = Ledger(path), Rejected("truncated", "early")
    with ledger.transaction() as transaction:
        with transaction.step():
            transaction.record_file("kept.json", (1, 2, 3), b"digest", None, 1e9)
        with pytest.raises(ValueError, match="cannot be stored in the ledger"), transaction.step():  # noqa: PT012  # the step is what raises
            transaction.record_rejection("undone.json", rejected, 1e9)
            transaction.record_file("undone.json", (4, 5, 6), None, rejected, 1e9)  # type: ignore[arg-type]  # so it is refused
        assert transaction.file("undone.json") is None
        known = transaction.file("kept.json")
        with transaction.step():
            transaction.record_file("undone.json", (4, 5, 6), b"digest", rejected, 1e9)
    assert known is not None
    assert known.signature == (1, 2, 3)
    assert known_files(ledger) == {"kept.json": (1, 2, 3), "undone.json": None}
    assert read_rows(path, "SELECT count(*) FROM rejections") == [(0,)]
    ledger.close()


def test_a_subject_first_seen_in_a_step_that_raises_is_seen_by_the_next(path: Path) -> None:
    ledger, subject = Ledger(path), Subject.benchmark(SCOPE, "a")
    with ledger.transaction() as transaction:
        with pytest.raises(RuntimeError), transaction.step():  # noqa: PT012  # the step is what raises
            transaction.see(subject, 1e9, math.inf)
            raise RuntimeError
        with transaction.step():
            transaction.see(subject, 1e9, math.inf)
    assert ledger.state().selection.subjects == [subject]
    ledger.close()


def test_a_sample_that_is_not_a_number_fails_its_step_and_not_the_transaction(path: Path) -> None:
    ledger = Ledger(path)
    with ledger.transaction() as transaction:
        with transaction.step():
            transaction.observe("time_ms", ("a",), [1.0], (2.0,), 1e9)
        with pytest.raises(ValueError, match="time_ms is not a number"), transaction.step():
            transaction.observe("time_ms", ("a",), [1.0, math.nan], (2.0,), 1e9)
    assert [histogram.total for histogram in ledger.state().histograms["time_ms"]] == [1.0]
    ledger.close()


def test_what_a_failed_step_counted_is_not_counted_by_the_next(path: Path) -> None:
    ledger = Ledger(path)
    with ledger.transaction() as transaction:
        transaction.count("seen", (), 1e9)
        with pytest.raises(RuntimeError), transaction.step():  # noqa: PT012  # the step is what raises
            transaction.count("seen", (), 1e9)
            transaction.baselines.pinned()  # writes what was gathered, in the middle of the step
            raise RuntimeError
        with transaction.step():
            transaction.count("seen", (), 1e9)
    assert ledger.state().counters["seen"][0].value == 2
    ledger.close()


def test_a_whole_transaction_says_that_a_value_cannot_be_stored_and_is_undone(path: Path) -> None:
    ledger = Ledger(path)
    with (  # noqa: PT012  # the end of the transaction is what raises
        pytest.raises(ValueError, match="cannot be stored in the ledger"),
        ledger.transaction() as transaction,
        transaction.whole(),
    ):
        transaction.count("undone", (), 1e9)
        transaction.record_file("undone.json", (4, 5, 6), None, None, 1e9)  # type: ignore[arg-type]  # so it is refused
    assert set(ledger.state().counters) == set()
    assert known_files(ledger) == {}
    with ledger.transaction() as transaction, transaction.whole():
        transaction.count("kept", (), 1e9)
    assert set(ledger.state().counters) == {"kept"}
    ledger.close()
