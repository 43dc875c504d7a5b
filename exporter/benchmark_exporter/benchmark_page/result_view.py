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
from benchmark_exporter.texts.say import Say
from benchmark_exporter.wording import (
    Said,
    change,
    detectable,
    level_change,
    verdict_said,
    with_unit,
)

_NO_HISTORY = History((), 0)


def result_section(
    state: ResultState, view: BenchmarkView, days: str, links: Links, number: int, say: Say
) -> str:
    """A result of a benchmark as HTML. `number` tells the results of a page apart."""
    found, scope = view.found, view.found.scope
    history = view.histories.get(state.result.name, _NO_HISTORY)
    result, of_result = state.result, ""
    address = graph(links, result.name, scope, DAYS[days])
    if address is not None:
        of_result = f"<p>{link(address, say('Graph in Prometheus'))}</p>"
    heading = f"result-{number}"
    # A benchmark may have one result, of its own name, which stands above already.
    title = say("History") if result.name == found.benchmark else name(result.name)
    return (
        f'<section class="result" aria-labelledby="{heading}">'
        f'<h2 id="{heading}">{title} {badge(said_of(state, say))}</h2>'
        f"{facts(_facts(state, view, say))}{_chart(state, history, days, number, say)}{of_result}"
        f"{_changes(state.changes, result, view.repository, say)}{_triage(state, scope, say)}"
        "</section>"
    )


def said_of(state: ResultState, say: Say) -> Said:
    """The verdict of a result in words, with the state of its regression."""
    newest = state.verdict
    if newest is None:
        return Said(say("not judged"), "unknown")
    verdict, triage = newest.verdict, state.triage
    if triage is None or triage.ended_seconds is not None or triage.state == "new":
        return verdict_said(verdict.state, verdict.worsening_ratio, say=say)
    return verdict_said(verdict.state, verdict.worsening_ratio, triage.state, triage.who, say)


def value_of(result: Result) -> float | None:
    """The typical value of a result, in its unit: its median, or its mean if it has none."""
    statistics = result.statistics
    return statistics.mean if statistics.p50 is None else statistics.p50


def _facts(state: ResultState, view: BenchmarkView, say: Say) -> Iterator[tuple[str, str]]:
    result, value = state.result, value_of(state.result)
    if value is not None:
        yield say("Now"), _now(result, value, say)
    if (run := state.run) != view.run:  # it is no longer measured, or was not this time
        at = f"{moment(run.timestamp_seconds)} UTC"
        yield say("Last run"), of_commit(at, run.commit_hash, view.repository, say)
    if state.verdict is not None:
        yield from _judged(state.verdict, state, view.repository, say)
    if state.triage is not None:
        yield say("Triage"), _said_by_people(state.triage, say)


def _now(result: Result, value: float, say: Say) -> str:
    kind = say("mean") if result.statistics.p50 is None else say("median")
    now, count = f"<strong>{text(with_unit(value, result.unit))}</strong>", result.sample_count
    if count is None:
        return say("{value}, {statistic}", value=now, statistic=kind)
    return say.counted(
        count,
        "{value}, {statistic} of {count} sample",
        "{value}, {statistic} of {count} samples",
        value=now,
        statistic=kind,
    )


def of_commit(said: str, commit_hash: str, repository: Repository, say: Say) -> str:
    """What is said, in HTML, with the commit that it is said of; without one if that is empty."""
    if not commit_hash:
        return said
    return say("{said}, commit {commit}", said=said, commit=commit(commit_hash, repository))


