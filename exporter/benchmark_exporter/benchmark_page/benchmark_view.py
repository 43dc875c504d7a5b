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
from benchmark_exporter.benchmark_page.result_view import of_commit, result_section
from benchmark_exporter.benchmark_page.runs_view import runs_table
from benchmark_exporter.ledger.benchmark_reading import BenchmarkScope, FiringAlert
from benchmark_exporter.ledger.benchmark_runs import RunPosition
from benchmark_exporter.links import Links
from benchmark_exporter.model import REGRESSED, Scope
from benchmark_exporter.site import layout
from benchmark_exporter.site.addresses import runbook_address
from benchmark_exporter.site.cells import moment
from benchmark_exporter.texts.say import Say, phrase
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
    "project": phrase("Project"),
    "environment": phrase("Environment"),
    "machine_class": phrase("Machine class"),
    "branch": phrase("Branch"),
}
_DAYS_WORDS = {
    "7": phrase("7 days"),
    "30": phrase("30 days"),
    "90": phrase("90 days"),
    "all": phrase("All"),
}


def page_of(view: BenchmarkView, query: BenchmarkQuery, links: Links, say: Say) -> str:
    """The page of one benchmark in one scope."""
    found = view.found
    sections = "".join(
        result_section(state, view, query.days, links, number, say)
        for number, state in enumerate(view.results, 1)
    )
    body = (
        f"<h1>{name(found.benchmark)} {badge(_said(view, say))}</h1>"
        f"{facts(_facts(view, say))}{_alerts(view, say)}{_links(view, query, links, say)}"
        f"{_days(view, query, say)}{_notes(view, say)}{sections}{_parts(view, query, say)}"
        f"<h2>{say('Runs')}</h2>{_runs(view, query, say)}{_others(view, say)}"
    )
    return framed(printable(found.benchmark), body, say)


def _notes(view: BenchmarkView, say: Say) -> str:
    """What would be taken for the benchmark's state, and is not."""
    notes = []
    if view.is_ahead:
        notes.append(
            say(
                "The newest run is dated later than now: the clock of its machine, or the time in "
                "its document, is wrong."
            )
        )
    if view.is_cut:
        notes.append(say("Older runs are not in the charts: to read them would take too long."))
    return "".join(f'<p role="note">{note}</p>' for note in notes)


def choice_page(choice: Choice, query: BenchmarkQuery, say: Say) -> str:
    """A page of scopes to choose from."""
    what = say("This benchmark has runs in:")
    if choice.is_wrong:
        what = say("This benchmark has no runs there. It has some here:")
    body = f"<h1>{name(query.name)}</h1><p>{what}</p>{_scopes(choice.scopes, query.name, say)}"
    return framed(printable(query.name), body, say)


def framed(title: str, body: str, say: Say) -> str:
    """A whole page around a body of HTML, with the style of these pages."""
    return layout.page(title, body, current="benchmarks", say=say, head=STYLE)


def unknown_page(unknown: Unknown, query: BenchmarkQuery, say: Say) -> str:
    """A page that says that there is no such benchmark, and which there are."""
    if unknown.nearest:
        entries = "".join(f"<li>{link(address(each), name(each))}</li>" for each in unknown.nearest)
        nearest = f"<p>{say('These are like it:')}</p><ul>{entries}</ul>"
    else:
        nearest = f"<p>{link('benchmarks', say('All benchmarks'))}</p>"
    body = f"<h1>{say('No benchmark {name}', name=name(query.name))}</h1>{nearest}"
    return framed(say("No such benchmark"), body, say)


def _said(view: BenchmarkView, say: Say) -> Said:
    """The state of the whole benchmark: its error, or the worst of its gate and its verdicts."""
    outcome = None if view.gate is None else view.gate.outcome
    gate = gate_said(None, None, say)
    if outcome is not None:
        gate = gate_said(outcome.passed, outcome.severity, say)
    newest = view.results[0].verdict if view.results else None
    if newest is None:
        return run_said(view.found.failed, gate, None, say)
    verdict = verdict_said(newest.verdict.state, newest.verdict.worsening_ratio, say=say)
    return run_said(view.found.failed, gate, verdict, say)


def _facts(view: BenchmarkView, say: Say) -> Iterator[tuple[str, str]]:
    run, scope = view.run, view.found.scope
    for field, word in _SCOPE_WORDS.items():
        yield say(word), text(getattr(scope, field))
    at = f"{moment(run.timestamp_seconds)} UTC"
    at = of_commit(at, run.commit_hash, view.repository, say)
    yield say("Newest run"), f"{at}{say(', ')}{text(run.run_id)}"
    yield say("Error"), f"<code>{text(view.error)}</code>" if view.error else ""
    yield say("Gate"), _gate(view, say)


def _gate(view: BenchmarkView, say: Say) -> str:
    if view.gate is None:
        return ""
    outcome = view.gate.outcome
    failed = [criterion for criterion, passed in outcome.criteria.items() if not passed]
    said = badge(gate_said(outcome.passed, outcome.severity, say))
    if failed:
        said = say("{said}, by {criteria}", said=said, criteria=text(", ".join(failed)))
    return say(
        "{said}; speedup p50 {ratio}×, at least {least}×",
        said=said,
        ratio=f"{outcome.speedup_p50_ratio:.4g}",
        least=f"{outcome.min_speedup_p50_ratio:.4g}",
    )


