"""Judges result files where they were made, in CI, with a summary in Markdown."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmark_exporter.config import Config
from benchmark_exporter.ingest.branches import (
    USUAL_DEFAULTS,
    BranchRules,
    Line,
    line_of,
    lines_of,
    without_prefix,
)
from benchmark_exporter.ingest.inbox import Inbox
from benchmark_exporter.ingest.naming import KnownExecutables, named
from benchmark_exporter.ingest.result_files import read_document
from benchmark_exporter.judge import JudgeLimits, SeriesState, judge, of_another_line
from benchmark_exporter.ledger import Ledger, SeriesKey
from benchmark_exporter.model import (
    REGRESSED,
    Better,
    GateOutcome,
    Rejected,
    Result,
    Run,
    Scope,
    Verdict,
)
from benchmark_exporter.names import Aliases
from benchmark_exporter.regression import check_gate, is_environment_shift, typical
from benchmark_exporter.wording import with_unit


class GateError(Exception):
    """A file cannot be judged; the message names it and the reason."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A result's verdict, and the value it is compared with in the summary, None without one."""

    name: str
    unit: str
    old: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class _Checked:
    """A run with its gate outcomes and verdicts. In a shift the verdicts do not count.

    `line` is the branch of the ledger whose history it is judged against; None without a ledger.
    """

    run: Run
    line: Line | None
    gate_outcomes: Sequence[tuple[float, GateOutcome]]
    judged: Sequence[_Judged]
    shifted: bool

    def failed(self, *, on_warning: bool) -> bool:
        states = REGRESSED if on_warning else ("critical",)
        regressed = any(judged.verdict.state in states for judged in self.judged)
        return any(
            not gate_outcome.passed or gate_outcome.severity
            for _, gate_outcome in self.gate_outcomes
        ) or (regressed and not self.shifted)


class Gate:
    """Judges runs one after another, by their gates and against their history where there is one.

    The history is that of a ledger, which is only read, then the runs in `baseline` files, the
    oldest first, then the runs of the same branch that were judged before. In the ledger it is that
    of the run's branch if it is tracked, else that of its base branch. `branch` and `base_branch`
    are those of all runs, whatever their documents state; empty for what these state.

    Raises:
        GateError: a baseline file does not hold a run that can be read.
    """

    def __init__(
        self,
        config: Config,
        ledger: Ledger | None = None,
        baseline: Sequence[Path] = (),
        *,
        branch: str = "",
        base_branch: str = "",
    ) -> None:
        self._config = config
        self._branch = branch
        self._base_branch = base_branch
        self._policy = config.policy
        self._limits = config.limits_for
        self._ledger = ledger
        self._executables = KnownExecutables(self._owner)
        self._aliases = Aliases(config.aliases)
        self._histories: dict[SeriesKey, tuple[SeriesState, float | None]] = {}
        for run in sorted(self._runs(baseline), key=lambda run: run.timestamp_seconds):
            self._check(run)

    def check(self, files: Sequence[Path], *, on_warning: bool = False) -> tuple[bool, str]:
        """Whether the runs in files pass, and the summary in Markdown.

        A warning, which is a small regression that lasts, fails only `on_warning`.
        A suspect result, one run that is worse, fails nothing.

        Raises:
            GateError: a file does not hold a run that can be read.
            LedgerError: the ledger cannot be read.
        """
        checked = [self._check(run) for run in self._runs(files)]
        passed = not any(each.failed(on_warning=on_warning) for each in checked)
        lines = [f"## Benchmarks {'passed' if passed else 'failed'}", ""]
        return passed, "\n".join([*lines, *(line for each in checked for line in _summary(each))])

    def _runs(self, files: Sequence[Path]) -> list[Run]:
        runs = []
        for path in files:
            try:
                inbox = Inbox(path.absolute().parent, self._config.max_file_bytes)
                document, _ = read_document(
                    inbox, inbox.candidate(path.absolute()), self._config.zone
                )
            except FileNotFoundError as error:
                raise GateError(f"{path}: there is no such file") from error
            except Rejected as rejected:
                raise GateError(f"{path}: rejected: {rejected}") from rejected
            if not isinstance(document, Run):
                raise GateError(
                    f"{path}: does not hold a run; `benchmark-exporter check` shows what it is"
                )
            runs.append(document)
        return runs

    def _check(self, run: Run) -> _Checked:
        environment = run.environment or self._config.environment
        project = run.project or self._config.project
        line, branch = self._line(run, project)
        tracked = line is None or line.tracked
        run = named(run, project, self._executables, self._aliases, tracked=tracked)
        scope = Scope(project, environment, run.machine_class, branch)
        gate_outcomes = [
            (each.speedup_p50_ratio, check_gate(each, self._policy, environment))
            for each in run.comparisons
        ]
        judged = [each for result in run.results if (each := self._judge(run, scope, line, result))]
        shifted = is_environment_shift([each.verdict for each in judged], self._limits.default)
        return _Checked(run, line, gate_outcomes, judged, shifted)

    def _judge(self, run: Run, scope: Scope, line: Line | None, result: Result) -> _Judged | None:
        """None for a result without a value or a direction."""
        value, better = typical(result), result.better
        if value is None or better is None:
            return None
        key = SeriesKey.of(scope, result)
        limits = self._limits.of(key._replace(branch=self._branch_of_limits(run, line)))
        before, pinned = self._history(key, line, better, limits.judgement)
        verdict, after = judge(
            before,
            value,
            run.timestamp_seconds,
            better=better,
            limits=limits.judgement,
            pinned=pinned,
            cv_ratio=result.cv_ratio,
            samples=result.sample_count,
        )
        self._histories[key] = after, pinned
        old = verdict.reference
        if old is None and before.values:
            old = median(before.values)
        return _Judged(result.name, result.unit, old, limits.applied(verdict))

    def _branch_of_limits(self, run: Run, line: Line | None) -> str:
        """The tracked branch of the run; without a ledger, what it states."""
        if line is not None:
            return line.branch
        stated = without_prefix(self._branch or run.branch)
        return stated or self._config.default_branch or USUAL_DEFAULTS[0]

    def _line(self, run: Run, project: str) -> tuple[Line | None, str]:
        """The line of a run in the ledger, and the run's own branch.

        Without a ledger all files are one history, whatever branches they state.
        """
        if self._ledger is None:
            return None, ""
        rules = BranchRules(self._config.default_branch, tuple(self._config.tracked_branches))
        branch = without_prefix(self._branch or run.branch)
        base = without_prefix(self._base_branch or run.base_branch)
        with self._ledger.transaction() as transaction:
            lines = lines_of(rules, transaction.branches.runs_of(project))
        line = line_of(rules, lines, branch, base)
        return line, branch or line.branch

    def _owner(self, project: str, benchmark: str) -> str | None:
        if self._ledger is None:
            return None
        with self._ledger.transaction() as transaction:
            return transaction.naming.owner(project, benchmark)

    def _history(
        self, key: SeriesKey, line: Line | None, better: Better, limits: JudgeLimits
    ) -> tuple[SeriesState, float | None]:
        if key not in self._histories:
            self._histories[key] = SeriesState(), None
            if self._ledger is not None and line is not None:
                of_line = key._replace(branch=line.branch)
                with self._ledger.transaction() as transaction:
                    series = transaction.verdicts.series(of_line)
                    state = transaction.verdicts.state(of_line, series, better, limits)
                # What the base's newest runs showed confirms nothing of another branch.
                state = state if line.tracked else of_another_line(state, limits)
                self._histories[key] = state, series.pinned
        return self._histories[key]


