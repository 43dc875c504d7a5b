"""Limits per benchmark: the entries of `limits` in config.yaml, and which of them applies to what.

Pure. docs/detection.md says how to set them.
"""

import re
from collections.abc import Sequence
from fnmatch import translate
from functools import cached_property
from hashlib import sha256
from math import isfinite
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import replace

from benchmark_exporter.config_file.mistakes import in_words
from benchmark_exporter.formats.units import quantity
from benchmark_exporter.judge import JudgeLimits
from benchmark_exporter.model import BASE_UNITS, Verdict, VerdictState
from benchmark_exporter.regression import Limits, Positive

# The most serious verdict that a result may have. `none`: it is judged and shown, and never alerts.
SeverityCap = Literal["critical", "warning", "none"]
# A series: project, environment, machine class, branch, name of the result, and unit.
Key = tuple[str, str, str, str, str, str]
Glob = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
Ratio = Annotated[float, msgspec.Meta(ge=0, le=1e9)]

# What a state counts as under a cap. A suspect result is shown and never reported.
_CAPPED: dict[SeverityCap, dict[VerdictState, VerdictState]] = {
    "critical": {},
    "warning": {"critical": "warning"},
    "none": {"critical": "suspect", "warning": "suspect"},
}
# An entry's keys, and the limits in `judgement` that they replace.
_REPLACED = {
    "window": "window_runs",
    "tolerance": "tolerance_ratio",
    "small": "small_ratio",
    "large": "large_ratio",
    "noise_factor": "noise_factor",
    "accept_after": "accept_after_runs",
}
_QUANTITY = re.compile(r"(?P<number>[\d.]+(?:[eE][-+]?\d+)?)\s*(?P<unit>\D.*)?")
# Keys remembered before all are looked up again.
_REMEMBERED = 20_000


class ResultLimits(msgspec.Struct, frozen=True, dict=True):
    """The limits that a result is judged by; `name` says which entry they are of, '' for none."""

    judgement: JudgeLimits
    severity: SeverityCap = "critical"
    name: str = ""

    @cached_property
    def digest(self) -> int:
        """A number that tells these limits from others by which the verdict could be another."""
        encoded = msgspec.json.encode((self.judgement, self.severity))
        return int.from_bytes(sha256(encoded).digest()[:8], "big", signed=True)

    def applied(self, verdict: Verdict) -> Verdict:
        """The judge's verdict with its state capped, and with what it was judged by."""
        if not self.name:
            return verdict
        state = _CAPPED[self.severity].get(verdict.state, verdict.state)
        uncapped = verdict.state if state != verdict.state else None
        return replace(verdict, state=state, uncapped=uncapped, limits=self.name)


class LimitsEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An entry of `limits` in config.yaml, which says what each key means.

    Raises ValueError, beginning with the key, where a value cannot be used.
    """

    match: Glob = "*"
    project: Glob | None = None
    unit: Glob | None = None
    environment: Glob | None = None
    machine_class: str | None = None
    branch: Glob | None = None
    tolerance: Ratio | None = None
    small: Ratio | None = None
    large: Ratio | None = None
    least_change: float | str | None = None
    noise_factor: Positive | None = None
    window: Annotated[int, msgspec.Meta(le=1000)] | None = None
    accept_after: int | Literal["never"] | None = None
    severity: SeverityCap = "critical"

    def __post_init__(self) -> None:
        """Raises ValueError for a least change that cannot be compared with the results' unit."""
        unit, _ = self.least
        if unit is not None and self.unit is not None and unit != self.unit:
            raise ValueError(
                f"least_change: {self.least_change!r} is in {unit}, but unit is {self.unit!r}"
            )
        if self.unit is not None and (stored := quantity(self.unit).unit) != self.unit:
            raise ValueError(f"unit: results in {self.unit!r} are stored in {stored!r}")

    @property
    def least(self) -> tuple[str | None, float | None]:
        """The least change: its unit, None for whatever the result has, and how many of these.

        Raises:
            ValueError: the text is not a number with a unit.
        """
        if not isinstance(self.least_change, str):
            if self.least_change is not None and not 0 <= self.least_change < 1e300:
                raise ValueError(
                    f"least_change: {self.least_change} must be 0 or a positive number"
                )
            return None, self.least_change
        parts = _QUANTITY.fullmatch(self.least_change.strip())
        number = None if parts is None else _number(parts["number"])
        unit = None if parts is None else parts["unit"]
        if number is not None and unit is None:
            return None, number
        found = quantity(unit or "")
        if number is None or found.unit not in BASE_UNITS:
            raise ValueError(
                f"least_change: {self.least_change!r} is not 0 or a positive number, alone or with "
                "a unit like ns, us, ms, s, B, kB, MiB or ops/s"
            )
        if found.unit == "ratio":
            raise ValueError(
                f"least_change: {self.least_change!r} is a share; tolerance is the one to set"
            )
        return found.unit, number * found.factor

    def over(self, default: JudgeLimits) -> JudgeLimits:
        """The limits with what is set here in place of the default ones.

        `small` and `large` that are not set follow `tolerance` as far as they have to.

        Raises:
            ValueError: a limit contradicts another.
        """
        changed: dict[str, Any] = {
            name: value
            for key, name in _REPLACED.items()
            if (value := getattr(self, key)) is not None
        }
        if changed.get("accept_after_runs") == "never":
            changed["accept_after_runs"] = None
        if self.tolerance is not None:
            changed.setdefault("small_ratio", min(default.small_ratio, self.tolerance))
            changed.setdefault("large_ratio", max(default.large_ratio, self.tolerance))
        _, least = self.least
        if least is not None:
            changed["least_change"] = least
        names = JudgeLimits.__struct_fields__
        judgement = {name: getattr(default, name) for name in names} | changed
        try:
            return JudgeLimits(**judgement)
        except ValueError as error:
            raise ValueError(self._in_own_words(str(error))) from error

    def _in_own_words(self, reason: str) -> str:
        """A contradiction between limits: the key that was set, and the reason with these keys."""
        for key, name in _REPLACED.items():
            reason = re.sub(rf"\b{name}\b", key, reason)
        concerned = [key for key in _REPLACED if re.search(rf"\b{key}\b", reason)]
        first = next(key for key in concerned if getattr(self, key) is not None)
        return f"{first}: {reason.replace('or null', 'or never')}"


class LimitsFor:
    """Which limits apply to which results: those of the first entry that matches.

    Raises ValueError, beginning with the entry and its key, where an entry contradicts the default.
    """

    def __init__(self, default: Limits, entries: Sequence[LimitsEntry] = ()) -> None:
        self.default = default
        self._default = ResultLimits(default)
        self._entries = [_Compiled(index, entry, default) for index, entry in enumerate(entries)]
        self._known: dict[Key, ResultLimits] = {}

    def of(self, key: Key) -> ResultLimits:
        """The limits of a series."""
        if not self._entries:
            return self._default
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            matching = (entry.limits for entry in self._entries if entry.matches(key))
            found = self._known[key] = next(matching, self._default)
        return found

    def judgement_of(self, key: Key) -> JudgeLimits:
        """What a series is judged by."""
        return self.of(key).judgement


class _Compiled:
    """An entry with its patterns compiled and its limits complete."""

    def __init__(self, index: int, entry: LimitsEntry, default: JudgeLimits) -> None:
        try:
            judgement = entry.over(default)
        except ValueError as error:
            raise ValueError(f"limits[{index}].{error}") from error
        self.limits = ResultLimits(judgement, entry.severity, f"limits[{index}] {entry.match}")
        patterns = (
            *(entry.project, entry.environment, entry.machine_class, entry.branch),
            *(None if entry.match == "*" else entry.match, entry.unit or entry.least[0]),
        )
        self._patterns = [
            (field, re.compile(f"{translate(pattern)}|{re.escape(pattern)}", re.DOTALL))
            for field, pattern in enumerate(patterns)
            if pattern is not None
        ]

    def matches(self, key: Key) -> bool:
        return all(pattern.fullmatch(key[field]) for field, pattern in self._patterns)


def parse_entry(document: object) -> LimitsEntry:
    """An entry of `limits` as YAML gives it.

    Raises:
        ValueError: names the key and what is wrong with it.
    """
    try:
        return msgspec.convert(document, LimitsEntry)
    except msgspec.ValidationError as error:
        unknown = re.fullmatch(r"Object contains unknown field `(.*)`", str(error))
        for key, name in _REPLACED.items():
            if unknown and unknown[1] == name != key:
                raise ValueError(
                    f"{name}: there is no such key; here it is called {key}"
                ) from error
        raise ValueError(in_words(str(error), LimitsEntry.__struct_fields__)) from error


def _number(text: str) -> float | None:
    """A number that is finite and not negative; None for another text."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) and number >= 0 else None
