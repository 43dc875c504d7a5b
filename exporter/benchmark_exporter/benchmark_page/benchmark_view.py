"""The page of a benchmark as HTML."""

from collections.abc import Iterator, Sequence

from benchmark_exporter.benchmark_page.addresses import PAGE, address, dashboard, with_query
from benchmark_exporter.benchmark_page.markup import badge, facts, link, name, text
from benchmark_exporter.benchmark_page.query import (
    DAYS,
    SCOPE_FIELDS,
    BenchmarkQuery,
    encode_position,
)
from benchmark_exporter.benchmark_page.reading import (
    RESULTS_SHOWN,
    BenchmarkView,
    Choice,
    Unknown,
)
from benchmark_exporter.benchmark_page.result_view import result_section
from benchmark_exporter.benchmark_page.runs_view import runs_table
from benchmark_exporter.ledger.benchmark_reading import BenchmarkScope
from benchmark_exporter.ledger.benchmark_runs import RunPosition
from benchmark_exporter.links import Links
from benchmark_exporter.model import REGRESSED, Scope
from benchmark_exporter.site import layout
from benchmark_exporter.site.cells import moment
from benchmark_exporter.site.commits import commit
from benchmark_exporter.wording import (
    Said,
    gate_said,
    printable,
    run_said,
    verdict_said,
    with_spaced_units,
)

STYLE = '<link rel="stylesheet" href="benchmark.css">'
_SCOPE_WORDS = {
    "project": "Project",
    "environment": "Environment",
    "machine_class": "Machine class",
    "branch": "Branch",
}
_DAYS_WORDS = {"7": "7 days", "30": "30 days", "90": "90 days", "all": "All"}


def page_of(view: BenchmarkView, query: BenchmarkQuery, links: Links) -> str:
    """The page of one benchmark in one scope."""
    found = view.found
    sections = "".join(
        result_section(state, view, query.days, links, number)
        for number, state in enumerate(view.results, 1)
    )
    cut = (
        '<p role="note">Older runs are not in the charts: to read them would take too long.</p>'
        if view.is_cut
        else ""
    )
    body = (
        f"<h1>{name(found.benchmark)} {badge(_said(view))}</h1>"
        f"{facts(_facts(view))}{_alerts(view)}{_links(view, query, links)}"
        f"{_days(view, query)}{cut}{sections}{_parts(view, query)}"
        f"<h2>Runs</h2>{_runs(view, query)}{_others(view)}"
    )
    return layout.page(printable(found.benchmark), body, current="benchmarks", head=STYLE)


def choice_page(choice: Choice, query: BenchmarkQuery) -> str:
    """A page of scopes to choose from."""
    what = "has no runs there. It has some here" if choice.is_wrong else "has runs in"
    body = (
        f"<h1>{name(query.name)}</h1><p>This benchmark {what}:</p>"
        f"{_scopes(choice.scopes, query.name)}"
    )
    return layout.page(printable(query.name), body, current="benchmarks", head=STYLE)


def unknown_page(unknown: Unknown, query: BenchmarkQuery) -> str:
    """A page that says that there is no such benchmark, and which there are."""
    if unknown.nearest:
        entries = "".join(f"<li>{link(address(each), name(each))}</li>" for each in unknown.nearest)
        nearest = f"<p>These are like it:</p><ul>{entries}</ul>"
    else:
        nearest = f"<p>{link('benchmarks', 'All benchmarks')}</p>"
    body = f"<h1>No benchmark {name(query.name)}</h1>{nearest}"
    return layout.page("No such benchmark", body, current="benchmarks", head=STYLE)


def _said(view: BenchmarkView) -> Said:
    """The state of the whole benchmark: its error, or the worst of its gate and its verdicts."""
    outcome = None if view.gate is None else view.gate.outcome
    gate = gate_said(*((None, None) if outcome is None else (outcome.passed, outcome.severity)))
    newest = view.results[0].verdict if view.results else None
    if newest is None:
        return run_said(view.found.failed, gate, None)
    verdict = verdict_said(newest.verdict.state, newest.verdict.worsening_ratio)
    return run_said(view.found.failed, gate, verdict)


def _facts(view: BenchmarkView) -> Iterator[tuple[str, str]]:
    run, scope = view.run, view.found.scope
    for field, word in _SCOPE_WORDS.items():
        yield word, text(getattr(scope, field))
    of = f", commit {commit(run.commit_hash, view.repository)}" if run.commit_hash else ""
    yield "Newest run", f"{moment(run.timestamp_seconds)} UTC{of}, {text(run.run_id)}"
    yield "Error", f"<code>{text(view.error)}</code>" if view.error else ""
    yield "Gate", _gate(view)


