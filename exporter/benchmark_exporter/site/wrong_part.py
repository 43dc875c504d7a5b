"""What is wrong now, on the start page: an entry for each group and each other alert."""

import shlex
from collections.abc import Container, Iterable, Mapping, Sequence
from html import escape
from urllib.parse import urlencode

from benchmark_exporter.links import Links
from benchmark_exporter.model import Notification, Scope
from benchmark_exporter.site.addresses import (
    benchmark_address,
    link,
    runbook_address,
    triage_address,
)
from benchmark_exporter.site.cells import badge
from benchmark_exporter.site.commits import commit, compared
from benchmark_exporter.site.known import Source
from benchmark_exporter.site.wrong import OtherAlert, Wrong, WrongBenchmark, WrongGroup
from benchmark_exporter.texts.say import Say
from benchmark_exporter.wording import with_spaced_units

ENTRIES_OPEN, ENTRIES_SHOWN, LINES_SHOWN = 5, 20, 50
BENCHMARKS_OPEN, BENCHMARKS_LISTED = 3, 50


def wrong_part(wrong: Wrong, source: Source, say: Say) -> str:
    """A section of HTML, the critical entries first; empty if nothing is wrong."""
    entries: list[WrongGroup | OtherAlert] = [*wrong.groups, *wrong.others]
    if not entries:
        return ""
    entries.sort(key=lambda entry: entry.severity != "critical")
    items = "".join(
        _group(each, source, say, folded=number >= ENTRIES_OPEN)
        if isinstance(each, WrongGroup)
        else _other(each, source, wrong.benchmarks, say, folded=number >= ENTRIES_OPEN)
        for number, each in enumerate(entries[:ENTRIES_SHOWN])
    )
    return (
        f'<section aria-labelledby="wrong"><h2 id="wrong">{say("Wrong now")}</h2>'
        f"{_extent(wrong, say)}"
        f'<ul class="entries">{items}</ul>{_beyond(entries[ENTRIES_SHOWN:], say)}'
        f"{_further(source.links, say)}</section>"
    )


def _extent(wrong: Wrong, say: Say) -> str:
    """What the headline counts, and how many benchmarks it is about; nothing of alerts alone."""
    benchmarks = sum(len(group.benchmarks) for group in wrong.groups)
    if not benchmarks:
        return ""
    of = say.counted(benchmarks, "{count} benchmark is wrong", "{count} benchmarks are wrong")
    projects = say.counted(
        len({group.project for group in wrong.groups}),
        "{wrong} in {count} project",
        "{wrong} in {count} projects",
        wrong=of,
    )
    how = say(
        "Each problem is what one commit broke, or alerts of one name. In all, {extent}.",
        extent=link("benchmarks", projects),
    )
    return f"<p>{how}</p>"


def _beyond(entries: Sequence[WrongGroup | OtherAlert], say: Say) -> str:
    """What has no entry of its own any more, each in a line to unfold."""
    if not entries:
        return ""
    lines = [f"<li>{_line(each, say)}</li>" for each in entries[:LINES_SHOWN]]
    if (more := len(entries) - LINES_SHOWN) > 0:
        lines.append(f"<li>{link('benchmarks', say('{count} more', count=more))}</li>")
    return (
        f'<details id="beyond"><summary>{say("{count} more", count=len(entries))}</summary>'
        f"<ul>{''.join(lines)}</ul></details>"
    )


def _line(entry: WrongGroup | OtherAlert, say: Say) -> str:
    severity = f'<span class="badge {entry.severity}">{entry.severity}</span>'
    if isinstance(entry, OtherAlert):
        return f"{severity} {_title_of_alert(entry)}"
    return f"{severity} {link(_benchmarks_of(entry), _title(entry, say))}"


def _benchmarks_of(group: WrongGroup) -> str:
    """The list of the benchmarks of its project and branch, where its own come first."""
    scope = {"project": group.project, "branch": group.branch}
    return f"benchmarks?{urlencode({name: value for name, value in scope.items() if value})}"


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


