"""Whether a run of a benchmark is a regression, by the earlier runs of its series.

`state` is what is judged by, said and kept, `reference` what the newest runs are compared with and
how far from it they may be by chance, `rule` the decision. Pure, and imports nothing of the rest.
"""

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

__all__ = [
    "VERSION",
    "Alarm",
    "Better",
    "JudgeLimits",
    "SeriesState",
    "Verdict",
    "VerdictState",
    "accept",
    "judge",
    "of_another_line",
    "replay",
]