def _gate(view: BenchmarkView) -> str:
    if view.gate is None:
        return ""
    outcome = view.gate.outcome
    failed = [criterion for criterion, passed in outcome.criteria.items() if not passed]
    why = f", by {text(', '.join(failed))}" if failed else ""
    return (
        f"{badge(gate_said(outcome.passed, outcome.severity))}{why}; speedup p50 "
        f"{outcome.speedup_p50_ratio:.4g}×, at least {outcome.min_speedup_p50_ratio:.4g}×"
    )


def _alerts(view: BenchmarkView) -> str:
    """What fires, each with its runbook; what is wrong has one also while nothing fires."""
    entries = [
        f"<li><strong>{text(alert.alertname)}</strong> {text(alert.severity)}: "
        f"{text(with_spaced_units(alert.summary))}, since {moment(alert.since_seconds)}. "
        f"{_runbook(alert.alertname)}</li>"
        for alert in view.alerts
    ]
    firing = {alert.alertname for alert in view.alerts}
    entries += [
        f"<li>{what} {_runbook(runbook)}</li>"
        for runbook, what in _wrong(view)
        if runbook not in firing
    ]
    return f'<ul class="wrong">{"".join(entries)}</ul>' if entries else ""


def _wrong(view: BenchmarkView) -> Iterator[tuple[str, str]]:
    worse = [
        state
        for state in view.results
        if state.verdict is not None and state.verdict.verdict.state in REGRESSED
    ]
    if worse:
        some = "1 result is worse." if len(worse) == 1 else f"{len(worse)} results are worse."
        yield "PerformanceRegression", some
    if view.gate is not None and not view.gate.outcome.passed:
        yield "PerformanceGateFailed", "The gate failed."
    if view.found.failed:
        yield "BenchmarkFailing", "The newest run ended with an error."


def _runbook(alertname: str) -> str:
    # The names of rules are words; another one has no runbook.
    return link(f"runbooks/{alertname}", "Runbook") if alertname.isalnum() else ""


def _links(view: BenchmarkView, query: BenchmarkQuery, links: Links) -> str:
    found = view.found
    url = dashboard(links, found.benchmark, found.scope, DAYS[query.days])
    return "" if url is None else f"<p>{link(url, 'Dashboard in Grafana')}</p>"


def _here(view: BenchmarkView, query: BenchmarkQuery, **other: str | None) -> str:
    """The address of this page with something else."""
    scope = {field: getattr(view.found.scope, field) for field in SCOPE_FIELDS}
    days = None if query.days == "30" else query.days
    part = None if query.part == 1 else str(query.part)
    return with_query(PAGE, **{"name": query.name, **scope, "days": days, "part": part, **other})


def _days(view: BenchmarkView, query: BenchmarkQuery) -> str:
    entries = "".join(
        f"<li>{link(_here(view, query, days=days), word, current=days == query.days)}</li>"
        for days, word in _DAYS_WORDS.items()
    )
    return f'<nav aria-label="Days shown"><ul class="days">{entries}</ul></nav>'


def _parts(view: BenchmarkView, query: BenchmarkQuery) -> str:
    if len(view.results) == view.result_count:
        return ""
    if len(view.results) == 1 and query.name == view.results[0].result.name:
        every = link(address(view.found.benchmark, view.found.scope), f"All {view.result_count}")
        return f"<p>{every} results of this benchmark</p>"
    count = -(-view.result_count // RESULTS_SHOWN)
    entries = "".join(
        f"<li>{link(_here(view, query, part=str(part)), str(part), current=part == query.part)}"
        "</li>"
        for part in range(1, min(count, 100) + 1)
    )
    return (
        f'<nav aria-label="Parts of the {view.result_count} results"><ul class="days">'
        f"<li>Results</li>{entries}</ul></nav>"
    )


def _runs(view: BenchmarkView, query: BenchmarkQuery) -> str:
    if not view.runs_found:
        return '<p role="note">They could not be searched in the time that a page has.</p>'
    if not view.runs:
        return '<p class="empty">No further runs.</p>'
    older = ""
    if view.more_runs:
        last = view.runs[-1]
        after = encode_position(RunPosition(last.rank_seconds, last.tie, last.row))
        older = link(_here(view, query, runs_after=after), "Older runs")
    newest = "" if query.runs_after is None else link(_here(view, query), "Newest runs")
    return f"{runs_table(view)}<p>{' · '.join(filter(None, (newest, older)))}</p>"


def _others(view: BenchmarkView) -> str:
    if not view.others:
        return ""
    return f"<h2>The same benchmark elsewhere</h2>{_scopes(view.others, view.found.benchmark)}"


def _scopes(scopes: Sequence[BenchmarkScope], benchmark: str) -> str:
    entries = "".join(
        f"<li>{link(address(benchmark, each.scope), _scope(each.scope))}, "
        f"newest run {moment(each.rank_seconds)}</li>"
        for each in scopes
    )
    return f'<ul class="scopes">{entries}</ul>'


def _scope(scope: Scope) -> str:
    words = (scope.project, scope.environment, scope.machine_class, scope.branch)
    return name(" · ".join(filter(None, words)))
