"""Messages about failures, on top of every page: what it shows may be old or incomplete."""

from collections.abc import Iterator, Mapping
from html import escape

from benchmark_exporter.model import SubjectKind
from benchmark_exporter.site.addresses import link, runbook_address
from benchmark_exporter.site.known import Failures
from benchmark_exporter.site.reasons import reason
from benchmark_exporter.texts.say import Say, phrase

_KINDS: Mapping[SubjectKind, str] = {
    "benchmark": phrase("benchmark"),
    "pipeline": phrase("pipeline"),
}


def notices(failures: Failures, say: Say, root: str = "") -> str:
    """The messages as HTML; nothing while all is well."""
    items = "".join(
        f"<li><strong>{what}</strong>{rest} {link(runbook_address(runbook, root), topic)}</li>"
        for what, rest, runbook, topic in _messages(failures, say)
    )
    if failures.unopened is not None:
        why = say("There is nothing to show yet: {reason}", reason=reason(failures.unopened, say))
        items = f"<li><strong>{why}</strong></li>"
    return f'<ul class="notices" aria-label="{say("Failures")}">{items}</ul>' if items else ""


def _messages(failures: Failures, say: Say) -> Iterator[tuple[str, str, str, str]]:
    """What is wrong and what follows from it, as HTML; the runbook, and the text of its link."""
    if failures.ingest is not None:
        yield (
            say("No results are ingested: {reason}", reason=reason(failures.ingest, say)),
            say(". The exporter retries every few seconds; the results below are from before."),
            "IngestFailing",
            say("What to do about ingest"),
        )
    if failures.config is not None:
        yield (
            say("Changed settings are refused: {reason}", reason=reason(failures.config, say)),
            say(". Those before stay in effect."),
            "BenchmarkExporterConfigReloadFailed",
            say("What to do about settings"),
        )
    dropped = [
        f"{count:,} × {say(_KINDS[kind])}"
        for kind, count in (failures.dropped or {}).items()
        if count
    ]
    if dropped:
        yield (
            say("Left out of /metrics: {kinds}", kinds=say(", ").join(dropped)),
            say(
                ", the newest of them, since max_series allows {count} series.",
                count=f"{failures.max_series:,}",
            ),
            "SeriesLimitReached",
            say("What to do about the limit"),
        )
    for pair in failures.fallback_branches:
        project, branch = map(escape, pair)
        yield (
            say("{project} has no run of a tracked branch", project=project),
            say(", so {branch}, the branch with most runs, is tracked.", branch=branch),
            "NoTrackedBranch",
            say("What to do about the branch of {project}", project=pair[0]),
        )
