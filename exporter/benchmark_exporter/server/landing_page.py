"""The page at /: the newest run of each benchmark, what was rejected and why, and where to go."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from html import escape

from benchmark_exporter import __version__
from benchmark_exporter.links import Links
from benchmark_exporter.model import REGRESSED, SEVERITIES
from benchmark_exporter.server.status import AlertStatus, RunStatus, Status, VerdictStatus
from benchmark_exporter.wording import change, level_change

COMMIT_CHARACTERS_SHOWN = 12
ALERTS_OF_ONE_NAME, REJECTED_SHOWN = 25, 200
_PATHS = (
    ("/metrics", "all metrics"),
    ("/api/v1/status", "this page as JSON"),
    ("/api/v1/changes", "where the level of results changed, as JSON"),
    ("/api/v1/openapi.json", "the API: runs, results and comparisons of them, as JSON"),
    ("/-/healthy", "answers while the process is alive"),
    ("/-/ready", "answers once the results folder has been scanned"),
)
_PARTS = (
    ("stream", "the live page: what is running now"),
    ("grafana", "Grafana: dashboards"),
    ("prometheus", "Prometheus: queries and rules"),
    ("alertmanager", "Alertmanager: alerts and silences"),
)
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
.table { overflow-x: auto; margin-bottom: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td {
  text-align: left; vertical-align: top;
  padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8886;
}
td { font-variant-numeric: tabular-nums; }
time { white-space: nowrap; }
"""


def landing_page(status: Status, links: Links, *, ready: bool) -> str:
    """The page as HTML. `ready` says whether the results folder has been scanned."""
    scanning = "" if ready else "<p>Scanning the results folder …</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta http-equiv="refresh" content="5">'
        f"<title>benchmark-exporter</title><style>{_STYLE}</style></head><body>"
        f"<h1>benchmark-exporter {escape(__version__)}</h1>{scanning}"
        f"{_failure(status)}{_refused(status)}{_dropped(status)}{_fallback(status)}"
        f"{_alerts(status)}{_runs(status)}{_changes(status)}"
        f"{_incomplete(status)}{_rejected(status)}"
        f"{_addresses(links)}</body></html>"
    )


def _addresses(links: Links) -> str:
    # Relative, since a proxy may serve this page under a path.
    addresses = [(path.removeprefix("/"), path, what) for path, what in _PATHS]
    addresses += [
        (links.urls[part], links.urls[part], what) for part, what in _PARTS if part in links.urls
    ]
    items = (
        f'<li><a href="{escape(address)}">{escape(text)}</a> {what}</li>'
        for address, text, what in addresses
    )
    return f"<h2>Addresses</h2><ul>{''.join(items)}</ul>"


def _failure(status: Status) -> str:
    if status.failure is None:
        return ""
    return (
        f"<p><strong>No results are ingested: {escape(status.failure)}</strong>. "
        "The exporter retries every few seconds; the results below are from before. "
        '<a href="runbooks/IngestFailing">What to do</a></p>'
    )


def _refused(status: Status) -> str:
    if status.config_failure is None:
        return ""
    return (
        f"<p><strong>Changed settings are refused: {escape(status.config_failure)}</strong>. "
        "Those before stay in effect. "
        '<a href="runbooks/BenchmarkExporterConfigReloadFailed">What to do</a></p>'
    )


def _dropped(status: Status) -> str:
    dropped = [
        f"{count:,} × {escape(kind)}" for kind, count in status.subjects_dropped.items() if count
    ]
    if not dropped:
        return ""
    return (
        f"<p><strong>Left out of /metrics and of this page: {', '.join(dropped)}</strong>, the "
        f"newest of them, since max_series allows {status.max_series:,} series. "
        '<a href="runbooks/SeriesLimitReached">What to do</a></p>'
    )


def _fallback(status: Status) -> str:
    """What to say of projects without a run of a tracked branch."""
    return "".join(
        f"<p><strong>{escape(each.project)} has no run of a tracked branch</strong>, so "
        f"{escape(each.branch)}, the branch with most runs, is tracked. "
        '<a href="runbooks/NoTrackedBranch">What to do</a></p>'
        for each in status.fallback_branches
    )


def _alerts(status: Status) -> str:
    """The firing alerts, the most urgent first; of each name, as many as fit on a page."""
    by_name: dict[str, list[AlertStatus]] = {}
    for alert in status.alerts:
        # Watchdog, which always fires, has another severity.
        if alert.status == "firing" and alert.severity in SEVERITIES:
            by_name.setdefault(alert.alertname, []).append(alert)
    rows = []
    for name, alerts in by_name.items():
        title = f"<strong>{escape(name)}</strong>"
        rows += [
            (
                title,
                *_cells(alert.severity, alert.summary),
                _moment(alert.received_timestamp_seconds),
            )
            for alert in alerts[:ALERTS_OF_ONE_NAME]
        ]
        if (more := len(alerts) - ALERTS_OF_ONE_NAME) > 0:
            rows.append((title, "", f"{more} more", ""))
    return _table("Firing alerts", ("Alert", "Severity", "Summary", "Received (UTC)"), rows)


