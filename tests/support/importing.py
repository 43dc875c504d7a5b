"""Imports into the ledger of a test."""

from benchmark_exporter.__main__ import main
from tests.support.wired import Wired

RUNS = (
    "SELECT project, run_id, commit_hash, timestamp_seconds, rank_seconds, tie, tracked, line "
    "FROM runs ORDER BY timestamp_seconds, run_id"
)


def imported(wired: Wired, *words: object) -> int:
    return main(["import", f"--ledger={wired.ledger_path}", "--ledger-only", *map(str, words)])
