"""The states of benchmarks in the list, the worst first."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, get_args

from benchmark_exporter.model import VerdictState
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


@lru_cache(maxsize=1_000)
def state_of(
    failed: bool, passed: bool | None, severity: str | None, verdict: VerdictState | None
) -> State:
    """The worst of a benchmark's error, its gate and the verdict on its worst result.

    `passed` and `severity` are None without a gate, `verdict` is None if nothing was judged.
    """
    if failed:
        return "error"
    states: list[State] = [] if verdict is None else [verdict]
    if passed is False:
        regressed: State = "critical" if severity == "critical" else "warning"
        states.append("gate_failed" if severity is None else regressed)
    elif passed and verdict is None:
        states.append("ok")
    return min(states, key=RANKS.__getitem__, default="not_judged")
