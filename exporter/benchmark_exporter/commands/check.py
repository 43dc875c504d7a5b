"""What a file would be ingested as, or exactly why not: the words behind `benchmark-exporter check`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmark_exporter.config import Config
from benchmark_exporter.formats import Origin, parse_sidecar
from benchmark_exporter.ingest.inbox import SUFFIX, Inbox
from benchmark_exporter.ingest.result_files import read_document
from benchmark_exporter.model import (
    Baseline,
    Document,
    PipelineRun,
    Rejected,
    Result,
    Run,
    Statistics,
)
from benchmark_exporter.regression import Policy, check_gate
from benchmark_exporter.wording import with_unit


def check_file(path: Path, config: Config) -> tuple[bool, list[str]]:
    """Whether a file would be accepted, and the lines that say what of it, by the same steps that ingest takes."""
    try:
        lines = list(_lines(path.absolute(), config))
    except FileNotFoundError:
        return False, [f"{path}: rejected: there is no such file"]
    except Rejected as rejected:
        return False, [f"{path}: rejected: {rejected}"]
    lines = [f"{path}: {line}" if index == 0 else f"  {line}" for index, line in enumerate(lines)]
    if not path.name.endswith(SUFFIX) or path.name.startswith("."):
        lines.append(
            f"  under this name it would not be looked at: only names that end in {SUFFIX} and begin with no dot are"
        )
    return True, lines


def _lines(path: Path, config: Config) -> Iterator[str]:
    inbox = Inbox(path.parent, config.max_file_bytes)
    candidate = inbox.candidate(path)
    if candidate.is_sidecar:
        said = parse_sidecar(
            inbox.read(candidate), Origin(config.zone, candidate.mtime_ns / 1e9)
        ).sidecar
        yield f"side file of {candidate.document_name}"
        named = {
            name: value
            for name in said.__struct_fields__
            if (value := getattr(said, name)) is not None
        }
        if said.machine is not None:
            named["machine"] = said.machine.to_machine().class_name
        yield ", ".join(f"{name} {value}" for name, value in named.items()) or "says nothing"
        return
    document, side = read_document(inbox, candidate, config.zone)
    yield from _describe(document, config)
    if side is not None:
        yield f"with its side file {side.name}"


def _describe(document: Document, config: Config) -> Iterator[str]:
    if isinstance(document, Baseline):
        yield f"{document.format} document, a baseline of {', '.join(document.benchmarks)}: recorded as such, no run"
        return
    made = datetime.fromtimestamp(document.timestamp_seconds, UTC).isoformat(
        sep=" ", timespec="seconds"
    )
    yield f"{document.format} document, run {document.run_id} of {made}"
    if isinstance(document, PipelineRun):
        outcome = "passed" if document.passed else "failed"
        yield f"pipeline {document.pipeline} on {document.branch}, by {document.trigger}: {outcome}"
    else:
        yield from _describe_run(document, config, config.policy)


def _describe_run(run: Run, config: Config, policy: Policy) -> Iterator[str]:
    environment = run.environment or config.environment
    yield f"project {run.project or config.project}, environment {environment}, commit {run.commit_hash or '-'}"
    if run.machine_class:
        yield f"machine {run.machine_class}"
    for result in run.results:
        yield f"{result.name}: {', '.join(_values(result))}"
    for failure in run.failures:
        yield f"{failure.benchmark}: failed: {' '.join(failure.error.split())}"
    for comparison in run.comparisons:
        gate_outcome = check_gate(comparison, policy, environment)
        failed = ", ".join(name for name, passed in gate_outcome.criteria.items() if not passed)
        gate = (
            "passes its gate"
            if gate_outcome.passed
            else f"fails its gate{f' ({failed})' if failed else ''}"
        )
        severity = "" if gate_outcome.severity is None else f": {gate_outcome.severity} regression"
        yield f"{comparison.benchmark}: speedup p50 {comparison.speedup_p50_ratio:.2f}x, {gate}{severity}"


def _values(result: Result) -> Iterator[str]:
    for name in Statistics.__struct_fields__:
        value = getattr(result.statistics, name)
        if value is not None:
            yield f"{name} {with_unit(value, result.unit)}"
    if result.sample_count is not None:
        yield f"{result.sample_count} samples"
    if not result.is_execution_time:
        yield (
            "it is not known which is better"
            if result.better is None
            else f"{result.better} is better"
        )
