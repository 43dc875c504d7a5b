"""The confirmation page at /triage, to which messages link."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from benchmark_exporter.ledger.triage_rows import (
    TICKET_CHARACTERS,
    WHO_CHARACTERS,
    WHY_CHARACTERS,
    TriagedRegression,
)
from benchmark_exporter.site.layout import NOTICES, page
from benchmark_exporter.triage.rule import MEANINGS, TRIAGE_STATES

SHOWN = 50


@dataclass(frozen=True, slots=True)
class TriagePage:
    """What the page shows.

    `action` is where its form is sent, with a `token`; `who` is the name of the login, None if
    there is none. `refusal` says why nobody may confirm anything here, `error` why the last form
    was not accepted, `said` what was recorded.
    """

    regressions: Sequence[TriagedRegression]
    action: str
    token: str
    who: str | None = None
    refusal: str = ""
    error: str = ""
    said: str = ""

    def html(self) -> str:
        """The page as HTML. All that comes from elsewhere is escaped."""
        body = f"<h1>Triage</h1>{self._notice()}{self._table()}{self._form()}"
        head = '<meta name="referrer" content="same-origin">'
        return page("Triage", body, current="", head=head).replace(NOTICES, "", 1)

    def _notice(self) -> str:
        if self.error:
            why = escape(self.error)
            return f'<p class="said critical" role="alert">Nothing was recorded: {why}.</p>'
        if self.said:
            return f'<p class="said good" role="status">Recorded: {escape(self.said)}.</p>'
        return ""

    def _table(self) -> str:
        if not self.regressions:
            return "<p>There is no such regression.</p>"
        rows = "".join(map(_row, self.regressions[:SHOWN]))
        more = len(self.regressions) - SHOWN
        return (
            '<div class="table"><table class="stacked"><thead><tr><th scope="col">Benchmark'
            '<th scope="col">Began<th scope="col">State<th scope="col">Said</thead>'
            f"<tbody>{rows}</tbody></table></div>{f'<p>And {more} more.</p>' if more > 0 else ''}"
        )

    def _form(self) -> str:
        if self.refusal:
            return f"<p>{escape(self.refusal)}</p>"
        if not self.regressions:
            return ""
        states = "".join(
            f'<label><input type="radio" name="state" value="{state}" required>'
            f" <strong>{state}</strong>: {escape(MEANINGS[state])}</label>"
            for state in (*TRIAGE_STATES[1:], TRIAGE_STATES[0])
        )
        return (
            f'<form class="stacked" method="post" action="{escape(self.action)}">'
            f'<input type="hidden" name="form_token" value="{escape(self.token)}">'
            f"<fieldset><legend>New state</legend>{states}</fieldset>"
            '<label>Expected until <input type="date" name="until"></label>'
            f"{_text('why', 'Why', WHY_CHARACTERS)}{_text('ticket', 'Ticket', TICKET_CHARACTERS)}"
            f"{self._name()}<button>Record</button></form>"
        )

    def _name(self) -> str:
        if self.who is not None:
            return f"<p>As {escape(self.who)}.</p>"
        return _text("who", "Your name", WHO_CHARACTERS, more=" required")


def _text(name: str, label: str, most: int, *, more: str = "") -> str:
    field = f'<input type="text" name="{name}" maxlength="{most}"{more}>'
    return f"<label>{label} {field}</label>"


def _row(each: TriagedRegression) -> str:
    scope = each.scope
    words = scope.project, scope.branch, scope.environment, scope.machine_class
    where = ", ".join(filter(None, words))
    commit = f", after commit {each.began_commit}" if each.began_commit else ""
    end = "" if each.ended_seconds is None else f", ended {_moment(each.ended_seconds)}"
    until = "" if each.until_seconds is None else f" until {_moment(each.until_seconds)}"
    said = "; ".join(filter(None, (f"{_moment(each.since_seconds)} by {each.who}", each.why)))
    ticket = f"; {each.ticket}" if each.ticket else ""
    cells = (
        f"{each.name} ({where})",
        f"{_moment(each.began_seconds)}{commit}{end}",
        f"{each.state}{until}",
        f"{said}{ticket}",
    )
    return f"<tr>{''.join(f'<td>{escape(cell)}' for cell in cells)}"


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}Z"
