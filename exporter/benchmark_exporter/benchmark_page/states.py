"""The states of benchmarks in the list, the worst first."""

from collections.abc import Mapping
from typing import Literal, get_args

from benchmark_exporter.ledger.benchmark_list import ListedBenchmark, ListedResult
from benchmark_exporter.wording import Kind

State = Literal[
    "error",
    "critical",
    "warning",
    "gate_failed",
    "suspect",
    "ok",
    "improved",
    "insufficient_data",
    "not_judged",
]
STATES: tuple[State, ...] = get_args(State)
RANKS: Mapping[State, int] = {state: rank for rank, state in enumerate(STATES)}
KINDS: Mapping[State, Kind] = {
    "error": "critical",
    "critical": "critical",
    "warning": "warning",
    "gate_failed": "critical",
    "suspect": "undecided",
    "ok": "good",
    "improved": "good",
    "insufficient_data": "unknown",
    "not_judged": "unknown",
}


def state_of(benchmark: ListedBenchmark, worst: ListedResult | None) -> State:
    """The worst of a benchmark's error, its gate and the verdict on its worst result."""
    if benchmark.failed:
        return "error"
    states: list[State] = [] if worst is None else [worst.state]
    if benchmark.passed is False:
        severity = benchmark.severity
        regressed: State = "critical" if severity == "critical" else "warning"
        states.append("gate_failed" if severity is None else regressed)
    elif benchmark.passed and worst is None:
        states.append("ok")
    return min(states, key=RANKS.__getitem__, default="not_judged")
