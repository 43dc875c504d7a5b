"""The start page: what is wrong now, what is running, and the newest runs."""

from html import escape

from benchmark_exporter.model import SEVERITIES
from benchmark_exporter.site.addresses import (
    link,
)
from benchmark_exporter.site.known import Known, Source
from benchmark_exporter.site.layout import page, script_texts
from benchmark_exporter.site.missing_alerts import missing_alerts
from benchmark_exporter.site.newest_tables import change_table, run_table
from benchmark_exporter.site.running import running_part
from benchmark_exporter.site.wrong import Wrong, wrong_now
from benchmark_exporter.site.wrong_part import wrong_part
from benchmark_exporter.texts.say import Say

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


def start_content(
    known: Known, results: tuple[str, str], say: Say, *, is_ingest_failing: bool
) -> str:
    """What changes of the page, as HTML; `results` is what `start_results` gives."""
    problems, shown = results
    headline = problems or escape(_nothing(known, say, is_ingest_failing=is_ingest_failing))
    scanning = "" if known.is_ready else f"<p>{say('Scanning the results folder …')}</p>"
    running = running_part(known.running, known.state, say)
    return f"<h1>{headline}</h1>{scanning}{running}{shown}"


def start_results(known: Known, source: Source, say: Say) -> tuple[str, str]:
    """What it says of the ledger's state, as HTML: a headline if something is wrong, the rest.

    It also depends on whether ingest fails: nothing is called right that is not known.
    """
    state, is_failing = known.state, source.failures().ingest is not None
    owners = list(state.owners.values())
    wrong = wrong_now(owners, state.notifications)
    repositories = source.repositories()
    runs = _runs_part(run_table(owners, state.branches, repositories, say), known, say, is_failing)
    parts = (
        wrong_part(wrong, source, say),
        missing_alerts(state.notifications, say),
        _rejected(known, say),
        runs,
        change_table(owners, repositories, say),
    )
    return escape(_problems(wrong, say)), "".join(parts)


def _problems(wrong: Wrong, say: Say) -> str:
    """How many entries follow, by their severity; empty if there are none."""
    critical, warnings = (wrong.count(severity) for severity in SEVERITIES)
    counts = [say("{count} critical", count=f"{critical:,}")] if critical else []
    if warnings:
        counts.append(say.counted(warnings, "{count} warning", "{count} warnings"))
    if not counts:
        return ""
    problems = say.counted(critical + warnings, "{count} problem", "{count} problems")
    return say("{problems}: {counts}", problems=problems, counts=say(", ").join(counts))


def _nothing(known: Known, say: Say, *, is_ingest_failing: bool) -> str:
    if not known.state.commits:
        return say("No results are ingested") if is_ingest_failing else say("Nothing yet")
    if is_ingest_failing:
        return say("Nothing was wrong when results were last ingested")
    return say("Nothing is wrong")


def _rejected(known: Known, say: Say) -> str:
    """How many files are missing in all that the page shows."""
    count = len(known.state.rejected_files)
    if not count:
        return ""
    said = say.counted(
        count,
        "{count} file is rejected: {files} has the reason and what to do.",
        "{count} files are rejected: {files} has the reasons and what to do.",
        files=link("files", say("Files")),
    )
    return f'<p id="rejected">{said}</p>'


def _runs_part(table: str, known: Known, say: Say, is_failing: bool) -> str:
    if table:
        return f"{table}<p>{link('benchmarks', say('All benchmarks'))}</p>"
    folder = f"<code>{escape(known.results_dir)}</code>"
    if is_failing:
        waits = say(
            "What is in {folder} appears here once results are ingested again.", folder=folder
        )
        return f"<h2>{say('No runs yet')}</h2><p>{waits}</p>"
    how = say(
        "Copy a result file of a benchmark tool into {folder}, or run a benchmark with {command}. "
        "It appears here within seconds. A file that cannot be read is listed under {files} with "
        "the reason.",
        folder=folder,
        command="<code>benchmark-exporter run</code>",
        files=link("files", say("Files")),
    )
    return f"<h2>{say('No runs yet')}</h2><p>{how}</p>"