def _judged(
    newest: NewestVerdict, state: ResultState, repository: Repository, say: Say
) -> Iterator[tuple[str, str]]:
    verdict, unit, good = newest.verdict, newest.unit, newest.passed_commit
    if verdict.state in REGRESSED and good:
        to_newest = compared(good, state.run.commit_hash, repository, say)
        since = say("after commit {commit}, the last good one", commit=commit(good, repository))
        yield say("Since"), f"{since}{to_newest}"
    if verdict.reference is not None:
        yield say("Baseline"), _baseline(newest, repository, say)
    if verdict.limit is not None:
        yield say("Limit"), text(with_unit(verdict.limit, unit))
    yield (
        say("Detectable"),
        text(
            detectable(
                verdict.detectable_ratio,
                verdict.quiet_ratio,
                verdict.reachable_ratio,
                verdict.reachable_samples,
                state.result.sample_count,
                say,
            )
        ),
    )
    if newest.drift is not None:
        ratios = say(", ").join(
            say("{change} in {days} days", change=change(ratio, say), days=days)
            for days, ratio in newest.drift.ratios.items()
        )
        since = moment(newest.drift.since_seconds)
        yield say("Drift"), say("{changes}, since {time}", changes=text(ratios), time=since)
    if newest.shifted:
        yield say("Moved"), say("with most results of the run, which points to the machine")


def _baseline(newest: NewestVerdict, repository: Repository, say: Say) -> str:
    """What the newest run was compared with."""
    verdict, pinned = newest.verdict, newest.baseline
    said = text(with_unit(verdict.reference or 0.0, newest.unit))
    if pinned is None:
        return say("{value}, the median of {count} runs", value=said, count=verdict.run_count)
    if pinned.version:
        said = say("{value}, pinned of {version}", value=said, version=text(pinned.version))
    else:
        said = say("{value}, pinned", value=said)
    return of_commit(said, pinned.commit_hash, repository, say)


def _said_by_people(triage: TriagedRegression, say: Say) -> str:
    if triage.state == "new":
        said = say("new: nobody has said anything")
    else:
        said = say("{state} by {who}", state=triage.state, who=text(triage.who))
        if triage.until_seconds is not None:
            said = say("{said} until {time}", said=said, time=moment(triage.until_seconds))
        said = say(", ").join([said, *(text(each) for each in (triage.why, triage.ticket) if each)])
    parts = [said, say("the regression began {time}", time=moment(triage.began_seconds))]
    if triage.ended_seconds is not None:
        parts.append(say("ended {time}", time=moment(triage.ended_seconds)))
    return say("; ").join(parts)


def _chart(state: ResultState, history: History, days: str, number: int, say: Say) -> str:
    result = state.result
    if not history.points:
        none = say("No run has a value in the last {days} days.", days=days)
        if days == "all":
            none = say("No run has a value.")
        return f'<p class="empty">{none}</p>'
    changes = state.changes
    return Chart(
        result.name, result.unit, history.points, changes, history.run_count, number, say
    ).html()


def _changes(
    changes: Sequence[ChangePoint], result: Result, repository: Repository, say: Say
) -> str:
    if not changes:
        return ""
    rows = [
        (
            moment(each.at_seconds),
            text(level_change(each.ratio, worse=each.worse, say=say)),
            text(
                f"{with_unit(each.value_before, each.unit)} → "
                f"{with_unit(each.value_after, each.unit)}"
            ),
            commit(each.previous_commit_hash, repository) or "?",
            (commit(each.commit_hash, repository) or "?")
            + compared(each.previous_commit_hash, each.commit_hash, repository, say),
        )
        for each in changes
    ]
    heads = (
        say("First run (UTC)"),
        say("Change"),
        say("Level"),
        say("After commit"),
        say("At the latest with"),
    )
    label = say("Change points of {name}", name=result.name)
    return f"<h3>{say('Change points')}</h3>{table(label, heads, rows)}"


def _triage(state: ResultState, scope: Scope, say: Say) -> str:
    triage = state.triage
    if triage is None or triage.ended_seconds is not None:
        return ""
    result = state.result.name
    form = link(triage_form(result, scope), say("By a form"))
    in_stack = say("In the stack's folder:")
    return (
        f"<details><summary>{say('Say what becomes of this regression')}</summary>"
        f"<p>{say('{form}, or where the exporter runs:', form=form)}</p>"
        f'<pre tabindex="0">{text(triage_command(result, scope))}</pre>'
        f'<p>{in_stack}</p><pre tabindex="0">{text(stack_command(result, scope))}</pre></details>'
    )
