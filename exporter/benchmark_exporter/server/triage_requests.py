"""What requests say of regressions: which ones, and what."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from aiohttp import web

from benchmark_exporter.ingest.triaging import TriageError, TriageSelection
from benchmark_exporter.triage.rule import TRIAGE_STATES, Saying, TriageState

SELECTION_FIELDS = TriageSelection.__struct_fields__


class TriageRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /api/v1/triage`. `until` is a date or a time; `who` is the token's name."""

    state: TriageState
    benchmark_name: str | None = None
    project: str | None = None
    environment: str | None = None
    machine_class: str | None = None
    branch: str | None = None
    since_commit: str | None = None
    why: str = ""
    ticket: str = ""
    until: str | None = None

    @property
    def selection(self) -> TriageSelection:
        """Which regressions it is about."""
        return TriageSelection(**{name: getattr(self, name) for name in SELECTION_FIELDS})

    def saying(self, who: str, now: float) -> Saying:
        """What is said, by whom, now (seconds since 1970).

        Raises:
            TriageError: until is not a time.
        """
        until = None if not self.until else parse_until(self.until)
        return Saying(self.state, who, now, self.why, self.ticket, until)


def parse_until(text: str) -> float:
    """The time, in seconds since 1970, of `2026-12-01` or `2026-12-01T12:00Z`; UTC if no zone.

    Raises:
        TriageError: it is neither.
    """
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise TriageError("until must be a date like 2026-12-01") from error


def read_selection(query: Mapping[str, str], *, further: tuple[str, ...] = ()) -> TriageSelection:
    """The selection of a request's query. An empty value is one, not a missing one.

    Raises:
        HTTPBadRequest: a parameter is unknown; the text says which.
    """
    known = (*SELECTION_FIELDS, *further)
    if unknown := sorted(set(query) - set(known)):
        text = f"{unknown[0][:100]!a} is unknown; use {', '.join(known)}\n"
        raise web.HTTPBadRequest(text=text)
    return TriageSelection(**{name: query[name] for name in SELECTION_FIELDS if name in query})


def read_form(form: Mapping[str, str]) -> TriageRequest:
    """What the confirmation page's form says.

    Raises:
        TriageError: the state is missing or unknown.
    """
    state = form.get("state", "")
    found: TriageState | None = next((each for each in TRIAGE_STATES if each == state), None)
    if found is None:
        raise TriageError("choose a state")
    # Of the page's date field, which may be filled in whatever was chosen.
    until = form.get("until", "") if found == "expected" else None
    return TriageRequest(
        found, why=form.get("why", ""), ticket=form.get("ticket", ""), until=until or None
    )
