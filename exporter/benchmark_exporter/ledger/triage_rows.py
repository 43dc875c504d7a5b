"""The rows of the states of regressions; see `triage`."""

from typing import Literal

import msgspec

from benchmark_exporter.model import Scope
from benchmark_exporter.triage.rule import TriageState

# How long texts of people may be.
WHO_CHARACTERS, TICKET_CHARACTERS, WHY_CHARACTERS = 100, 200, 500


class TriageEntry(msgspec.Struct, frozen=True):
    """A state that a regression of a result was in from a time on, and who gave it.

    `ended` says that it ended, by itself. Times are in seconds since 1970.
    """

    scope: Scope
    name: str
    began_seconds: float
    at_seconds: float
    state: TriageState | Literal["ended"]
    who: str
    why: str
    ticket: str
    until_seconds: float | None


class NewestTriage(msgspec.Struct, frozen=True):
    """The state of an open regression; see `TriageRow`."""

    state: TriageState
    since_seconds: float
    who: str
    why: str
    ticket: str
    began_seconds: float
    step: int
    until_seconds: float | None

    @property
    def said(self) -> tuple[TriageState | Literal[""], str]:
        """The state and who gave it; both empty if nobody has."""
        return ("", "") if self.state == "new" else (self.state, self.who)


class TriagedRegression(msgspec.Struct, frozen=True):
    """A regression of a result, open or the last one, with its state."""

    scope: Scope
    name: str
    state: TriageState
    since_seconds: float
    who: str
    why: str
    ticket: str
    began_seconds: float
    began_commit: str
    ended_seconds: float | None
    step: int
    until_seconds: float | None
