"""Rules that judge the runs of a series one after the other, behind one interface."""

from typing import Any, Protocol

from benchmark_exporter.judge import JudgeLimits, SeriesState, VerdictState, judge

# What a rule says of a run, the worse the higher. SUSPECT is shown and never sent; FURTHER is
# critical, and worse once more than the alarm that is open.
OK, SUSPECT, WARNING, CRITICAL, FURTHER = range(5)

SECONDS_BETWEEN_RUNS = 6 * 3600.0
_LEVELS: dict[VerdictState, int] = {
    "insufficient_data": OK,
    "ok": OK,
    "improved": OK,
    "suspect": SUSPECT,
    "warning": WARNING,
    "critical": CRITICAL,
}


class OnlineRule(Protocol):
    """`step` returns what the rule says of a value, and the next state; it changes no state."""

    name: str

    def start(self) -> Any: ...

    def step(self, state: Any, value: float) -> tuple[int, Any]: ...


class Judge:
    """The exporter's own judge; lower is better, and runs are 6 hours apart."""

    def __init__(
        self, limits: JudgeLimits | None = None, name: str = "judge", pinned: float | None = None
    ) -> None:
        self.limits = JudgeLimits() if limits is None else limits
        self.name = name
        self.pinned = pinned

    def start(self) -> tuple[SeriesState, float]:
        return SeriesState(), 0.0

    def step(
        self, state: tuple[SeriesState, float], value: float
    ) -> tuple[int, tuple[SeriesState, float]]:
        series, at_seconds = state
        verdict, series = judge(
            series, value, at_seconds, better="lower", limits=self.limits, pinned=self.pinned
        )
        level = FURTHER if verdict.further else _LEVELS[verdict.state]
        return level, (series, at_seconds + SECONDS_BETWEEN_RUNS)
