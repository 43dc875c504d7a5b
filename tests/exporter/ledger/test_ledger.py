"""What the ledger promises, over real database files."""

import gc
import math
import sqlite3
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from benchmark_exporter.ledger import Ledger, LedgerError, State, Subject
from benchmark_exporter.model import GateOutcome, PipelineRun, Rejected, Result, Run, Statistics
from benchmark_exporter.regression import check_gate
from tests.exporter.test_regression import POLICY, comparison


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


def run(number: int) -> Run:
    """Only the oldest runs state a duration, so that finding these among the newest takes an index."""
    result = Result("a", "fast", Statistics(1.0, 2.0))
    duration = 1.0 if number < 10 else None
    return Run(
        "test",
        f"{number}",
        float(number),
        (result,),
        (comparison(5.0),),
        suite_duration_seconds=duration,
    )


def fill(ledger: Ledger, numbers: range) -> None:
    """Runs of one benchmark and pipeline, each with a regression of a commit of its own."""
    verdict: GateOutcome = check_gate(comparison(5.0), POLICY, "local")
    with ledger.transaction() as transaction:
        for number in numbers:
            row, _, _ = transaction.add_run(run(number), "project", "local", 1e9)
            transaction.record_gate_outcome(row, verdict, 5.0, 5.0)
            transaction.count_commit("a", "critical", f"commit {number}", float(number), 1e9)
            transaction.see(Subject("benchmark", "a", "local"), 1e9, 1e9)
            transaction.count("runs", ("a", "local"), 1e9)
            transaction.add_document(f"{number}".encode(), b"digest", "test", 1e9)
            transaction.record_file(f"{number}.json", (1, 1, 1), b"digest", None, 1e9)
            transaction.add_pipeline_run(
                PipelineRun(
                    "test", "ci", "main", "push", f"{number}", passed=True, timestamp_seconds=number
                ),
                1e9,
            )


def test_what_was_committed_is_there_after_a_start(path: Path) -> None:
    ledger = Ledger(path)
    fill(ledger, range(3))
    before = ledger.state()
    ledger.close()
    ledger = Ledger(path)
    assert ledger.state() == before
    assert before.counters["runs"][0].value == 3
    ledger.close()


def test_a_transaction_that_raises_leaves_nothing(path: Path) -> None:
    ledger = Ledger(path)
    before = ledger.state()
    with pytest.raises(KeyboardInterrupt), ledger.transaction() as transaction:  # noqa: PT012  # the block's end is what is tested
        transaction.add_run(run(1), "project", "local", 1e9)
        raise KeyboardInterrupt
    assert ledger.state() == before
    ledger.close()


def test_a_step_that_raises_leaves_the_others(path: Path) -> None:
    ledger = Ledger(path)
    with ledger.transaction() as transaction:
        with transaction.step():
            transaction.count("kept", (), 1e9)
        with pytest.raises(ValueError, match="cannot be kept in the ledger"), transaction.step():  # noqa: PT012  # the step is what raises
            transaction.count("undone", (), 1e9)
            transaction.add_pipeline_run(
                PipelineRun("test", None, "", "", "", passed=True, timestamp_seconds=0.0),  # type: ignore[arg-type]  # so it is refused
                1e9,
            )
    assert set(ledger.state().counters) == {"kept"}
    ledger.close()


def test_what_is_written_at_the_end_of_a_step_fails_it_and_leaves_the_others(path: Path) -> None:
    ledger, rejected = Ledger(path), Rejected("truncated", "early")
    with ledger.transaction() as transaction:
        with transaction.step():
            transaction.record_file("kept.json", (1, 2, 3), b"digest", None, 1e9)
        with pytest.raises(ValueError, match="cannot be kept in the ledger"), transaction.step():  # noqa: PT012  # the step is what raises
            transaction.record_rejection("undone.json", rejected, 1e9)
            transaction.record_file("undone.json", (4, 5, 6), None, rejected, 1e9)  # type: ignore[arg-type]  # so it is refused
        assert transaction.file("undone.json") is None
        known = transaction.file("kept.json")
        with transaction.step():
            transaction.record_file("undone.json", (4, 5, 6), b"digest", rejected, 1e9)
    assert known is not None
    assert known.signature == (1, 2, 3)
    assert ledger.signatures() == {"kept.json": (1, 2, 3), "undone.json": None}
    assert ledger._connection.execute("SELECT count(*) FROM rejections").fetchone() == (0,)
    ledger.close()


def test_a_subject_first_seen_in_a_step_that_raises_is_seen_by_the_next(path: Path) -> None:
    ledger, subject = Ledger(path), Subject("benchmark", "a", "local")
    with ledger.transaction() as transaction:
        with pytest.raises(RuntimeError), transaction.step():  # noqa: PT012  # the step is what raises
            transaction.see(subject, 1e9, math.inf)
            raise RuntimeError
        with transaction.step():
            transaction.see(subject, 1e9, math.inf)
    assert ledger.state().selection.subjects == [subject]
    ledger.close()


def test_a_sample_that_is_no_number_fails_its_step_and_not_the_transaction(path: Path) -> None:
    ledger = Ledger(path)
    with ledger.transaction() as transaction:
        with transaction.step():
            transaction.observe("time_ms", ("a",), [1.0], (2.0,), 1e9)
        with pytest.raises(ValueError, match="time_ms is not a number"), transaction.step():
            transaction.observe("time_ms", ("a",), [1.0, math.nan], (2.0,), 1e9)
    assert [histogram.total for histogram in ledger.state().histograms["time_ms"]] == [1.0]
    ledger.close()