def _runs(status: Status) -> str:
    if not status.runs:
        return (
            "<p>No runs yet. Copy a result file into "
            f"<code>{escape(status.results_dir)}</code>.</p>"
        )
    columns: dict[str, Callable[[RunStatus], str]] = {
        "Benchmark": lambda run: escape(run.benchmark),
        "Project": lambda run: escape(run.project),
        "Branch": lambda run: escape(_branch(run)),
        "Environment": lambda run: escape(run.environment),
        "Machine class": lambda run: escape(run.machine_class),
        "Run": lambda run: escape(run.run_id),
        "Commit": lambda run: escape(run.commit_hash[:COMMIT_CHARACTERS_SHOWN]),
        "Run at (UTC)": lambda run: _moment(run.timestamp_seconds),
        "Speedup p50": _speedup,
        "Gate and verdict": _gate_and_verdict,
    }
    # These tell rows apart only where there is more than one.
    for head, values in (
        ("Branch", {run.branch for run in status.runs}),
        ("Machine class", {run.machine_class for run in status.runs}),
    ):
        if len(values) < 2:
            del columns[head]
    rows = [[cell(run) for cell in columns.values()] for run in status.runs]
    return _table("Newest runs", list(columns), rows)


def _changes(status: Status) -> str:
    rows = [
        (
            _moment(each.timestamp_seconds),
            *_cells(each.name, each.project, each.branch, each.environment),
            *_cells(
                level_change(each.ratio, worse=each.worse),
                f"{each.previous_commit_hash[:COMMIT_CHARACTERS_SHOWN] or '?'}.."
                f"{each.commit_hash[:COMMIT_CHARACTERS_SHOWN] or '?'}",
            ),
        )
        for each in status.changes
    ]
    heads = ("First run (UTC)", "Result", "Project", "Branch", "Environment", "Change", "Commits")
    return _table("Newest change points", heads, rows)


def _incomplete(status: Status) -> str:
    rows = [_cells(each.file, each.detail) for each in status.incomplete_files[:REJECTED_SHOWN]]
    return _table("Incomplete files, which are read again", ("File", "Why"), rows)


def _rejected(status: Status) -> str:
    rows = [
        _cells(file.file, file.reason, file.json_path, file.detail)
        for file in status.rejected_files[:REJECTED_SHOWN]
    ]
    if (more := len(status.rejected_files) - REJECTED_SHOWN) > 0:
        rows.append(_cells(f"{more} more", "", "", ""))
    return _table("Rejected files", ("File", "Reason", "JSON path", "Detail"), rows)


def _cells(*texts: str) -> tuple[str, ...]:
    return tuple(map(escape, texts))


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells in HTML; nothing if there are no rows."""
    if not rows:
        return ""
    head = "".join(f"<th>{head}</th>" for head in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f"<h2>{title}</h2><div class=table><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _moment(timestamp_seconds: float) -> str:
    moment = datetime.fromtimestamp(timestamp_seconds, UTC)
    return f"<time>{moment:%Y-%m-%d %H:%M:%S}</time>"


def _branch(run: RunStatus) -> str:
    """A branch, with the one whose history it is compared with if it has none of its own."""
    own = run.branch == run.base_branch
    return run.branch if own else f"{run.branch} (against {run.base_branch})"


def _speedup(run: RunStatus) -> str:
    return "" if run.speedup_p50_ratio is None else f"{run.speedup_p50_ratio:.2f}×"


def _gate_and_verdict(run: RunStatus) -> str:
    """The gate's outcome, and the worst verdict."""
    lines = [] if run.passed is None else [_gate(run)]
    if run.verdicts:
        lines.append(_verdict(run.benchmark, run.verdicts[0]))
    return "<br>".join(lines) or "no gate"


def _gate(run: RunStatus) -> str:
    outcome = "passed" if run.passed else "failed"
    if run.severity is None:
        return outcome
    return f"<strong>{outcome}, {run.severity} regression</strong>"


def _verdict(benchmark: str, verdict: VerdictStatus) -> str:
    state = verdict.state.replace("_", " ")
    changed = f", {change(verdict.worsening_ratio)}" if verdict.worsening_ratio else ""
    if verdict.state in REGRESSED:
        variant = verdict.name.removeprefix(benchmark).removeprefix("/")
        state = f"<strong>{escape(f'{variant} {state}'.strip())}</strong>"
    said = f", {verdict.triage} by {verdict.triaged_by}" if verdict.triage else ""
    return f"{state}{changed}{escape(said)}"
