"""The newest runs of branches that are not tracked, for pages and streams; no scrape shows them."""

import sqlite3
from collections.abc import Mapping, Sequence

import msgspec

from benchmark_exporter.ledger.columns import Columns, to_json
from benchmark_exporter.ledger.state import (
    NewestGate,
    NewestGateOutcome,
    NewestResult,
    NewestRun,
    NewestVerdict,
)
from benchmark_exporter.model import Result, Scope, Verdict

# Among how many of the runs that arrived last these are found, and how many rows of each kind:
# however many branches there are, no more is read.
BRANCH_RUNS, BRANCH_ROWS = 50, 500

_OF_RUNS = "WHERE run IN (SELECT value FROM json_each(?)) ORDER BY run DESC LIMIT ?"


class BranchRuns(msgspec.Struct, frozen=True):
    """The newest run of each benchmark of the branches that are not tracked.

    The scopes name the run's own branch; `base_branches` has, by scope, the tracked one whose
    history it is compared with.
    """

    runs: Sequence[NewestRun] = ()
    results: Sequence[NewestResult] = ()
    gates: Sequence[NewestGate] = ()
    verdicts: Sequence[NewestVerdict] = ()
    base_branches: Mapping[Scope, str] = {}


class _Run(msgspec.Struct, frozen=True):
    row: int
    scope: Scope
    line: str
    run_id: str
    commit_hash: str
    format: str
    timestamp_seconds: float


class _Result(msgspec.Struct, frozen=True):
    run: int
    result: Result


class _Failure(msgspec.Struct, frozen=True):
    run: int
    benchmark: str


class _Gate(msgspec.Struct, frozen=True):
    run: int
    outcome: NewestGateOutcome


class _Verdict(msgspec.Struct, frozen=True):
    run: int
    name: str
    passed_commit: str
    verdict: Verdict


_RUNS = Columns(_Run, names={"row": "id", "machine_class": "machine"}).query(
    "FROM runs WHERE NOT tracked ORDER BY id DESC LIMIT ?"
)
_RESULTS = Columns(_Result, without=("samples",)).query(f"FROM results {_OF_RUNS}")
_FAILURES = Columns(_Failure).query(f"FROM failures {_OF_RUNS}")
_GATES = Columns(_Gate).query(f"FROM gate_outcomes {_OF_RUNS}")
_VERDICTS = Columns(_Verdict, names={"limit": "limit_value"}).query(f"FROM verdicts {_OF_RUNS}")


def read_branch_runs(connection: sqlite3.Connection) -> BranchRuns:
    """The newest by their documents' times, among the BRANCH_RUNS runs that arrived last."""
    runs = {run.row: run for run in _RUNS.rows(connection, (BRANCH_RUNS,))}
    if not runs:
        return BranchRuns()
    wanted = to_json([*runs]), BRANCH_ROWS
    results = list(_RESULTS.rows(connection, wanted))
    failures = {(each.run, each.benchmark) for each in _FAILURES.rows(connection, wanted)}
    measured = [*((each.run, each.result.benchmark) for each in results), *failures]
    newest: dict[tuple[Scope, str], int] = {}
    for row, benchmark in sorted(
        dict.fromkeys(measured), key=lambda each: (runs[each[0]].timestamp_seconds, *each)
    ):
        newest[runs[row].scope, benchmark] = row

    def is_newest(row: int, benchmark: str) -> bool:
        return newest.get((runs[row].scope, benchmark)) == row

    shown = [each for each in results if is_newest(each.run, each.result.benchmark)]
    of_name = {(each.run, each.result.name): each.result for each in shown}
    return BranchRuns(
        runs=[
            _newest_run(runs[row], benchmark, failed=(row, benchmark) in failures)
            for (_, benchmark), row in newest.items()
        ],
        results=[NewestResult(runs[each.run].scope, each.result) for each in shown],
        gates=[
            _newest_gate(runs[each.run], each.outcome)
            for each in _GATES.rows(connection, wanted)
            if is_newest(each.run, each.outcome.benchmark)
        ],
        verdicts=[
            _newest_verdict(runs[each.run], of_name[each.run, each.name], each)
            for each in _VERDICTS.rows(connection, wanted)
            if (each.run, each.name) in of_name
        ],
        base_branches={run.scope: run.line for run in runs.values()},
    )


def _newest_run(run: _Run, benchmark: str, *, failed: bool) -> NewestRun:
    return NewestRun(
        scope=run.scope,
        benchmark=benchmark,
        run_id=run.run_id,
        commit_hash=run.commit_hash,
        format=run.format,
        timestamp_seconds=run.timestamp_seconds,
        failed=failed,
    )


def _newest_gate(run: _Run, outcome: NewestGateOutcome) -> NewestGate:
    return NewestGate(run.scope, run.run_id, run.timestamp_seconds, outcome)


def _newest_verdict(run: _Run, result: Result, judged: _Verdict) -> NewestVerdict:
    return NewestVerdict(
        scope=run.scope,
        benchmark=result.benchmark,
        name=result.name,
        commit_hash=run.commit_hash,
        passed_commit=judged.passed_commit,
        unit=result.unit,
        verdict=judged.verdict,
    )
