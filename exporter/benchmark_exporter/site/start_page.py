"""The start page: what is wrong now, what is running, and the newest runs."""

import shlex
from collections.abc import Container, Iterable, Mapping, Sequence
from html import escape
from urllib.parse import urlencode

from benchmark_exporter.links import Links
from benchmark_exporter.model import SEVERITIES, Notification, Scope
from benchmark_exporter.site.addresses import benchmark_address, link, triage_address
from benchmark_exporter.site.cells import badge
from benchmark_exporter.site.commits import commit, compared
from benchmark_exporter.site.known import Known, Source
from benchmark_exporter.site.layout import page
from benchmark_exporter.site.newest_tables import change_table, run_table
from benchmark_exporter.site.running import running_part
from benchmark_exporter.site.wrong import OtherAlert, Wrong, WrongBenchmark, WrongGroup, wrong_now
from benchmark_exporter.wording import with_spaced_units

ENTRIES_OPEN, ENTRIES_SHOWN, LINES_SHOWN = 5, 20, 50
BENCHMARKS_OPEN, BENCHMARKS_LISTED = 3, 50
# Without scripts the whole page is loaded again; site.js loads only what it shows.
_HEAD = (
    '<noscript><meta http-equiv="refresh" content="10"></noscript>'
    '<script type="module" src="site.js"></script>'
)


def start_page(content: str) -> str:
    """The whole page around its `start_content`."""
    return page(
        "Start",
        f'<div id="now" data-from="start-content">{content}</div>',
        current="start",
        head=_HEAD,
    )


def start_content(known: Known, results: tuple[str, str]) -> str:
    """What changes of the page, as HTML; `results` is what `start_results` gives."""
    headline, shown = results
    scanning = "" if known.is_ready else "<p>Scanning the results folder …</p>"
    return f"<h1>{headline}</h1>{scanning}{running_part(known.running, known.state)}{shown}"


def start_results(known: Known, source: Source) -> tuple[str, str]:
    """What it says of the ledger's state: the headline and the rest, as HTML."""
    state = known.state
    owners = list(state.owners.values())
    wrong = wrong_now(owners, state.notifications)
    repositories = source.repositories()
    runs = _runs_part(run_table(owners, state.branches, repositories), known)
    return (
        escape(_headline(known, wrong)),
        f"{_wrong_part(wrong, source)}{runs}{change_table(owners, repositories)}",
    )


def _headline(known: Known, wrong: Wrong) -> str:
    critical, warnings = (wrong.count(severity) for severity in SEVERITIES)
    counts = [f"{critical} critical"] if critical else []
    if warnings:
        counts.append(f"{warnings} warning{'s' if warnings > 1 else ''}")
    if counts:
        return ", ".join(counts)
    return "Nothing is wrong" if known.state.commits else "Nothing yet"


def _runs_part(table: str, known: Known) -> str:
    if table:
        return f'{table}<p><a href="benchmarks">All benchmarks</a></p>'
    return (
        "<h2>No runs yet</h2><p>Copy a result file of a benchmark tool into "
        f"<code>{escape(known.results_dir)}</code>, or run a benchmark with "
        "<code>benchmark-exporter run</code>. It appears here within seconds. A file that cannot "
        f'be read is listed under <a href="files">Files</a> with the reason.</p>'
    )


def _wrong_part(wrong: Wrong, source: Source) -> str:
    entries: list[WrongGroup | OtherAlert] = [*wrong.groups, *wrong.others]
    if not entries:
        return ""
    entries.sort(key=lambda entry: entry.severity != "critical")
    items = "".join(
        _group(each, source, folded=number >= ENTRIES_OPEN)
        if isinstance(each, WrongGroup)
        else _other(each, source, wrong.benchmarks, folded=number >= ENTRIES_OPEN)
        for number, each in enumerate(entries[:ENTRIES_SHOWN])
    )
    return (
        '<section aria-labelledby="wrong"><h2 id="wrong">Wrong now</h2>'
        f'{_extent(wrong) if len(entries) > ENTRIES_OPEN else ""}<ul class="entries">{items}</ul>'
        f"{_beyond(entries[ENTRIES_SHOWN:])}{_further(source.links)}</section>"
    )


