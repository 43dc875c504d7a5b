"""What people say of regressions, recorded in the ledger, and the end of expected levels.

An expected level is accepted as pinning a run of it accepts it. When it is expected no longer, what
was pinned before is pinned again; and if the level is still there, the last good run is pinned
instead, so that later runs are compared with that one.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from benchmark_exporter.ingest.pins import pin_result
from benchmark_exporter.ledger import KnownRun, Pin, SeriesKey, Transaction
from benchmark_exporter.ledger.reports import Where
from benchmark_exporter.ledger.rows import BaselineRow
from benchmark_exporter.ledger.triage_rows import (
    TICKET_CHARACTERS,
    WHO_CHARACTERS,
    WHY_CHARACTERS,
    TriagedRegression,
)
from benchmark_exporter.limits import LimitsFor
from benchmark_exporter.model import Better, Result
from benchmark_exporter.regression import typical
from benchmark_exporter.triage.rule import AFTERWARDS, TRIAGE_STATES, Saying

MOST_DAYS = 366
_DAY_SECONDS = 86_400.0
_OF_HASH = re.compile(r"[0-9a-f]{7,64}")


class TriageError(Exception):
    """A regression cannot be given a state; the message says why and what to do."""


class TriageSelection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which regressions: those that agree with all that is given.

    `since_commit` is that of the last good run before them, or the beginning of its hash.
    """

    benchmark_name: str | None = None
    project: str | None = None
    environment: str | None = None
    machine_class: str | None = None
    branch: str | None = None
    since_commit: str | None = None

    def selects(self, regression: TriagedRegression) -> bool:
        """Whether a regression is one of them."""
        scope = regression.scope
        if self.since_commit is not None and not _is_commit(
            regression.began_commit, self.since_commit
        ):
            return False
        return all(
            wanted is None or wanted == known
            for wanted, known in (
                (self.benchmark_name, regression.name),
                (self.project, scope.project),
                (self.environment, scope.environment),
                (self.machine_class, scope.machine_class),
                (self.branch, scope.branch),
            )
        )


def _is_commit(commit: str, given: str) -> bool:
    """Whether this is the commit, or the beginning of its hash."""
    return commit == given or bool(_OF_HASH.fullmatch(given) and commit.startswith(given))


class _Expectation(msgspec.Struct, frozen=True):
    """A level that is expected, and what was pinned for its series before; values are in its unit.

    `reference` is what it was compared with, `good_run` the last run before, `pinned_seconds` when
    the level was pinned.
    """

    unit: str
    value: float
    reference: float | None
    good_run: int | None
    pinned_seconds: float
    previous: BaselineRow | None


def checked(saying: Saying) -> Saying:
    """The same with texts that can be shown.

    Raises:
        TriageError: something is missing, too long or contradictory.
    """
    if saying.state not in TRIAGE_STATES:
        known = ", ".join(TRIAGE_STATES)
        raise TriageError(f"state must be one of {known}, not {saying.state!r}")
    if saying.state == "expected":
        _check_until(saying)
    elif saying.until_seconds is not None:
        raise TriageError(f"only an expected level has an end (until), not {saying.state}")
    who = _text("who", saying.who, WHO_CHARACTERS)
    if not who:
        raise TriageError("who says so is missing")
    return msgspec.structs.replace(
        saying,
        who=who,
        why=_text("why", saying.why, WHY_CHARACTERS),
        ticket=_text("ticket", saying.ticket, TICKET_CHARACTERS),
    )


def _check_until(saying: Saying) -> None:
    until = saying.until_seconds
    if until is None:
        raise TriageError("until when the level is expected is missing")
    if not math.isfinite(until) or until <= saying.at_seconds:
        raise TriageError("until must be in the future")
    if until > saying.at_seconds + MOST_DAYS * _DAY_SECONDS:
        raise TriageError(f"until must be within {MOST_DAYS} days; pin a baseline for longer")


def _text(name: str, text: str, most: int) -> str:
    shown = " ".join(
        "".join(" " if unicodedata.category(each)[0] == "C" else each for each in text).split()
    )
    if len(shown) > most:
        raise TriageError(f"{name} has {len(shown)} characters, at most {most}")
    return shown


def triage(
    transaction: Transaction, selection: TriageSelection, saying: Saying, limits: LimitsFor
) -> Sequence[TriagedRegression]:
    """Records what somebody says of regressions, and returns these as they were.

    Those that are open, unless there are none and what is said may be said afterwards.

    Raises:
        TriageError: there is no such regression, or this cannot be said of it.
    """
    saying = checked(saying)
    found = [each for each in transaction.triage.listed() if selection.selects(each)]
    chosen = [each for each in found if each.ended_seconds is None]
    if not chosen and saying.state in AFTERWARDS:
        chosen = found
    if not found:
        raise TriageError(
            "there is no such open regression: `benchmark-exporter triage list` lists them"
        )
    if not chosen:
        raise TriageError(
            "there is no such open regression: it has ended; of one that has ended, only "
            f"{' or '.join(AFTERWARDS)} can be said"
        )
    for each in chosen:
        _say(transaction, each, saying, limits)
    return chosen


