"""What the page of a benchmark says of one of its results."""

from collections.abc import Iterator, Sequence

from benchmark_exporter.benchmark_page.addresses import graph, triage_form
from benchmark_exporter.benchmark_page.chart import Chart
from benchmark_exporter.benchmark_page.markup import badge, facts, link, name, table, text
from benchmark_exporter.benchmark_page.query import DAYS
from benchmark_exporter.benchmark_page.reading import BenchmarkView, History
from benchmark_exporter.benchmark_page.triage_command import stack_command, triage_command
from benchmark_exporter.ledger.benchmark_reading import ResultState
from benchmark_exporter.ledger.change_points import ChangePoint
from benchmark_exporter.ledger.state import NewestVerdict
from benchmark_exporter.ledger.triage_rows import TriagedRegression
from benchmark_exporter.links import Links, Repository
from benchmark_exporter.model import REGRESSED, Result, Scope
from benchmark_exporter.site.cells import moment
from benchmark_exporter.site.commits import commit, compared
from benchmark_exporter.wording import (
    Said,
    change,
    detectable,
    level_change,
    verdict_said,
    with_unit,
)

_NO_HISTORY = History((), 0)
NOT_JUDGED = Said("not judged", "unknown")


def result_section(
    state: ResultState, view: BenchmarkView, days: str, links: Links, number: int
) -> str:
    """A result of a benchmark as HTML. `number` tells the results of a page apart."""
    found, scope = view.found, view.found.scope
    history = view.histories.get(state.result.name, _NO_HISTORY)
    result, of_result = state.result, ""
    address = graph(links, result.name, scope, DAYS[days])
    if address is not None:
        of_result = f"<p>{link(address, 'Graph in Prometheus')}</p>"
    heading = f"result-{number}"
    # A benchmark may have one result, of its own name, which stands above already.
    title = "History" if result.name == found.benchmark else name(result.name)
    return (
        f'<section class="result" aria-labelledby="{heading}">'
        f'<h2 id="{heading}">{title} {badge(said_of(state))}</h2>'
        f"{facts(_facts(state, view))}{_chart(state, history, days, number)}{of_result}"
        f"{_changes(state.changes, result, view.repository)}{_triage(state, scope)}</section>"
    )


def said_of(state: ResultState) -> Said:
    """The verdict of a result in words, with the state of its regression."""
    newest = state.verdict
    if newest is None:
        return NOT_JUDGED
    verdict, triage = newest.verdict, state.triage
    if triage is None or triage.ended_seconds is not None or triage.state == "new":
        return verdict_said(verdict.state, verdict.worsening_ratio)
    return verdict_said(verdict.state, verdict.worsening_ratio, triage.state, triage.who)


def value_of(result: Result) -> float | None:
    """The typical value of a result, in its unit: its median, or its mean if it has none."""
    statistics = result.statistics
    return statistics.mean if statistics.p50 is None else statistics.p50


def _facts(state: ResultState, view: BenchmarkView) -> Iterator[tuple[str, str]]:
    result, value = state.result, value_of(state.result)
    if value is not None:
        kind = "mean" if result.statistics.p50 is None else "median"
        count = result.sample_count
        samples = "" if count is None else f" of {count:,} {'sample' if count == 1 else 'samples'}"
        yield "Now", f"<strong>{text(with_unit(value, result.unit))}</strong>, {kind}{samples}"
    if (run := state.run) != view.run:  # it is no longer measured, or was not this time
        of = f", commit {commit(run.commit_hash, view.repository)}" if run.commit_hash else ""
        yield "Last run", f"{moment(run.timestamp_seconds)} UTC{of}"
    if state.verdict is not None:
        yield from _judged(state.verdict, state, view.repository)
    if state.triage is not None:
        yield "Triage", _said_by_people(state.triage)