def _extent(wrong: Wrong) -> str:
    """How far it goes, where the entries that are open do not say it."""
    benchmarks = sum(len(group.benchmarks) for group in wrong.groups)
    projects = len({group.project for group in wrong.groups})
    counts = (
        (benchmarks, "benchmark is wrong", "benchmarks are wrong"),
        (projects, "project", "projects"),
    )
    said = " in ".join(f"{n:,} {one if n == 1 else more}" for n, one, more in counts if n)
    return f'<p><a href="benchmarks">{said}</a></p>' if said else ""


def _beyond(entries: Sequence[WrongGroup | OtherAlert]) -> str:
    """What has no entry of its own any more, each in a line to unfold."""
    if not entries:
        return ""
    lines = [f"<li>{_line(each)}</li>" for each in entries[:LINES_SHOWN]]
    if (more := len(entries) - LINES_SHOWN) > 0:
        lines.append(f'<li><a href="benchmarks">{more} more</a></li>')
    return (
        f'<details id="beyond"><summary>{len(entries)} more</summary>'
        f"<ul>{''.join(lines)}</ul></details>"
    )


def _line(entry: WrongGroup | OtherAlert) -> str:
    severity = f'<span class="badge {entry.severity}">{entry.severity}</span>'
    if isinstance(entry, OtherAlert):
        return f"{severity} {_title_of_alert(entry)}"
    scope = {"project": entry.project, "branch": entry.branch}
    query = urlencode({name: value for name, value in scope.items() if value})
    return f"{severity} {link(f'benchmarks?{query}', _title(entry))}"


def _further(links: Links) -> str:
    """Where alerts are seen from other sides."""
    urls = links.urls
    found = []
    if "grafana" in urls:
        found.append(link(f"{urls['grafana']}/d/alerts", "Alerts in Grafana"))
    if "alertmanager" in urls:
        found.append(link(f"{urls['alertmanager']}/#/alerts", "Alertmanager"))
    if "prometheus" in urls:
        address = f"{urls['prometheus']}/graph?{urlencode({'g0.expr': 'ALERTS', 'g0.tab': '1'})}"
        found.append(link(address, "ALERTS in Prometheus"))
    return f"<p>{' · '.join(found)}</p>" if found else ""


def _group(group: WrongGroup, source: Source, *, folded: bool) -> str:
    scopes = {each.scope for each in group.benchmarks}
    place = f' <span class="quiet">in {_place(min(scopes, key=lambda scope: scope.key))}</span>'
    moved, newest = "moved" if group.is_shifted else "", sorted(group.commits)[:1]
    key = "|".join((group.project, group.branch, group.since_commit, moved, *newest))
    return _entry(
        group.severity,
        key,
        escape(_title(group)),
        f"{_commits(group, source)}{place if len(scopes) == 1 else ''}",
        f"{_listed([_benchmark(each, where=len(scopes) > 1) for each in group.benchmarks])}"
        f"<p>{_runbooks(group.runbooks, source, firing=group.firing)}{_triage(group)}</p>",
        folded=folded,
    )


def _title(group: WrongGroup) -> str:
    branch = f", {group.branch}" if group.branch else ""
    return f"{group.project}{branch}: {group.count}"


def _entry(severity: str, key: str, title: str, about: str, body: str, *, folded: bool) -> str:
    """An entry of HTML, of which only the title is open if it is folded."""
    head = f'<span class="badge {severity}">{severity}</span> <strong>{title}</strong>'
    about = about.strip()
    if folded:
        about = f"<p>{about}</p>" if about else ""
        content = f'<details class="folded"><summary>{head}</summary>{about}{body}</details>'
    else:
        content = f"<p>{head} {about}</p>{body}" if about else f"<p>{head}</p>{body}"
    return f'<li class="entry {severity}" data-key="{escape(key)}">{content}</li>'


