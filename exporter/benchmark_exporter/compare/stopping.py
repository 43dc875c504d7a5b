"""When no more rounds are measured for a result, although it has no verdict."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark_exporter.compare.statistics import Change, planned_rounds

# A result that is undecided after so many times the planned rounds is left so: its change is about
# as large as the one to be found.
ENOUGH = 2


@dataclass(frozen=True, slots=True)
class Prospect:
    """How many rounds a comparison can have within its time; a verdict is for a change of `detect`.

    `look` and `results` are those of `planned_rounds`.
    """

    detect_ratio: float
    affordable_rounds: float
    look: int
    results: int

    def reason_to_stop(self, differences: Sequence[float], change: Change) -> str:
        """Why a result that is undecided will remain so; empty if more rounds may decide it.

        `differences` are those of the rounds up to now, `change` what they show. The noise is that
        of these rounds, as an A/A run has fewer.
        """
        if len(differences) < 2:
            return ""
        deviation = statistics.stdev(differences)
        needed = self._needed(deviation, self.detect_ratio)
        if len(differences) >= ENOUGH * needed:
            return (
                f"after {len(differences)} rounds its change is about as large as the "
                f"{self.detect_ratio:.2%} to be found"
            )
        # A change that is as large as the interval allows would be found sooner.
        largest = max(abs(change.low), abs(change.high))
        if min(needed, self._needed(deviation, largest)) > self.affordable_rounds:
            return (
                f"it would need about {needed:,} rounds, of which the time allows "
                f"{self.affordable_rounds:.0f}"
            )
        return ""

    def _needed(self, deviation: float, ratio: float) -> int:
        return planned_rounds(deviation, ratio, self.look, self.results)