def _judged(
    newest: NewestVerdict, state: ResultState, repository: Repository
) -> Iterator[tuple[str, str]]:
    verdict, unit, good = newest.verdict, newest.unit, newest.passed_commit
    if verdict.state in REGRESSED and good:
        to_newest = compared(good, state.run.commit_hash, repository)
        yield "Since", f"after commit {commit(good, repository)}, the last good one{to_newest}"
    if verdict.reference is not None:
        yield "Baseline", _baseline(newest, repository)
    if verdict.limit is not None:
        yield "Limit", text(with_unit(verdict.limit, unit))
    yield (
        "Detectable",
        text(
            detectable(
                verdict.detectable_ratio,
                verdict.quiet_ratio,
                verdict.reachable_ratio,
                verdict.reachable_samples,
                state.result.sample_count,
            )
        ),
    )
    if newest.drift is not None:
        ratios = ", ".join(
            f"{change(ratio)} in {days} days" for days, ratio in newest.drift.ratios.items()
        )
        yield "Drift", f"{text(ratios)}, since {moment(newest.drift.since_seconds)}"
    if newest.shifted:
        yield "Moved", "with most results of the run, which points to the machine"


def _baseline(newest: NewestVerdict, repository: Repository) -> str:
    """What the newest run was compared with."""
    verdict, pinned = newest.verdict, newest.baseline
    said = text(with_unit(verdict.reference or 0.0, newest.unit))
    if pinned is None:
        return f"{said}, the median of {verdict.run_count} runs"
    version = f" of {text(pinned.version)}" if pinned.version else ""
    of = f", commit {commit(pinned.commit_hash, repository)}" if pinned.commit_hash else ""
    return f"{said}, pinned{version}{of}"


def _said_by_people(triage: TriagedRegression) -> str:
    if triage.state == "new":
        said = "new: nobody has said anything"
    else:
        until = "" if triage.until_seconds is None else f" until {moment(triage.until_seconds)}"
        because = "".join(f", {text(each)}" for each in (triage.why, triage.ticket) if each)
        said = f"{triage.state} by {text(triage.who)}{until}{because}"
    end = "" if triage.ended_seconds is None else f"; ended {moment(triage.ended_seconds)}"
    return f"{said}; the regression began {moment(triage.began_seconds)}{end}"


def _chart(state: ResultState, history: History, days: str, number: int) -> str:
    result = state.result
    if not history.points:
        span = "" if days == "all" else f" in the last {days} days"
        return f'<p class="empty">No run has a value{span}.</p>'
    changes = state.changes
    return Chart(
        result.name, result.unit, history.points, changes, history.run_count, number
    ).html()


def _changes(changes: Sequence[ChangePoint], result: Result, repository: Repository) -> str:
    if not changes:
        return ""
    rows = [
        (
            moment(each.at_seconds),
            text(level_change(each.ratio, worse=each.worse)),
            text(
                f"{with_unit(each.value_before, each.unit)} → "
                f"{with_unit(each.value_after, each.unit)}"
            ),
            commit(each.previous_commit_hash, repository) or "?",
            (commit(each.commit_hash, repository) or "?")
            + compared(each.previous_commit_hash, each.commit_hash, repository),
        )
        for each in changes
    ]
    heads = ("First run (UTC)", "Change", "Level", "After commit", "At the latest with")
    return f"<h3>Change points</h3>{table(f'Change points of {result.name}', heads, rows)}"


def _triage(state: ResultState, scope: Scope) -> str:
    triage = state.triage
    if triage is None or triage.ended_seconds is not None:
        return ""
    result = state.result.name
    form = link(triage_form(result, scope), "By a form")
    return (
        "<details><summary>Say what becomes of this regression</summary>"
        f"<p>{form}, or where the exporter runs:</p>"
        f"<pre>{text(triage_command(result, scope))}</pre>"
        f"<p>In the stack's folder:</p><pre>{text(stack_command(result, scope))}</pre></details>"
    )