def _commits(group: WrongGroup, source: Source) -> str:
    """The last good commit, and that of the newest runs if they are of one."""
    repository = source.repositories().of(group.project)
    good, newest = group.since_commit, sorted(group.commits)
    since = f" since commit {commit(good, repository)}" if good else ""
    if len(newest) != 1:
        return since
    to_newest = compared(good, newest[0], repository)
    return f"{since}, newest run of {commit(newest[0], repository)}{to_newest}"


def _benchmark(wrong: WrongBenchmark, *, where: bool) -> str:
    scope = wrong.scope
    details = filter(None, (escape(", ".join(wrong.variants)), _place(scope) if where else ""))
    quiet = f'<span class="quiet">{" · ".join(details)}</span>'
    address = benchmark_address(scope, wrong.benchmark)
    return f"<li>{link(address, wrong.benchmark)} {badge(wrong.said)} {quiet}</li>"


def _place(scope: Scope) -> str:
    return escape(", ".join(filter(None, (scope.environment, scope.machine_class))))


def _listed(items: Sequence[str]) -> str:
    """The first items, and the rest to unfold."""
    first, rest = items[:BENCHMARKS_OPEN], items[BENCHMARKS_OPEN:BENCHMARKS_LISTED]
    more = ""
    if rest:
        beyond = len(items) - BENCHMARKS_LISTED
        further = f'<li><a href="benchmarks">{beyond} more</a></li>' if beyond > 0 else ""
        more = (
            f"<details><summary>{len(items) - BENCHMARKS_OPEN} more</summary>"
            f"<ul>{''.join(rest)}{further}</ul></details>"
        )
    return f"<ul>{''.join(first)}</ul>{more}"


def _runbooks(names: Iterable[str], source: Source, firing: Container[str] = ()) -> str:
    """Links to runbooks, which are named like alerts; those of `firing` alerts say so."""
    links = [
        f"{link(f'runbooks/{name}', name)}{' (fires)' if name in firing else ''}"
        for name in names
        if source.has_runbook(name)
    ]
    return f"Runbook: {', '.join(links)}" if links else ""


def _triage(group: WrongGroup) -> str:
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
    page_link = (
        f" · {link(triage_address(scope, group.since_commit, name), 'Triage')}"
        if len(scopes) == 1
        else " · Triage"
    )
    # Options are not broken at their hyphens, so that they can be copied.
    words = " ".join(
        f'<span class="value">{escape(shlex.quote(word))}</span>'
        if word.startswith("-")
        else escape(shlex.quote(word))
        for word in command
    )
    return f"{page_link}: <code>{words}</code>"


def _other(
    other: OtherAlert, source: Source, benchmarks: Mapping[str, str], *, folded: bool
) -> str:
    items = [
        f"<li>{escape(with_spaced_units(each.summary))} {_of_alert(each, benchmarks)}</li>"
        for each in other.notifications
    ]
    return _entry(
        other.severity,
        f"{other.alertname}|{other.project}",
        _title_of_alert(other),
        "",
        f"{_listed(items)}<p>{_runbooks([other.alertname], source)}</p>",
        folded=folded,
    )


def _title_of_alert(other: OtherAlert) -> str:
    project = f"{other.project}: " if other.project else ""
    count = len(other.notifications)
    return escape(f"{project}{other.alertname}{f' × {count}' if count > 1 else ''}")


def _of_alert(alert: Notification, benchmarks: Mapping[str, str]) -> str:
    if not alert.benchmark:
        return ""
    scope = Scope(alert.project, alert.environment, alert.machine_class, alert.branch)
    benchmark = benchmarks.get(alert.benchmark, alert.benchmark)
    return link(benchmark_address(scope, benchmark), alert.benchmark)
