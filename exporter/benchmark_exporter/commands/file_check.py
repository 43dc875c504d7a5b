"""What a file would be ingested as, or exactly why not."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmark_exporter.config import Config
from benchmark_exporter.formats import (
    HEAD_BYTES,
    Origin,
    is_written_as_measured,
    parse_sidecar,
)
from benchmark_exporter.ingest.branches import USUAL_DEFAULTS, without_prefix
from benchmark_exporter.ingest.folder_walk import READ_FOLDER, is_read
from benchmark_exporter.ingest.inbox import Inbox
from benchmark_exporter.ingest.naming import KnownExecutables, applied_aliases, named
from benchmark_exporter.ingest.reading import wait_seconds
from benchmark_exporter.ingest.result_files import read_document
from benchmark_exporter.ingest.suffixes import SUFFIXES
from benchmark_exporter.model import (
    Baseline,
    Comparison,
    Document,
    PipelineRun,
    Rejected,
    Result,
    Run,
    Statistics,
)
from benchmark_exporter.names import Aliases
from benchmark_exporter.regression import Policy, check_gate
from benchmark_exporter.wording import with_unit

_HOUR_SECONDS = 3600.0
RESULTS_FOLDER = "results"  # as it is called unless a setting says otherwise


def check_file(path: Path, config: Config) -> tuple[bool, list[str]]:
    """Whether a file would be accepted, and what it is in lines, by the same steps as ingest."""
    try:
        lines = list(_lines(path.absolute(), config))
    except FileNotFoundError:
        return False, [f"{path}: rejected: there is no such file"]
    except Rejected as rejected:
        if rejected.reason == "truncated":
            seconds = wait_seconds(is_measuring=is_written_as_measured(_beginning(path)))
            how_long = f"{seconds / 60:.0f} minutes"
            if seconds >= _HOUR_SECONDS:
                how_long = f"{seconds / _HOUR_SECONDS:.0f} hours"
            waits = (
                "it is ingested when its tool is done, and rejected if it does not change for "
                f"{how_long}"
            )
            return False, [f"{path}: incomplete: {rejected.detail}; {waits}"]
        return False, [f"{path}: rejected: {rejected}"]
    # Each is one line, whatever texts of the document are in it.
    lines = [f"{path}: {line}" if index == 0 else f"  {line}" for index, line in enumerate(lines)]
    if not path.name.endswith(SUFFIXES) or path.name.startswith("."):
        lines.append(
            "  under this name it would be ignored: "
            f"names must end in {' or '.join(SUFFIXES)} and must not begin with a dot"
        )
    if hidden := [part for part in _below_results(path) if not is_read(part)]:
        lines.append(
            f"  in a results folder it would be ignored below {hidden[0]}: names of folders must "
            f"not begin with a dot, except {READ_FOLDER}"
        )
    return True, lines


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _below_results(path: Path) -> list[str]:
    """The folders of a file in the results folder, as far as its path shows where that is."""
    folders = [part for part in path.parts[:-1] if part not in (".", "..")]
    if RESULTS_FOLDER in folders:
        return folders[folders.index(RESULTS_FOLDER) + 1 :]
    return [] if path.is_absolute() else folders


def _root(path: Path) -> Path:
    """The results folder, as far as the path shows it: tools name benchmarks by folders below it.

    Otherwise it is the working directory, or the file's own folder outside of that.
    """
    roots = [folder for folder in path.parents if folder.name == RESULTS_FOLDER]
    if roots:
        return roots[-1]
    return Path.cwd() if path.is_relative_to(Path.cwd()) else path.parent


def _lines(path: Path, config: Config) -> Iterator[str]:
    inbox = Inbox(_root(path), config.max_file_bytes)
    candidate = inbox.candidate(path)
    if candidate.is_sidecar:
        stated = parse_sidecar(
            inbox.read(candidate), Origin(config.zone, candidate.mtime_ns / 1e9)
        ).sidecar
        yield f"sidecar of {Path(candidate.document_names[0]).name}"
        named = {
            name: value
            for name in stated.__struct_fields__
            if (value := getattr(stated, name)) is not None
        }
        if stated.machine is not None:
            named["machine"] = stated.machine.to_machine().class_name
        yield ", ".join(f"{name} {value}" for name, value in named.items()) or "states nothing"
        return
    document, sidecar = read_document(inbox, candidate, config.zone)
    yield from _describe(document, config)
    if sidecar is not None:
        yield f"with its sidecar {Path(sidecar.name).name}"


def _describe(document: Document, config: Config) -> Iterator[str]:
    if isinstance(document, Baseline):
        benchmarks = ", ".join(document.benchmarks)
        yield f"{document.format} document, a baseline of {benchmarks}: recorded, but not as a run"
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
    project, commit = run.project or config.project, run.commit_hash or "-"
    yield f"project {project}, environment {environment}, commit {commit}"
    if run.machine_class:
        yield f"machine {run.machine_class}"
    yield from run.notes
    if run.executable:
        yield f"executable {run.executable}, which precedes names that another one has already"
    stated, run = run, named(run, project, KnownExecutables(), Aliases(config.aliases))
    for old, new in applied_aliases(stated, run):
        yield f"{old}: goes on as {new}, by an alias of config.yaml"
    limits, branch = config.limits_for, without_prefix(run.branch)
    where = (
        *(project, environment, run.machine_class),
        branch or config.default_branch or USUAL_DEFAULTS[0],
    )
    for result in run.results:
        name = limits.of((*where, result.name, result.unit)).name
        judged_by = [f"judged by {name}"] if name else []
        yield f"{result.name}: {', '.join([*_values(result), *judged_by])}"
    for failure in run.failures:
        yield f"{failure.benchmark}: failed: {' '.join(failure.error.split())}"
    for comparison in run.comparisons:
        yield _gate(comparison, policy, environment)


def _gate(comparison: Comparison, policy: Policy, environment: str) -> str:
    gate_outcome = check_gate(comparison, policy, environment)
    missed = ", ".join(name for name, passed in gate_outcome.criteria.items() if not passed)
    failed = f"fails its gate{f' ({missed})' if missed else ''}"
    gate = "passes its gate" if gate_outcome.passed else failed
    severity = "" if gate_outcome.severity is None else f": {gate_outcome.severity} regression"
    speedup = f"speedup p50 {comparison.speedup_p50_ratio:.2f}x"
    return f"{comparison.benchmark}: {speedup}, {gate}{severity}"


def _values(result: Result) -> Iterator[str]:
    for name in Statistics.__struct_fields__:
        value = getattr(result.statistics, name)
        if value is not None:
            yield f"{name} {with_unit(value, result.unit)}"
    if result.sample_count is not None:
        yield f"{result.sample_count} sample{'' if result.sample_count == 1 else 's'}"
    if not result.is_execution_time:
        yield ("has no known direction" if result.better is None else f"{result.better} is better")
