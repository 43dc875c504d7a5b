"""Messages about failures, on top of every page: what it shows may be old or incomplete."""

from collections.abc import Iterator
from html import escape

from benchmark_exporter.site.known import Failures


def notices(failures: Failures, root: str = "") -> str:
    """The messages as HTML; nothing while all is well."""
    items = "".join(
        f"<li><strong>{escape(what)}</strong>{escape(rest)} "
        f'<a href="{root}runbooks/{runbook}">What to do about {escape(topic)}</a></li>'
        for what, rest, runbook, topic in _messages(failures)
    )
    if failures.unopened is not None:
        items = (
            f"<li><strong>There is nothing to show yet: {escape(failures.unopened)}</strong></li>"
        )
    return f'<ul class="notices" aria-label="Failures">{items}</ul>' if items else ""


def _messages(failures: Failures) -> Iterator[tuple[str, str, str, str]]:
    if failures.ingest is not None:
        yield (
            f"No results are ingested: {failures.ingest}",
            ". The exporter retries every few seconds; the results below are from before.",
            "IngestFailing",
            "ingest",
        )
    if failures.config is not None:
        yield (
            f"Changed settings are refused: {failures.config}",
            ". Those before stay in effect.",
            "BenchmarkExporterConfigReloadFailed",
            "settings",
        )
    dropped = [f"{count:,} × {kind}" for kind, count in (failures.dropped or {}).items() if count]
    if dropped:
        yield (
            f"Left out of /metrics: {', '.join(dropped)}",
            f", the newest of them, since max_series allows {failures.max_series:,} series.",
            "SeriesLimitReached",
            "the limit",
        )
    for project, branch in failures.fallback_branches:
        yield (
            f"{project} has no run of a tracked branch",
            f", so {branch}, the branch with most runs, is tracked.",
            "NoTrackedBranch",
            f"the branch of {project}",
        )