def recorded(batches: Sequence[Sequence[tuple[int, float]]]) -> State:
    """What runs leave, a transaction for each batch of them. A run is made at a second and recorded when a clock shows another."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.sqlite3")
        number = 0
        for batch in batches:
            with ledger.transaction() as transaction:
                for second, at in batch:
                    number += 1
                    made = replace(
                        run(number),
                        timestamp_seconds=float(second),
                        suite_duration_seconds=number / 10,
                    )
                    transaction.add_run(made, "project", "local", at)
                    transaction.see(Subject("benchmark", "a", "local"), at, math.inf)
                    transaction.see(Subject("benchmark", "a/fast", "local"), at, math.inf)
                    transaction.see(Subject("pipeline", "ci", "main", "push"), at, math.inf)
                    transaction.count_commit(
                        "a", "critical", f"commit {number % 2}", float(second), at
                    )
                    transaction.count("runs", ("a", "local"), at)
                    transaction.observe("time_ms", ("a",), [number / 10], (0.3, 0.7), at)
                    transaction.record_ingest(at)
                    outcome = PipelineRun(
                        "test",
                        "ci",
                        "main",
                        "push",
                        f"{number}",
                        passed=number % 2 == 0,
                        timestamp_seconds=second,
                    )
                    transaction.add_pipeline_run(outcome, at)
        state = replace(ledger.state(), commits=0)
        ledger.close()
    return state


@settings(max_examples=40, deadline=None)
@given(
    runs=st.lists(st.tuples(st.integers(0, 9), st.floats(0, 9)), min_size=1, max_size=8),
    size=st.integers(2, 8),
)
def test_runs_leave_the_same_however_many_share_a_transaction(
    runs: list[tuple[int, float]], size: int
) -> None:
    each_alone = recorded([[run] for run in runs])
    assert (
        recorded([runs[start : start + size] for start in range(0, len(runs), size)]) == each_alone
    )


def test_a_running_total_is_written_once_a_transaction(path: Path) -> None:
    ledger = Ledger(path)
    written: list[str] = []
    ledger._connection.set_trace_callback(
        lambda statement: written.append(statement) if "INTO counters" in statement else None
    )
    with ledger.transaction() as transaction:
        for _ in range(100):
            transaction.count("seen", ("a",), 1e9)
    assert len(written) == 1
    assert ledger.state().counters["seen"][0].value == 100
    ledger.close()


def test_a_transaction_is_freed_when_it_ends(path: Path) -> None:
    ledger = Ledger(path)
    gc.disable()
    try:
        with ledger.transaction() as transaction:
            transaction.count("seen", ("a",), 1e9)
            transaction.baselines.pinned()
        ended = weakref.ref(transaction)
        del transaction
        assert ended() is None
    finally:
        gc.enable()
        ledger.close()


def test_commits_count_what_changed_the_state(path: Path) -> None:
    ledger = Ledger(path)
    with ledger.transaction():
        pass
    assert ledger.state().commits == 0
    with ledger.transaction() as transaction:
        transaction.count("runs", (), 1e9, by=0)
    assert ledger.state().commits == 1
    ledger.close()


def steps_of_state(ledger: Ledger) -> int:
    """Instructions of SQLite's machine, in tens: a count of work that no other load on the machine changes."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    ledger._connection.set_progress_handler(step, 10)
    ledger.state()
    ledger._connection.set_progress_handler(None, 0)
    return steps


def test_reading_the_state_costs_by_its_series_and_not_by_its_runs(path: Path) -> None:
    ledger = Ledger(path)
    fill(ledger, range(200))
    few = steps_of_state(ledger)
    fill(ledger, range(200, 5000))
    assert (
        steps_of_state(ledger) < few * 1.2
    )  # an index grows deeper; reading the runs would be twenty times as much
    ledger.close()


def test_a_file_that_is_no_ledger_is_named(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to be taken for one" * 100)
    with pytest.raises(LedgerError, match=rf"^{path}: file is not a database; "):
        Ledger(path)


def test_a_ledger_of_a_newer_version_is_named(path: Path) -> None:
    Ledger(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(
        LedgerError,
        match=rf"^{path}: schema 99 was written by a newer version of the exporter, this one knows \d+; run",
    ):
        Ledger(path)


def test_a_folder_that_is_missing_or_cannot_be_written_is_named(tmp_path: Path) -> None:
    # Not even root makes files in /proc.
    for path in (tmp_path / "missing" / "ledger.sqlite3", Path("/proc/ledger.sqlite3")):
        with pytest.raises(
            LedgerError,
            match=rf"^{path}: unable to open database file; is its folder there and writable",
        ):
            Ledger(path)


def test_a_ledger_that_another_holds_is_an_error_of_the_ledger(path: Path) -> None:
    ledger = Ledger(path)
    ledger._connection.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match="database is locked"), ledger.transaction():
        pass
    other.close()
    ledger.close()


def test_a_full_disk_is_an_error_of_the_ledger_and_not_of_the_file(path: Path) -> None:
    ledger = Ledger(path)
    (pages,) = ledger._connection.execute("PRAGMA page_count").fetchone()
    ledger._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LedgerError, match="disk is full"), ledger.transaction() as transaction:  # noqa: PT012  # some step raises
        for number in range(10_000):
            with transaction.step():
                transaction.add_document(f"{number}".encode(), b"digest", "test", 1e9)
    ledger._connection.execute("PRAGMA max_page_count = 1000000")
    fill(ledger, range(1))
    assert ledger.state().commits == 1
    ledger.close()
