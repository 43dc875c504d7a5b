"""The start page: what is wrong now, what is running, and the newest runs."""

import shlex
from collections.abc import Container, Iterable, Mapping, Sequence
from html import escape
from urllib.parse import urlencode

from benchmark_exporter.links import Links
from benchmark_exporter.model import SEVERITIES, Notification, Scope
from benchmark_exporter.site.addresses import (
    benchmark_address,
    link,
    runbook_address,
    triage_address,
)
from benchmark_exporter.site.cells import badge
from benchmark_exporter.site.commits import commit, compared
from benchmark_exporter.site.known import Known, Source
from benchmark_exporter.site.layout import page, script_texts
from benchmark_exporter.site.newest_tables import change_table, run_table
from benchmark_exporter.site.running import running_part
from benchmark_exporter.site.wrong import OtherAlert, Wrong, WrongBenchmark, WrongGroup, wrong_now
from benchmark_exporter.texts.say import Say
from benchmark_exporter.wording import Said, with_spaced_units

ENTRIES_SHOWN, BENCHMARKS_OPEN, BENCHMARKS_LISTED = 20, 3, 50
# Without scripts the whole page is loaded again; site.js loads only what it shows.
_HEAD = (
    '<noscript><meta http-equiv="refresh" content="10"></noscript>'
    '<script type="module" src="site.js"></script>'
)


def start_page(content: str, say: Say) -> str:
    """The whole page around its `start_content`."""
    return page(
        say("Start"),
        f'<div id="now" data-from="start-content">{content}</div>',
        current="start",
        say=say,
        head=f"{_HEAD}{script_texts(say, 'start')}",
    )


def start_content(known: Known, results: tuple[str, str], say: Say) -> str:
    """What changes of the page, as HTML; `results` is what `start_results` gives."""
    headline, shown = results
    scanning = "" if known.is_ready else f"<p>{say('Scanning the results folder …')}</p>"
    running = running_part(known.running, known.state, say)
    return f"<h1>{headline}</h1>{scanning}{running}{shown}"


def start_results(known: Known, source: Source, say: Say) -> tuple[str, str]:
    """What it says of the ledger's state: the headline and the rest, as HTML."""
    state = known.state
    owners = list(state.owners.values())
    wrong = wrong_now(owners, state.notifications)
    repositories = source.repositories()
    runs = _runs_part(run_table(owners, state.branches, repositories, say), known, say)
    return (
        escape(_headline(known, wrong, say)),
        f"{_wrong_part(wrong, source, say)}{runs}{change_table(owners, repositories, say)}",
    )


def _headline(known: Known, wrong: Wrong, say: Say) -> str:
    critical, warnings = (wrong.count(severity) for severity in SEVERITIES)
    counts = [say("{count} critical", count=critical)] if critical else []
    if warnings:
        counts.append(say.counted(warnings, "{count} warning", "{count} warnings"))
    if counts:
        return say(", ").join(counts)
    return say("Nothing is wrong") if known.state.commits else say("Nothing yet")


def _runs_part(table: str, known: Known, say: Say) -> str:
    if table:
        return f"{table}<p>{link('benchmarks', say('All benchmarks'))}</p>"
    how = say(
        "Copy a result file of a benchmark tool into {folder}, or run a benchmark with {command}. "
        "It appears here within seconds. A file that cannot be read is listed under {files} with "
        "the reason.",
        folder=f"<code>{escape(known.results_dir)}</code>",
        command="<code>benchmark-exporter run</code>",
        files=link("files", say("Files")),
    )
    return f"<h2>{say('No runs yet')}</h2><p>{how}</p>"


def _wrong_part(wrong: Wrong, source: Source, say: Say) -> str:
    entries = [
        *((each.severity, _group(each, source, say)) for each in wrong.groups),
        *((each.severity, _other(each, source, wrong.benchmarks, say)) for each in wrong.others),
    ]
    if not entries:
        return ""
    entries.sort(key=lambda entry: entry[0] != "critical")
    more = len(entries) - ENTRIES_SHOWN
    rest = f"<p>{link('benchmarks', say('{count} more', count=more))}</p>" if more > 0 else ""
    items = "".join(html for _, html in entries[:ENTRIES_SHOWN])
    return (
        f'<section aria-labelledby="wrong"><h2 id="wrong">{say("Wrong now")}</h2>'
        f'<ul class="entries">{items}</ul>{rest}{_further(source.links, say)}</section>'
    )


def _further(links: Links, say: Say) -> str:
    """Where alerts are seen from other sides."""
    urls = links.urls
    found = []
    if "grafana" in urls:
        found.append(link(f"{urls['grafana']}/d/alerts", say("Alerts in Grafana")))
    if "alertmanager" in urls:
        found.append(link(f"{urls['alertmanager']}/#/alerts", "Alertmanager"))
    if "prometheus" in urls:
        address = f"{urls['prometheus']}/graph?{urlencode({'g0.expr': 'ALERTS', 'g0.tab': '1'})}"
        found.append(link(address, say("ALERTS in Prometheus")))
    return f"<p>{' · '.join(found)}</p>" if found else ""


