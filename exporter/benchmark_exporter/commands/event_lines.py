"""Messages of the stream as lines for people."""

from dataclasses import dataclass

from benchmark_exporter.commands.origins import Origins
from benchmark_exporter.commands.stream_client import Received
from benchmark_exporter.stream.messages import (
    AlertNews,
    Gap,
    GateNews,
    Hello,
    IngestNews,
    Progress,
    RejectedFiles,
    RunNews,
    VerdictNews,
)
from benchmark_exporter.wording import change, counted

# The verdicts that are reported, with their style; the others are no news.
_NEWS = {"critical": "bold red", "warning": "yellow", "improved": "green"}


@dataclass(frozen=True, slots=True)
class Line:
    """A text, and how serious it is."""

    text: str
    style: str = ""


def milliseconds(ms: float) -> str:
    """A time with three significant digits."""
    if ms >= 1000:
        return f"{ms / 1000:.3g} s"
    return f"{ms:.3g} ms" if ms >= 1 else f"{ms * 1000:.3g} µs"


def facts(progress: Progress) -> str:
    """What is known of a run's newest iteration."""
    parts = []
    if progress.iteration is not None:
        total = "" if progress.iterations is None else f"/{progress.iterations}"
        parts.append(f"{progress.iteration}{total}")
    if progress.execution_time_ms is not None:
        parts.append(milliseconds(progress.execution_time_ms))
    if progress.memory_mb is not None:
        parts.append(f"{progress.memory_mb:.4g} MB")
    if progress.cpu_percent is not None:
        parts.append(f"{progress.cpu_percent:.0f} % CPU")
    return "  ".join(parts)


def progress_text(progress: Progress, word: str = "progress") -> str:
    """The progress or the end of a run."""
    error = f": {progress.error}" if progress.error else ""
    text = f"{word:<8} {progress.benchmark} {progress.status}  {facts(progress)}"
    return text.rstrip() + error


def lines(received: Received, origins: Origins) -> list[Line]:
    """The lines of a message; none for progress, which is shown in other ways."""
    metrics = received.metrics
    origins.note(metrics)
    match metrics:
        case RunNews():
            return _run(metrics, origins)
        case GateNews():
            return [_gate_outcome(metrics, origins)]
        case AlertNews():
            return [_alert(metrics)]
        case RejectedFiles():
            return [_rejected(metrics)]
        case IngestNews():
            return [_ingest(metrics)]
        case Gap():
            reason = metrics.reason.replace("_", " ")
            return [Line(f"gap      {metrics.dropped} messages were missed ({reason})", "yellow")]
        case Hello():
            return _snapshot(metrics, origins)
    return []


def _run(run: RunNews, origins: Origins) -> list[Line]:
    times = ", ".join(f"{variant} {milliseconds(ms)}".strip() for variant, ms in run.p50_ms.items())
    outcome = "failed with an error" if run.failed else times or "no times"
    text = f"run      {run.benchmark} {origins.of(run, run_id=run.run_id)}: {outcome}"
    branch = origins.branch_of(run)
    news = [
        *(_verdict(verdict, branch) for verdict in run.verdicts if verdict.state in _NEWS),
        *_good_again(run, origins),
    ]
    if not origins.is_new(run):
        return news
    return [Line(text, "red" if run.failed else ""), *news]


def _good_again(run: RunNews, origins: Origins) -> list[Line]:
    branch = origins.branch_of(run)
    return [
        Line(f"judged   {verdict.name}{branch} ok again{_than(verdict)}", "green")
        for verdict in origins.good_again(run)
        if verdict.state not in _NEWS  # it has a line of its own
    ]


def _than(verdict: VerdictNews) -> str:
    changed = change(verdict.worsening_ratio)
    return f", {changed} than before" if changed else ""


def _alert(alert: AlertNews) -> Line:
    firing = "bold red" if alert.severity == "critical" else "yellow"
    style = firing if alert.status == "firing" else "green"
    return Line(f"alert    {alert.alertname} {alert.status}: {alert.summary}", style)


def _rejected(rejected: RejectedFiles) -> Line:
    text = f"rejected {counted(rejected.count, 'file')} in the results folder"
    if rejected.files:
        newest = rejected.files[0]
        text += (
            f", the newest {newest.file}: {newest.reason} at {newest.json_path}: {newest.detail}"
        )
    return Line(text, "yellow" if rejected.count else "")


def _ingest(ingest: IngestNews) -> Line:
    if ingest.failure is None:
        return Line("ingest   results are ingested again", "green")
    return Line(f"ingest   no results are ingested: {ingest.failure}", "bold red")


def _snapshot(hello: Hello, origins: Origins) -> list[Line]:
    snapshot = hello.snapshot
    if snapshot is None:
        return []
    gates = [_gate_outcome(gate, origins) for gate in reversed(snapshot.gates)]
    failing = [] if snapshot.ingest.failure is None else [_ingest(snapshot.ingest)]
    # After a reconnection, what has become good meanwhile.
    good = [line for run in snapshot.runs for line in _good_again(run, origins)]
    return [*gates, *good, *map(_alert, snapshot.alerts), *failing]


def _verdict(verdict: VerdictNews, branch: str) -> Line:
    said = f"; {verdict.triage} by {verdict.triaged_by}" if verdict.triage else ""
    text = f"judged   {verdict.name}{branch} {verdict.state}{_than(verdict)}{said}"
    return Line(text, _NEWS[verdict.state])


def _gate_outcome(gate_outcome: GateNews, origins: Origins) -> Line:
    if gate_outcome.severity is not None:
        outcome = f"{gate_outcome.severity} regression"
    else:
        outcome = "passed" if gate_outcome.passed else "failed"
    if gate_outcome.severity == "critical":
        style = "bold red"
    else:
        style = "green" if gate_outcome.passed else "yellow"
    speedup = (
        f"speedup p50 {gate_outcome.speedup_p50:.3g}×, "
        f"threshold {gate_outcome.min_speedup_p50:.3g}×"
    )
    name = f"{gate_outcome.benchmark} {origins.of(gate_outcome)}"
    return Line(f"gate     {name} {outcome}: {speedup}", style)
