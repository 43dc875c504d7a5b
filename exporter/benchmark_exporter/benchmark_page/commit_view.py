"""The page of a commit as HTML, for commits that lead to no repository on the web."""

from collections.abc import Callable

from benchmark_exporter.benchmark_page.addresses import address, commit_address
from benchmark_exporter.benchmark_page.benchmark_view import framed
from benchmark_exporter.benchmark_page.commit_query import CommitQuery
from benchmark_exporter.benchmark_page.commit_reading import CommitView
from benchmark_exporter.benchmark_page.markup import (
    badge,
    facts,
    link,
    short_name,
    table_of,
    text,
)
from benchmark_exporter.ledger.commit_runs import CommitResult, CommitRun
from benchmark_exporter.links import Repositories, is_hash
from benchmark_exporter.site.cells import moment
from benchmark_exporter.site.commits import commit
from benchmark_exporter.texts.say import Say
from benchmark_exporter.wording import ENDED_WITH_ERROR, Said, printable, verdict_said

_Row = tuple[CommitRun, CommitResult]

_EXAMPLE = "commit_url: https://github.com/OWNER/NAME/commit/{commit}"


def page_of(view: CommitView, query: CommitQuery, repositories: Repositories, say: Say) -> str:
    """The whole page."""
    entries = [(say("Project"), text(query.project))]
    if is_hash(query.after):
        before = link(commit_address(query.after, query.project), commit(query.after))
        entries.append((say("After commit"), before))
    body = (
        f'<h1>{say("Commit")} <code class="name">{text(query.hash)}</code></h1>'
        f"{facts(entries)}{_why_here(query, repositories, say)}"
        f"<h2>{say('Runs')}</h2>{_runs(view, say)}"
    )
    return framed(f"{say('Commit')} {printable(query.hash)}", body, say)


def _why_here(query: CommitQuery, repositories: Repositories, say: Say) -> str:
    """Why there is no link to a repository, and what to do."""
    if not is_hash(query.hash):
        why = say("This text is not the hash of a commit, so it leads to no repository.")
        return f"<p>{why}</p>"
    if query.project in repositories.by_project:
        why = say(
            "The entry of this project in {setting} of {file} has no {key}, so its commits lead "
            "to no repository.",
            setting="<code>repositories</code>",
            file="<code>config.yaml</code>",
            key="<code>commit_url</code>",
        )
        return f"<p>{why}</p>"
    how = say(
        "This address leads to the commit in its repository once {file} says where that is:",
        file="<code>config.yaml</code>",
    )
    # It scrolls on a phone, also by the keyboard.
    return f'<p>{how}</p><pre tabindex="0"><code>{text(_EXAMPLE)}</code></pre>'


def _runs(view: CommitView, say: Say) -> str:
    notes = []
    if view.has_more:
        notes.append(say("Only the newest {count} are shown.", count=len(view.rows)))
    if view.is_cut:
        notes.append(say("Older runs were not searched: that would take too long."))
    if not view.rows and not view.is_cut:
        notes.append(say("The ledger has no run of this commit."))
    columns: dict[str, Callable[[_Row], str]] = {
        say("Benchmark"): lambda row: link(
            address(row[1].benchmark, row[0].scope), short_name(row[1].benchmark)
        ),
        say("Verdict"): lambda row: _verdict(row[1], say),
        say("Run at (UTC)"): lambda row: moment(row[0].timestamp_seconds),
        say("Environment"): lambda row: text(row[0].scope.environment),
        say("Branch"): lambda row: text(row[0].stated_branch or row[0].scope.branch),
        say("Machine class"): lambda row: text(row[0].scope.machine_class),
        say("Run"): lambda row: text(row[0].run_id),
    }
    found = table_of(say("Runs of this commit"), columns, view.rows) if view.rows else ""
    return "".join(f'<p role="note">{note}</p>' for note in notes) + found


def _verdict(result: CommitResult, say: Say) -> str:
    if result.failed:
        return badge(Said(say(ENDED_WITH_ERROR), "critical"))
    if result.state is None:
        return ""
    return badge(verdict_said(result.state, result.worsening_ratio, say=say))