def _group(group: WrongGroup, source: Source, say: Say) -> str:
    where = ", ".join(escape(part) for part in (group.project, group.branch) if part)
    said = say("{where}: {count}", where=where, count=group.count(say))
    title = _with_commits(f"<strong>{said}</strong>", group, source, say)
    scopes = {each.scope for each in group.benchmarks}
    if len(scopes) == 1:
        place = say("in {place}", place=_place(next(iter(scopes))))
        title += f' <span class="quiet">{place}</span>'
    benchmarks = [_benchmark(each, say, where=len(scopes) > 1) for each in group.benchmarks]
    moved = "moved" if group.is_shifted else ""
    key = escape(
        "|".join(
            (group.project, group.branch, group.since_commit, moved, *sorted(group.commits)[:1])
        )
    )
    return (
        f'<li class="entry {group.severity}" data-key="{key}">'
        f'<p><span class="badge {group.severity}">{group.severity}</span> {title}</p>'
        f"{_listed(benchmarks, say)}"
        f"<p>{_runbooks(group.runbooks, source, say, group.firing)}{_triage(group, say)}</p></li>"
    )


def _with_commits(title: str, group: WrongGroup, source: Source, say: Say) -> str:
    """A title with the last good commit, and that of the newest runs if they are of one."""
    repository = source.repositories().of(group.project)
    good, newest = group.since_commit, sorted(group.commits)
    if good:
        title = say("{title} since commit {commit}", title=title, commit=commit(good, repository))
    if len(newest) != 1:
        return title
    of = commit(newest[0], repository)
    title = say("{title}, newest run of {commit}", title=title, commit=of)
    return f"{title}{compared(good, newest[0], repository, say)}"


def _benchmark(wrong: WrongBenchmark, say: Say, *, where: bool) -> str:
    scope = wrong.scope
    details = filter(None, (escape(", ".join(wrong.variants)), _place(scope) if where else ""))
    quiet = f'<span class="quiet">{" · ".join(details)}</span>'
    address = benchmark_address(scope, wrong.benchmark)
    return f"<li>{link(address, wrong.benchmark)} {badge(wrong.said(say))} {quiet}</li>"


def _place(scope: Scope) -> str:
    return escape(", ".join(filter(None, (scope.environment, scope.machine_class))))


def _listed(items: Sequence[str], say: Say) -> str:
    """The first items, and the rest to unfold."""
    first, rest = items[:BENCHMARKS_OPEN], items[BENCHMARKS_OPEN:BENCHMARKS_LISTED]
    more = ""
    if rest:
        beyond = len(items) - BENCHMARKS_LISTED
        further = ""
        if beyond > 0:
            further = f"<li>{link('benchmarks', say('{count} more', count=beyond))}</li>"
        more = (
            f"<details><summary>{say('{count} more', count=len(items) - BENCHMARKS_OPEN)}</summary>"
            f"<ul>{''.join(rest)}{further}</ul></details>"
        )
    return f"<ul>{''.join(first)}</ul>{more}"


def _runbooks(names: Iterable[str], source: Source, say: Say, firing: Container[str] = ()) -> str:
    """Links to runbooks, which are named like alerts; those of `firing` alerts say so."""
    links = [
        say("{runbook} (fires)", runbook=shown) if name in firing else shown
        for name in names
        if source.has_runbook(name)
        for shown in [link(runbook_address(name, say), name)]
    ]
    return say("Runbook: {links}", links=say(", ").join(links)) if links else ""


def _triage(group: WrongGroup, say: Say) -> str:
    """How to say what becomes of the regressions; gates, errors and shifts have no state."""
    worse = [each for each in group.benchmarks if each.verdicts]
    if not worse or group.is_shifted:
        return ""
    scopes = {each.scope for each in worse}
    scope, names = worse[0].scope, {each.name for of in worse for each in of.verdicts}
    name = "" if group.since_commit else min(names)
    what = ["--since-commit", group.since_commit] if group.since_commit else [name]
    command = ["benchmark-exporter", "triage", "set", "acknowledged", *what]
    command += ["--project", scope.project]
    if scope.branch:
        command += ["--branch", scope.branch]
    page_link = say("Triage")
    if len(scopes) == 1:
        page_link = link(triage_address(scope, group.since_commit, name), page_link)
    # Options are not broken at their hyphens, so that they can be copied.
    words = " ".join(
        f'<span class="value">{escape(shlex.quote(word))}</span>'
        if word.startswith("-")
        else escape(shlex.quote(word))
        for word in command
    )
    how = say("{page}: {command}", page=page_link, command=f"<code>{words}</code>")
    return f" · {how}"


def _other(other: OtherAlert, source: Source, benchmarks: Mapping[str, str], say: Say) -> str:
    notifications = other.notifications
    project = f"{escape(other.project)}: " if other.project else ""
    times = f" × {len(notifications)}" if len(notifications) > 1 else ""
    items = [
        f"<li>{escape(with_spaced_units(each.summary))} {_of_alert(each, benchmarks)}</li>"
        for each in notifications
    ]
    key = escape(f"{other.alertname}|{other.project}")
    return (
        f'<li class="entry {other.severity}" data-key="{key}"><p>'
        f"{badge(Said(other.severity, other.severity))} "
        f"<strong>{project}{escape(other.alertname)}{times}</strong></p>{_listed(items, say)}"
        f"<p>{_runbooks([other.alertname], source, say)}</p></li>"
    )


def _of_alert(alert: Notification, benchmarks: Mapping[str, str]) -> str:
    if not alert.benchmark:
        return ""
    scope = Scope(alert.project, alert.environment, alert.machine_class, alert.branch)
    benchmark = benchmarks.get(alert.benchmark, alert.benchmark)
    return link(benchmark_address(scope, benchmark), alert.benchmark)
