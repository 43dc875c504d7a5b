"""Whether a run of a benchmark is a regression, by the earlier runs of its series.

`state` is what is judged by, said and kept, `reference` what the newest runs are compared with and
how far from it they may be by chance, `rule` the decision. `window` keeps from one run to the next
what need not be computed again. `drift` compares over days. Pure, and imports nothing of the rest.
"""

from benchmark_exporter.judge.drift import Drift, JudgedRun, check_drift
from benchmark_exporter.judge.rule import accept, judge, of_another_line, replay
from benchmark_exporter.judge.state import (
    VERSION,
    Alarm,
    Better,
    JudgeLimits,
    SeriesState,
    Verdict,
    VerdictState,
)
from benchmark_exporter.judge.window import Window

__all__ = [
    "VERSION",
    "Alarm",
    "Better",
    "Drift",
    "JudgeLimits",
    "JudgedRun",
    "SeriesState",
    "Verdict",
    "VerdictState",
    "Window",
    "accept",
    "check_drift",
    "judge",
    "of_another_line",
    "replay",
]
