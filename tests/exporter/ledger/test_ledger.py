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
from benchmark_exporter.model import GateOutcome, PipelineRun, Result, Run, Statistics
from benchmark_exporter.regression import check_gate
from tests.exporter.test_regression import POLICY, comparison
from tests.support.ledger_files import Made, known_files, watched
from tests.support.scopes import SCOPE, ranked


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


def run(number: int) -> Run:
    """Only the oldest runs have a duration, so finding these among the newest takes an index."""
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
    outcome: GateOutcome = check_gate(comparison(5.0), POLICY, "local")
    with ledger.transaction() as transaction:
        for number in numbers:
            row = transaction.add_run(run(number), SCOPE, ranked(number, 1e9), 1e9).row
            transaction.record_gate_outcome(row, outcome, 5.0, 5.0)
            transaction.count_commit(SCOPE, "a", "critical", f"commit {number}", number, 1e9)
            transaction.see(Subject.benchmark(SCOPE, "a"), 1e9, 1e9)
            transaction.count("runs", (*SCOPE.key, "a"), 1e9)
            transaction.add_document(f"{number}".encode(), b"digest", "test", 1e9)
            transaction.record_file(f"{number}.json", (1, 1, 1), b"digest", None, 1e9)
            transaction.add_pipeline_run(
                PipelineRun(
                    "test", "ci", "main", "push", f"{number}", passed=True, timestamp_seconds=number
                ),
                "project",
                ranked(number, 1e9),
                1e9,
            )


def test_what_was_committed_is_there_after_a_restart(path: Path) -> None:
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
        transaction.add_run(run(1), SCOPE, ranked(1, 1e9), 1e9)
        raise KeyboardInterrupt
    assert ledger.state() == before
    ledger.close()


def recorded(batches: Sequence[Sequence[tuple[int, float]]]) -> State:
    """The state after runs, a transaction for each batch of them.

    A run is made at one second and recorded when the clock shows another.
    """
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
                    transaction.add_run(made, SCOPE, ranked(second, at), at)
                    transaction.see(Subject.benchmark(SCOPE, "a"), at, math.inf)
                    transaction.see(Subject.benchmark(SCOPE, "a/fast"), at, math.inf)
                    transaction.see(Subject.pipeline("project", "ci", "main", "push"), at, math.inf)
                    transaction.count_commit(
                        SCOPE, "a", "critical", f"commit {number % 2}", float(second), at
                    )
                    transaction.count("runs", (*SCOPE.key, "a"), at)
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
                    transaction.add_pipeline_run(outcome, "project", ranked(second, at), at)
        state = replace(ledger.state(), commits=0)
        ledger.close()
    return state


@settings(max_examples=40, deadline=None)
@given(
    runs=st.lists(st.tuples(st.integers(0, 9), st.floats(0, 9)), min_size=1, max_size=8),
    size=st.integers(2, 8),
)
def test_the_state_does_not_depend_on_how_many_runs_share_a_transaction(
    runs: list[tuple[int, float]], size: int
) -> None:
    each_alone = recorded([[run] for run in runs])
    assert (
        recorded([runs[start : start + size] for start in range(0, len(runs), size)]) == each_alone
    )


def test_a_running_total_is_written_once_a_transaction(path: Path) -> None:
    statements: list[str] = []
    ledger = Ledger(path, connect=watched(statements.append))
    statements.clear()
    with ledger.transaction() as transaction:
        for _ in range(100):
            transaction.count("seen", ("a",), 1e9)
    assert sum("INTO counters" in statement for statement in statements) == 1
    assert ledger.state().counters["seen"][0].value == 100
    ledger.close()


def test_a_row_that_stays_as_it_was_is_not_written(path: Path) -> None:
    statements: list[str] = []
    ledger = Ledger(path, connect=watched(statements.append))
    for by in (1, 0):
        statements.clear()
        with ledger.transaction() as transaction:
            transaction.count("seen", ("a",), 1e9, by=by)
    assert not [statement for statement in statements if "INTO counters" in statement]
    assert ledger.state().counters["seen"][0].value == 1
    ledger.close()


def test_what_a_transaction_has_written_is_read_back_before_it_commits(path: Path) -> None:
    outcome = check_gate(comparison(5.0), POLICY, "local")
    ledger = Ledger(path)
    with ledger.transaction() as transaction:
        row = transaction.add_run(run(1), SCOPE, ranked(1, 1e9), 1e9).row
        assert transaction.record_gate_outcome(row, outcome, 5.0, 5.0) == (True, outcome.severity)
        assert transaction.record_gate_outcome(row, outcome, 5.0, 5.0) == (False, None)
        transaction.record_file("a.json", (1, 2, 3), b"digest", None, 1e9)
        known = transaction.file("a.json")
        transaction.delete_files(["a.json"])
        assert transaction.file("a.json") is None
    assert known is not None
    assert known.signature == (1, 2, 3)
    assert known_files(ledger) == {}
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


def steps_of_state(ledger: Ledger, connection: sqlite3.Connection) -> int:
    """Instructions of SQLite's virtual machine, in tens, which no load on the computer changes."""
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(step, 10)
    ledger.state()
    connection.set_progress_handler(None, 0)
    return steps


def test_reading_the_state_costs_by_its_series_and_not_by_its_runs(path: Path) -> None:
    made = Made()
    ledger = Ledger(path, connect=made)
    fill(ledger, range(200))
    few = steps_of_state(ledger, made.connection)
    fill(ledger, range(200, 5000))
    # An index grows deeper; reading the runs would be twenty times as much.
    assert steps_of_state(ledger, made.connection) < few * 1.2
    ledger.close()


def test_a_locked_ledger_is_an_error_of_the_ledger(path: Path) -> None:
    made = Made()
    ledger = Ledger(path, connect=made)
    made.connection.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match="database is locked"), ledger.transaction():
        pass
    other.close()
    ledger.close()


def test_a_full_disk_is_an_error_of_the_ledger_and_not_of_the_file(path: Path) -> None:
    made = Made()
    ledger = Ledger(path, connect=made)
    (pages,) = made.connection.execute("PRAGMA page_count").fetchone()
    made.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LedgerError, match="disk is full"), ledger.transaction() as transaction:  # noqa: PT012  # some step raises
        for number in range(10_000):
            with transaction.step():
                transaction.add_document(f"{number}".encode(), b"digest", "test", 1e9)
    made.connection.execute("PRAGMA max_page_count = 1000000")
    fill(ledger, range(1))
    assert ledger.state().commits == 1
    ledger.close()