def _alerts(view: BenchmarkView, say: Say) -> str:
    """What fires, each with its runbook; what is wrong has one also while nothing fires."""
    entries = [
        f"<li>{_alert(alert, say)} {_runbook(alert.alertname, say)}</li>" for alert in view.alerts
    ]
    firing = {alert.alertname for alert in view.alerts}
    entries += [
        f"<li>{what} {_runbook(runbook, say)}</li>"
        for runbook, what in _wrong(view, say)
        if runbook not in firing
    ]
    return f'<ul class="wrong">{"".join(entries)}</ul>' if entries else ""


def _alert(alert: FiringAlert, say: Say) -> str:
    fires = say(
        "{alert} {severity}: {summary}, since {time}.",
        alert=f"<strong>{text(alert.alertname)}</strong>",
        severity=text(alert.severity),
        summary=text(with_spaced_units(alert.summary)),
        time=moment(alert.since_seconds),
    )
    if alert.missing_seconds is None:
        return fires
    lost = say(
        "It may have ended: Alertmanager has not had it since {time}.",
        time=moment(alert.missing_seconds),
    )
    return f"{fires} {lost}"


def _wrong(view: BenchmarkView, say: Say) -> Iterator[tuple[str, str]]:
    worse = [
        state
        for state in view.results
        if state.verdict is not None and state.verdict.verdict.state in REGRESSED
    ]
    if worse:
        some = say.counted(len(worse), "{count} result is worse.", "{count} results are worse.")
        yield "PerformanceRegression", some
    if view.gate is not None and not view.gate.outcome.passed:
        yield "PerformanceGateFailed", say("The gate failed.")
    if view.found.failed:
        yield "BenchmarkFailing", say("The newest run ended with an error.")


def _runbook(alertname: str, say: Say) -> str:
    # The names of rules are words; another one has no runbook.
    return link(runbook_address(alertname), say("Runbook")) if alertname.isalnum() else ""


def _links(view: BenchmarkView, query: BenchmarkQuery, links: Links, say: Say) -> str:
    found = view.found
    url = dashboard(links, found.benchmark, found.scope, DAYS[query.days])
    return "" if url is None else f"<p>{link(url, say('Dashboard in Grafana'))}</p>"


def _here(view: BenchmarkView, query: BenchmarkQuery, **other: str | None) -> str:
    """The address of this page with something else."""
    scope = {field: getattr(view.found.scope, field) for field in SCOPE_FIELDS}
    days = None if query.days == "30" else query.days
    part = None if query.part == 1 else str(query.part)
    return with_query(PAGE, **{"name": query.name, **scope, "days": days, "part": part, **other})


def _days(view: BenchmarkView, query: BenchmarkQuery, say: Say) -> str:
    entries = "".join(
        f"<li>{link(_here(view, query, days=days), say(word), current=days == query.days)}</li>"
        for days, word in _DAYS_WORDS.items()
    )
    return f'<nav aria-label="{say("Days shown")}"><ul class="days">{entries}</ul></nav>'


def _parts(view: BenchmarkView, query: BenchmarkQuery, say: Say) -> str:
    if len(view.results) == view.result_count:
        return ""
    if len(view.results) == 1 and query.name == view.results[0].result.name:
        every = say("All {count} results of this benchmark", count=view.result_count)
        return f"<p>{link(address(view.found.benchmark, view.found.scope), every)}</p>"
    count = -(-view.result_count // RESULTS_SHOWN)
    entries = "".join(
        f"<li>{link(_here(view, query, part=str(part)), str(part), current=part == query.part)}"
        "</li>"
        for part in range(1, min(count, 100) + 1)
    )
    label = say("Parts of the {count} results", count=view.result_count)
    return (
        f'<nav aria-label="{label}"><ul class="days"><li>{say("Results")}</li>{entries}</ul></nav>'
    )


def _runs(view: BenchmarkView, query: BenchmarkQuery, say: Say) -> str:
    if not view.runs_found:
        why = say("They could not be searched in the time that a page has.")
        return f'<p role="note">{why}</p>'
    if not view.runs:
        return f'<p class="empty">{say("No further runs.")}</p>'
    older = ""
    if view.more_runs:
        last = view.runs[-1]
        after = encode_position(RunPosition(last.rank_seconds, last.tie, last.row))
        older = link(_here(view, query, runs_after=after), say("Older runs"))
    newest = "" if query.runs_after is None else link(_here(view, query), say("Newest runs"))
    return f"{runs_table(view, say)}<p>{' · '.join(filter(None, (newest, older)))}</p>"


def _others(view: BenchmarkView, say: Say) -> str:
    if not view.others:
        return ""
    scopes = _scopes(view.others, view.found.benchmark, say)
    return f"<h2>{say('The same benchmark elsewhere')}</h2>{scopes}"


def _scopes(scopes: Sequence[BenchmarkScope], benchmark: str, say: Say) -> str:
    entries = "".join(
        f"<li>{link(address(benchmark, each.scope), _scope(each.scope))}"
        f"{say(', newest run {time}', time=moment(each.rank_seconds))}</li>"
        for each in scopes
    )
    return f'<ul class="scopes">{entries}</ul>'


def _scope(scope: Scope) -> str:
    words = (scope.project, scope.environment, scope.machine_class, scope.branch)
    return name(" · ".join(filter(None, words)))