def _group(group: WrongGroup, source: Source, say: Say, *, folded: bool) -> str:
    scopes = {each.scope for each in group.benchmarks}
    about = _commits(group, source, say)
    if len(scopes) == 1:
        place = say("in {place}", place=_place(next(iter(scopes))))
        about += f' <span class="quiet">{place}</span>'
    benchmarks = [_benchmark(each, say, where=len(scopes) > 1) for each in group.benchmarks]
    moved, newest = "moved" if group.is_shifted else "", sorted(group.commits)[:1]
    return _entry(
        group.severity,
        "|".join((group.project, group.branch, group.since_commit, moved, *newest)),
        escape(_title(group, say)),
        about,
        f"{_listed(benchmarks, say, _benchmarks_of(group))}"
        f"<p>{_runbooks(group.runbooks, source, say, group.firing)}{_triage(group, say)}</p>",
        folded=folded,
    )


def _title(group: WrongGroup, say: Say) -> str:
    where = ", ".join(part for part in (group.project, group.branch) if part)
    return say("{where}: {count}", where=where, count=_extent_of(group, say))


def _extent_of(group: WrongGroup, say: Say) -> str:
    """How much is wrong, like `14 results are worse, 1 gate failed`."""
    worse = sum(len(each.verdicts) for each in group.benchmarks)
    gates = sum(each.gate is not None for each in group.benchmarks)
    failed = sum(each.failed for each in group.benchmarks)
    said = []
    if worse and group.is_shifted:
        said.append(
            say.counted(
                worse,
                "{count} result is worse with their environment",
                "{count} results are worse with their environment",
            )
        )
    elif worse:
        said.append(say.counted(worse, "{count} result is worse", "{count} results are worse"))
    if gates:
        said.append(say.counted(gates, "{count} gate failed", "{count} gates failed"))
    if failed:
        said.append(
            say.counted(
                failed,
                "{count} benchmark ended with an error",
                "{count} benchmarks ended with an error",
            )
        )
    return say(", ").join(said)


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


def _commits(group: WrongGroup, source: Source, say: Say) -> str:
    """The last good commit, and that of the newest runs if they are of one."""
    repository = source.repositories().of(group.project)
    good, newest, found = group.since_commit, sorted(group.commits), []
    if good:
        found.append(say("since commit {commit}", commit=commit(good, repository)))
    if len(newest) == 1:
        found.append(say("newest run of {commit}", commit=commit(newest[0], repository)))
        found[-1] += compared(good, newest[0], repository, say)
    return say(", ").join(found)


def _benchmark(wrong: WrongBenchmark, say: Say, *, where: bool) -> str:
    scope = wrong.scope
    details = filter(None, (escape(", ".join(wrong.variants)), _place(scope) if where else ""))
    quiet = f'<span class="quiet">{" · ".join(details)}</span>'
    address = benchmark_address(scope, wrong.benchmark)
    return f"<li>{link(address, wrong.benchmark)} {badge(wrong.said(say))} {quiet}</li>"


def _place(scope: Scope) -> str:
    return escape(", ".join(filter(None, (scope.environment, scope.machine_class))))


def _listed(items: Sequence[str], say: Say, further_at: str = "") -> str:
    """The first items, and the rest to unfold, of very many a count; `further_at` has them all."""
    first, rest = items[:BENCHMARKS_OPEN], items[BENCHMARKS_OPEN:BENCHMARKS_LISTED]
    more = ""
    if rest:
        beyond = len(items) - BENCHMARKS_LISTED
        further = ""
        if beyond > 0:
            text = say("{count} more", count=f"{beyond:,}")
            further = f"<li>{link(further_at, text) if further_at else escape(text)}</li>"
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
        for shown in [link(runbook_address(name), name)]
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


def _other(
    other: OtherAlert, source: Source, benchmarks: Mapping[str, str], say: Say, *, folded: bool
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
        f"{_listed(items, say)}<p>{_runbooks([other.alertname], source, say)}</p>",
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