def _summary(checked: _Checked) -> Iterator[str]:
    run = checked.run
    commit = f" of commit {_cell(run.commit_hash)}" if run.commit_hash else ""
    against = f", against {_cell(checked.line.branch)}" if checked.line is not None else ""
    yield f"Run {_cell(run.run_id)}{commit}{against}"
    yield ""
    if checked.shifted:
        yield (
            "**Environment shift**: so many results moved at once that the machine must have "
            "changed rather than the code. They do not count."
        )
        yield ""
    yield "| benchmark | old | new | Δ | noise | verdict |"
    yield "|---|--:|--:|--:|--:|---|"
    yield from map(_verdict_row, checked.judged)
    for speedup, gate_outcome in checked.gate_outcomes:
        yield _gate_row(speedup, gate_outcome)
    for failure in run.failures:
        benchmark, error = _cell(failure.benchmark), _cell(failure.error)
        yield f"| {benchmark} | | | | | **failed with an error**, {error} |"
    yield ""
    yield from _limits_applied(checked.judged)


def _limits_applied(judged: Sequence[_Judged]) -> Iterator[str]:
    """Which results were judged by an entry of `limits`, and what they would be without its cap."""
    for each in judged:
        verdict = each.verdict
        if verdict.limits:
            end = f", which caps {verdict.uncapped} at {verdict.state}" if verdict.uncapped else ""
            yield f"- {_cell(each.name)} is judged by {_cell(verdict.limits)}{end}"
    if any(each.verdict.limits for each in judged):
        yield ""


def _verdict_row(judged: _Judged) -> str:
    verdict, unit = judged.verdict, judged.unit
    old = "" if judged.old is None else _cell(with_unit(judged.old, unit))
    new = _cell(with_unit(verdict.value, unit))
    delta = f"{(verdict.value - judged.old) / abs(judged.old):+.1%}" if judged.old else ""
    noise = "" if verdict.noise_ratio is None else f"{verdict.noise_ratio:.1%}"
    within = ", within the noise" if verdict.suppressed and verdict.state == "ok" else ""
    word = _word(f"{verdict.state.replace('_', ' ')}{within}", bold=verdict.state in REGRESSED)
    return f"| {_cell(judged.name)} | {old} | {new} | {delta} | {noise} | {word} |"


def _gate_row(speedup: float, gate_outcome: GateOutcome) -> str:
    missed = ", ".join(name for name, passed in gate_outcome.criteria.items() if not passed)
    failed = not gate_outcome.passed or gate_outcome.severity is not None
    text = f"fails its gate{f' ({missed})' if missed else ''}" if failed else "passes its gate"
    least = f"≥ {gate_outcome.gate.min_speedup_p50_ratio:g}×"
    benchmark = f"{_cell(gate_outcome.benchmark)}, speedup"
    return f"| {benchmark} | {least} | {speedup:.2f}× | | | {_word(text, bold=failed)} |"


def _word(text: str, *, bold: bool) -> str:
    return f"**{text}**" if bold else text


def _cell(text: str) -> str:
    """Text of a document, escaped: it neither ends a cell nor counts as Markdown or HTML."""
    return re.sub(r"([\\`*_\[\]<>|~&])", r"\\\1", " ".join(text.split()))
