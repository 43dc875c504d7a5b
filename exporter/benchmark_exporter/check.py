"""What a file would be ingested as, or exactly why not: the words behind `benchmark-exporter check`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmark_exporter.config import Config
from benchmark_exporter.formats import parse
from benchmark_exporter.inbox import SUFFIX, Candidate, Inbox
from benchmark_exporter.model import Document, PipelineRun, Rejected, Run
from benchmark_exporter.regression import Policy, judge
from benchmark_exporter.serve import make_policy


def check_file(path: Path, config: Config) -> tuple[bool, list[str]]:
    """Whether a file would be accepted, and the lines that say what of it, by the same steps that ingest takes."""
    try:
        document = parse(Inbox(path.parent, config.max_file_bytes).read(Candidate(path.name, 0, 0, 0)))
    except FileNotFoundError:
        return False, [f"{path}: rejected: there is no such file"]
    except Rejected as rejected:
        return False, [f"{path}: rejected: {rejected}"]
    lines = [f"{path}: {line}" if index == 0 else f"  {line}" for index, line in enumerate(_describe(document, config))]
    if not path.name.endswith(SUFFIX) or path.name.startswith("."):
        lines.append(f"  under this name it would not be looked at: only names that end in {SUFFIX} and begin with no dot are")
    return True, lines


def _describe(document: Document, config: Config) -> Iterator[str]:
    made = datetime.fromtimestamp(document.timestamp_seconds, UTC).isoformat(sep=" ", timespec="seconds")
    yield f"{document.format} document, run {document.run_id} of {made}"
    if isinstance(document, PipelineRun):
        outcome = "passed" if document.passed else "failed"
        yield f"pipeline {document.pipeline} on {document.branch}, by {document.trigger}: {outcome}"
    else:
        yield from _describe_run(document, config, make_policy(config))


def _describe_run(run: Run, config: Config, policy: Policy) -> Iterator[str]:
    yield f"project {run.project or config.project}, environment {run.environment or config.environment}, commit {run.commit_hash or '-'}"
    for result in run.results:
        times = result.statistics
        yield f"{result.benchmark}/{result.variant}: p50 {times.p50_seconds * 1e3:.4g} ms, p95 {times.p95_seconds * 1e3:.4g} ms"
    for comparison in run.comparisons:
        verdict = judge(comparison, policy)
        failed = ", ".join(name for name, passed in verdict.criteria.items() if not passed)
        gate = "passes its gate" if verdict.passed else f"fails its gate{f' ({failed})' if failed else ''}"
        severity = "" if verdict.severity is None else f": {verdict.severity} regression"
        yield f"{comparison.benchmark}: speedup p50 {comparison.speedup_p50_ratio:.2f}x, {gate}{severity}"
