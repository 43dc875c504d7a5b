"""Reads result files without a ledger, by the same steps as ingest."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import tzinfo
from pathlib import Path

from benchmark_exporter.config import Config
from benchmark_exporter.formats import Origin, parse, parse_sidecar
from benchmark_exporter.ingest.branches import (
    BranchRules,
    Line,
    line_of,
    lines_of,
    without_prefix,
)
from benchmark_exporter.ingest.inbox import Candidate, Inbox
from benchmark_exporter.ingest.naming import KnownExecutables, named
from benchmark_exporter.ingest.neighbours import reader_beside
from benchmark_exporter.ingest.reading import in_sidecar
from benchmark_exporter.ledger.history import RecordedRun
from benchmark_exporter.ledger.selection import RunSelection
from benchmark_exporter.ledger.state import NewestGateOutcome
from benchmark_exporter.model import Comparison, Document, PipelineRun, Rejected, Run
from benchmark_exporter.names import Aliases
from benchmark_exporter.regression import Policy, check_gate


def read_document(
    inbox: Inbox, candidate: Candidate, zone: tzinfo
) -> tuple[Document, Candidate | None]:
    """A file's document, and the sidecar that completed it.

    Raises:
        Rejected: it cannot be ingested, or its sidecar cannot.
        FileNotFoundError: it has gone.
    """
    data = inbox.read(candidate)
    origin = Origin(
        zone,
        candidate.mtime_ns / 1e9,
        path=candidate.path,
        beside=reader_beside(inbox, candidate),
    )
    sidecar = inbox.sidecar(candidate)
    if sidecar is not None:
        try:
            origin = parse_sidecar(inbox.read(sidecar), origin)
        except Rejected as rejected:
            raise in_sidecar(rejected) from rejected
    try:
        return parse(data, origin), sidecar
    except Rejected as rejected:
        if rejected.settled is None:
            raise
        return rejected.settled, sidecar


def runs_of_files(
    paths: Iterable[Path],
    selection: RunSelection,
    config: Config,
    policy: Policy,
    reject: Callable[[Path, Exception], None],
) -> tuple[list[RecordedRun | PipelineRun], int]:
    """The runs in files and folders as the ledger would record them, and how many there are.

    Oldest first; a run that a tool's gate judged comes after the same run without the outcome. Only
    the times of the selection apply. `reject` is called for every file that cannot be read.
    """
    found: list[tuple[float, bool, Run | PipelineRun]] = []
    for inbox, candidate in _candidates(paths, config, reject):
        try:
            document, _ = read_document(inbox, candidate, config.zone)
        except (Rejected, OSError) as error:
            reject(inbox.root / candidate.path, error)
            continue
        if isinstance(document, PipelineRun):
            found.append((document.timestamp_seconds, False, document))
        elif isinstance(document, Run):
            is_judged = any(
                comparison.gate is not None and comparison.gate.passed is not None
                for comparison in document.comparisons
            )
            found.append((document.timestamp_seconds, is_judged, document))
    found.sort(key=lambda each: each[:2])
    branches = _Branches(config, (run for _, _, run in found if isinstance(run, Run)))
    executables, aliases = KnownExecutables(), Aliases(config.aliases)

    def recorded(run: Run) -> RecordedRun:
        project, line = run.project or config.project, branches.line_of(run)
        run = named(run, project, executables, aliases, tracked=line.tracked)
        return _recorded(run, config, policy, line)

    runs = [
        recorded(run) if isinstance(run, Run) else run
        for seconds, _, run in found
        if selection.since_seconds <= seconds < selection.until_seconds
    ]
    return runs, len(runs)


class _Branches:
    """The lines of runs, as they would be if all of them were in the ledger."""

    def __init__(self, config: Config, runs: Iterable[Run]) -> None:
        self._config = config
        self._rules = BranchRules(config.default_branch, tuple(config.tracked_branches))
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for run in runs:
            counts[run.project or config.project][without_prefix(run.branch)] += 1
        self._lines = {project: lines_of(self._rules, each) for project, each in counts.items()}

    def line_of(self, run: Run) -> Line:
        lines = self._lines[run.project or self._config.project]
        branch, base = without_prefix(run.branch), without_prefix(run.base_branch)
        return line_of(self._rules, lines, branch, base)


def _candidates(
    paths: Iterable[Path], config: Config, reject: Callable[[Path, Exception], None]
) -> Iterator[tuple[Inbox, Candidate]]:
    for path in map(Path.absolute, paths):
        inbox = Inbox(path if path.is_dir() else path.parent, config.max_file_bytes)
        try:
            candidates = inbox.scan() if path.is_dir() else [inbox.candidate(path)]
        except OSError as error:
            reject(path, error)
            continue
        yield from ((inbox, candidate) for candidate in candidates if not candidate.is_sidecar)


def _recorded(run: Run, config: Config, policy: Policy, line: Line) -> RecordedRun:
    environment = run.environment or config.environment
    return RecordedRun(
        row=0,
        project=run.project or config.project,
        run_id=run.run_id,
        format=run.format,
        environment=environment,
        commit_hash=run.commit_hash,
        branch=without_prefix(run.branch),
        timestamp_seconds=run.timestamp_seconds,
        ingested_seconds=run.timestamp_seconds,
        suite_duration_seconds=run.suite_duration_seconds,
        results=run.results,
        failures=run.failures,
        gate_outcomes=[
            _gate_outcome(comparison, policy, environment) for comparison in run.comparisons
        ],
        verdicts={},
        machine_class=run.machine_class,
        line=line.branch,
        tracked=line.tracked,
    )


def _gate_outcome(comparison: Comparison, policy: Policy, environment: str) -> NewestGateOutcome:
    gate_outcome = check_gate(comparison, policy, environment)
    return NewestGateOutcome(
        benchmark=comparison.benchmark,
        speedup_p50_ratio=comparison.speedup_p50_ratio,
        speedup_p95_ratio=comparison.speedup_p95_ratio,
        min_speedup_p50_ratio=gate_outcome.gate.min_speedup_p50_ratio,
        min_speedup_p95_ratio=gate_outcome.gate.min_speedup_p95_ratio,
        max_p95_seconds=gate_outcome.gate.max_p95_seconds,
        criteria=gate_outcome.criteria,
        passed=gate_outcome.passed,
        severity=gate_outcome.severity,
    )
