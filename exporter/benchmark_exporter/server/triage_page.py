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
from benchmark_exporter.texts.errors import error_in
from benchmark_exporter.texts.say import ENGLISH, Say
from benchmark_exporter.triage.rule import ITSELF, MEANINGS, TRIAGE_STATES

SHOWN = 50
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Language, Cookie",
}


@dataclass(frozen=True, slots=True)
class TriagePage:
    """What the page shows.

    `action` is where its form is sent, with a `token`; `who` is the name of the login, None if
    there is none. `refusal` says why nobody may confirm anything here, `error` why the last form
    was not accepted, `said` what was recorded. `say` has the language of the reader.
    """

    regressions: Sequence[TriagedRegression]
    action: str
    token: str
    who: str | None = None
    refusal: str = ""
    error: str = ""
    said: str = ""
    say: Say = ENGLISH

    def html(self) -> str:
        """The page as HTML. All that comes from elsewhere is escaped."""
        title = self.say("Triage")
        body = f"<h1>{title}</h1>{self._notice()}{self._table()}{self._form()}"
        head = '<meta name="referrer" content="same-origin">'
        whole = page(title, body, current="", say=self.say, head=head)
        return whole.replace(NOTICES, "", 1)

    def _notice(self) -> str:
        if self.error:
            text = self.say("Nothing was recorded: {why}.", why=error_in(self.say, self.error))
            return f'<p class="said critical" role="alert">{escape(text)}</p>'
        if self.said:
            text = self.say("Recorded: {state}.", state=self.said)
            return f'<p class="said good" role="status">{escape(text)}</p>'
        return ""

    def _table(self) -> str:
        if not self.regressions:
            return f"<p>{self.say('There is no such regression.')}</p>"
        say = self.say
        heads = say("Benchmark"), say("Began"), say("State"), say("Said")
        head = "".join(f'<th scope="col">{each}' for each in heads)
        rows = "".join(_row(each, say) for each in self.regressions[:SHOWN])
        more = len(self.regressions) - SHOWN
        further = f"<p>{say('And {count} more.', count=more)}</p>" if more > 0 else ""
        return (
            f'<div class="table"><table class="stacked"><thead><tr>{head}</thead>'
            f"<tbody>{rows}</tbody></table></div>{further}"
        )

    def _form(self) -> str:
        if self.refusal:
            return f"<p>{escape(error_in(self.say, self.refusal))}</p>"
        if not self.regressions:
            return ""
        say = self.say
        states = "".join(
            f'<label><input type="radio" name="state" value="{state}" required>'
            f" <strong>{state}</strong>{say(': ')}{escape(say(MEANINGS[state]))}</label>"
            for state in (*TRIAGE_STATES[1:], TRIAGE_STATES[0])
        )
        why = _text("why", say("Why"), WHY_CHARACTERS)
        ticket = _text("ticket", say("Ticket"), TICKET_CHARACTERS)
        return (
            f'<form class="stacked" method="post" action="{escape(self.action)}">'
            f'<input type="hidden" name="form_token" value="{escape(self.token)}">'
            f"<fieldset><legend>{say('New state')}</legend>{states}</fieldset>"
            f'<label>{say("Expected until")} <input type="date" name="until"></label>'
            f"{why}{ticket}{self._name()}<button>{say('Record')}</button></form>"
        )

    def _name(self) -> str:
        if self.who is not None:
            return f"<p>{self.say('As {who}.', who=escape(self.who))}</p>"
        return _text("who", self.say("Your name"), WHO_CHARACTERS, more=" required")


def _text(name: str, label: str, most: int, *, more: str = "") -> str:
    field = f'<input type="text" name="{name}" maxlength="{most}"{more}>'
    return f"<label>{label} {field}</label>"


def _row(each: TriagedRegression, say: Say) -> str:
    scope = each.scope
    words = scope.project, scope.branch, scope.environment, scope.machine_class
    where = ", ".join(filter(None, words))
    began = [_moment(each.began_seconds)]
    if each.began_commit:
        began.append(say("after commit {commit}", commit=each.began_commit))
    if each.ended_seconds is not None:
        began.append(say("ended {moment}", moment=_moment(each.ended_seconds)))
    state: str = each.state
    if each.until_seconds is not None:
        state = say("{state} until {moment}", state=state, moment=_moment(each.until_seconds))
    by = say("{moment} by {who}", moment=_moment(each.since_seconds), who=each.who)
    why = error_in(say, each.why) if each.who == ITSELF else each.why
    cells = (
        say("{name} ({where})", name=each.name, where=where),
        say(", ").join(began),
        state,
        say("; ").join(filter(None, (by, why, each.ticket))),
    )
    return f"<tr>{''.join(f'<td>{escape(cell)}' for cell in cells)}"


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}Z"
