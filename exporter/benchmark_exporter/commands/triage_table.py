"""Regressions with their states, and the history of these, as lines."""

from collections.abc import Sequence
from datetime import UTC, datetime

from benchmark_exporter.ledger.triage_rows import TriagedRegression, TriageEntry
from benchmark_exporter.model import Scope


def regression_lines(regressions: Sequence[TriagedRegression], *, ended: bool) -> Sequence[str]:
    """A line for each open regression, or for each one."""
    found = [each for each in regressions if ended or each.ended_seconds is None]
    return [_regression(each) for each in found] or ["no regression is open"]


def entry_lines(entries: Sequence[TriageEntry]) -> Sequence[str]:
    """A line for each state that regressions had."""
    return [_entry(each) for each in entries] or ["no state is known"]


def _regression(each: TriagedRegression) -> str:
    grown = f", grown {each.step}×" if each.step else ""
    commit = f", after commit {each.began_commit}" if each.began_commit else ""
    end = "" if each.ended_seconds is None else f", ended {_moment(each.ended_seconds)}"
    said = _said(each.who, each.since_seconds, each.until_seconds, each.ticket, each.why)
    began = f"began {_moment(each.began_seconds)}{commit}{grown}{end}"
    return f"{each.state:12} {each.name} ({_scope(each.scope)}), {began}; {said}"


def _entry(each: TriageEntry) -> str:
    said = _said(each.who, each.at_seconds, each.until_seconds, each.ticket, each.why)
    return f"{each.state:12} {each.name} ({_scope(each.scope)}), {said}"


def _said(who: str, at: float, until: float | None, ticket: str, why: str) -> str:
    """By whom and when, for how long, with which ticket, and why."""
    end = "" if until is None else f", until {_moment(until)}"
    more = "".join(f"; {text}" for text in (ticket, why) if text)
    return f"{_moment(at)} by {who}{end}{more}"


def _scope(scope: Scope) -> str:
    words = scope.project, scope.branch, scope.environment, scope.machine_class
    return ", ".join(filter(None, words))


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}Z"