def _say(
    transaction: Transaction, regression: TriagedRegression, saying: Saying, limits: LimitsFor
) -> None:
    where = (*regression.scope.key, regression.name)
    if saying.state == "expected":
        transaction.triage.say(where, saying, _expect(transaction, where, saying, limits))
    elif regression.state != "expected":
        transaction.triage.say(where, saying)
    elif saying.state == "new":
        _unexpect(transaction, where, f"withdrawn by {saying.who}", saying.at_seconds, limits)
    else:
        raise TriageError(
            f"the level of {regression.name} is expected, which is no alert; "
            "to withdraw that, set its state to new"
        )


def end_expectations(transaction: Transaction, now: float, limits: LimitsFor) -> Sequence[str]:
    """Ends what is expected no longer; the names of these results."""
    due = transaction.triage.expectations_due(now)
    for where in due:
        _unexpect(transaction, where, "expected no longer", now, limits)
    return [where[4] for where in due]


def _expect(transaction: Transaction, where: Where, saying: Saying, limits: LimitsFor) -> str:
    """Accepts the level of the newest run; what `_unexpect` needs."""
    newest = transaction.triage.newest(where)
    run = None if newest is None else transaction.baselines.find_row(newest.run)
    found = None if run is None else _measured(transaction, run.row, where[4])
    if run is None or found is None:
        raise TriageError(f"{where[4]}: its newest run has no value that could be expected")
    return _expect_value(transaction, run, *found, saying, limits)


def _measured(transaction: Transaction, run: int, name: str) -> tuple[Result, Better, float] | None:
    """A result of a run with what it is judged by."""
    for result in transaction.baselines.results(run):
        value = typical(result)
        if result.name == name and result.better is not None and value is not None:
            return result, result.better, value
    return None


def _expect_value(
    transaction: Transaction,
    run: KnownRun,
    result: Result,
    better: Better,
    value: float,
    saying: Saying,
    limits: LimitsFor,
) -> str:
    key, baselines = run.series(result), transaction.baselines
    until = datetime.fromtimestamp(saying.until_seconds or 0.0, UTC)
    pin = Pin(f"expected-until-{until:%Y-%m-%d}", saying.who, saying.at_seconds, saying.why)
    row = transaction.triage.get(key[:-1])
    if row is not None and row.expectation is not None:  # until another date, or another level
        known = _decoded(row.expectation)
        expectation = msgspec.structs.replace(known, pinned_seconds=pin.at_seconds)
    else:
        verdict = baselines.verdict(run.row, result.name)
        reference = None if verdict is None else verdict.reference
        expectation = _Expectation(
            unit=result.unit,
            value=value,
            reference=reference,
            good_run=None if reference is None else baselines.last_good(key, reference, value),
            pinned_seconds=pin.at_seconds,
            previous=baselines.get(key),
        )
    pin_result(transaction, run, result, better, value, pin, limits)
    return msgspec.json.encode(expectation).decode()


def _unexpect(
    transaction: Transaction, where: Where, why: str, now: float, limits: LimitsFor
) -> None:
    """Ends an expected level; see the module."""
    row = transaction.triage.get(where)
    if row is None or row.expectation is None:
        return
    expectation, baselines = _decoded(row.expectation), transaction.baselines
    key = SeriesKey(*where, expectation.unit)
    pinned = baselines.get(key)
    # A pin that somebody has set since is theirs.
    if pinned is not None and pinned.pin.at_seconds == expectation.pinned_seconds:
        baselines.restore(key, expectation.previous)
        if expectation.good_run is not None and _is_still_there(transaction, where, expectation):
            run = transaction.baselines.find_row(expectation.good_run)
            found = None if run is None else _measured(transaction, run.row, where[4])
            if run is not None and found is not None:
                pin = Pin("before-expected", row.who, now, f"the expected level has ended ({why})")
                pin_result(transaction, run, *found, pin, limits)
    transaction.triage.end_expectation(where, why, now)


def _is_still_there(transaction: Transaction, where: Where, expectation: _Expectation) -> bool:
    """Whether the newest value is nearer to the expected level than to what was before."""
    newest = transaction.triage.newest(where)
    verdict = None if newest is None else transaction.baselines.verdict(newest.run, where[4])
    if verdict is None or expectation.reference is None:
        return False
    of_expected = abs(verdict.value - expectation.value)
    return of_expected < abs(verdict.value - expectation.reference)


def _decoded(text: str) -> _Expectation:
    return msgspec.json.decode(text, type=_Expectation)
