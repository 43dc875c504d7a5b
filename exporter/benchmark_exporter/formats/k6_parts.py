"""The parts of k6's summaries."""

import contextlib
from collections.abc import Sequence

import msgspec

from benchmark_exporter.formats.fields import LongName, NonNegative
from benchmark_exporter.formats.plausible import MOST


class ThresholdPart(msgspec.Struct, frozen=True):
    ok: bool


class CheckPart(msgspec.Struct, frozen=True):
    name: LongName
    path: str = ""
    passes: NonNegative = 0
    fails: NonNegative = 0


class GroupPart(msgspec.Struct, frozen=True):
    """In `--summary-export`, objects by name take the place of the arrays."""

    groups: "list[GroupPart] | dict[str, GroupPart]" = []
    checks: list[CheckPart] | dict[str, CheckPart] = []


class StatePart(msgspec.Struct, frozen=True, rename={"duration_ms": "testRunDurationMs"}):
    duration_ms: NonNegative | None = None


class MetricPart(msgspec.Struct, frozen=True):
    """A metric of `handleSummary`; in `--summary-export` its values are its keys."""

    type: str = ""
    contains: str = ""
    values: dict[str, object] = {}
    thresholds: dict[str, ThresholdPart | bool] = {}

    @property
    def kind(self) -> str:
        if self.type:
            return self.type
        if "passes" in self.values:
            return "rate"
        if "count" in self.values and "rate" in self.values:
            return "counter"
        return "gauge" if "value" in self.values else "trend"

    @property
    def crossed(self) -> Sequence[str]:
        """The thresholds that were crossed."""
        return [
            threshold
            for threshold, outcome in self.thresholds.items()
            if (outcome is True or (isinstance(outcome, ThresholdPart) and not outcome.ok))
        ]

    def value(self, *names: str) -> float | None:
        """The first of these values that is there and plausible."""
        found = next((self.values[name] for name in names if name in self.values), None)
        if isinstance(found, str):  # a number in quotes is read
            with contextlib.suppress(ValueError):
                found = float(found)
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        return float(found) if is_number and abs(found) <= MOST else None  # type: ignore[arg-type]  # it is a number


class K6Document(msgspec.Struct, frozen=True):
    metrics: dict[LongName, MetricPart]
    root_group: GroupPart = GroupPart()
    state: StatePart = StatePart()
