"""Messages of the stream as lines for people."""

from collections.abc import Mapping
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
from benchmark_exporter.wording import (
    ENDED_WITH_ERROR,
    Kind,
    Said,
    change,
    counted,
    gate_said,
    run_said,
    speedup,
    verdict_said,
    with_spaced_units,
    with_unit,
)

# The verdicts that are reported, with their style; the others are no news.
_NEWS = {"critical": "bold red", "warning": "yellow", "improved": "green"}
_STYLES: Mapping[Kind, str] = {
    "critical": "bold red",
    "warning": "yellow",
    "undecided": "",
    "good": "green",
    "unknown": "",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A text, and how serious it is."""

    text: str
    style: str = ""


def milliseconds(ms: float) -> str:
    """A time in the words of the pages."""
    return with_unit(ms / 1e3, "seconds")


def facts(progress: Progress) -> str:
    """What is known of a run's newest iteration."""
    parts = []
    if progress.iteration is not None:
        total = "" if progress.iterations is None else f"/{progress.iterations}"
        parts.append(f"{progress.iteration}{total}")
    if progress.execution_time_ms is not None:
        parts.append(milliseconds(progress.execution_time_ms))
    if progress.memory_mb is not None:
        parts.append(with_unit(progress.memory_mb * 1e6, "bytes"))
    if progress.cpu_percent is not None:
        parts.append(f"{progress.cpu_percent:.0f}% CPU")
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
    outcome = ENDED_WITH_ERROR if run.failed else times or "no times"
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
    style = "green" if alert.status == "resolved" else "yellow"
    if alert.status == "firing" and alert.severity == "critical":
        style = "bold red"
    return Line(
        f"alert    {alert.alertname} {alert.status}: {with_spaced_units(alert.summary)}", style
    )


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
    gates = {_of(gate): gate_said(gate.passed, gate.severity) for gate in snapshot.gates}
    newest = [
        _newest(run, gates.get(_of(run), gate_said(None, None)), origins)
        for run in reversed(snapshot.runs)
        if _of(run) in gates or run.failed or not _is_quiet(run)
    ]
    failing = [] if snapshot.ingest.failure is None else [_ingest(snapshot.ingest)]
    # After a reconnection, what has become good meanwhile.
    good = [line for run in snapshot.runs for line in _good_again(run, origins)]
    return [*newest, *good, *map(_alert, snapshot.alerts), *failing]


def _of(news: RunNews | GateNews) -> tuple[str, ...]:
    return news.project, news.environment, news.machine_class, news.branch, news.benchmark


def _is_quiet(run: RunNews) -> bool:
    return all(verdict.state in ("ok", "insufficient_data") for verdict in run.verdicts)


def _verdict(verdict: VerdictNews, branch: str) -> Line:
    said = f"; {verdict.triage} by {verdict.triaged_by}" if verdict.triage else ""
    text = f"judged   {verdict.name}{branch} {verdict.state}{_than(verdict)}{said}"
    return Line(text, _NEWS[verdict.state])


def _newest(run: RunNews, gate: Said, origins: Origins) -> Line:
    """The newest run of a benchmark when the stream is joined, in the words of the pages."""
    said = run_said(run.failed, gate, _worst(run))
    return Line(f"newest   {run.benchmark} {origins.of(run)}: {said.text}", _STYLES[said.kind])


def _worst(run: RunNews) -> Said | None:
    if not run.verdicts:
        return None
    worst = run.verdicts[0]
    return verdict_said(worst.state, worst.worsening_ratio, worst.triage, worst.triaged_by)


def _gate_outcome(gate_outcome: GateNews, origins: Origins) -> Line:
    """The outcome, with the verdict if that is worse: the gate alone would say `passed`."""
    gate = gate_said(gate_outcome.passed, gate_outcome.severity)
    run = origins.newest(gate_outcome)
    worse = gate if run is None else run_said(run.failed, gate, _worst(run))
    outcome = gate.text if worse is gate else f"{gate.text}, but the run is {worse.text}"
    figures = (
        f"speedup p50 {speedup(gate_outcome.speedup_p50)}, "
        f"threshold {speedup(gate_outcome.min_speedup_p50)}"
    )
    name = f"{gate_outcome.benchmark} {origins.of(gate_outcome)}"
    return Line(f"gate     {name} {outcome}: {figures}", _STYLES[worse.kind])
