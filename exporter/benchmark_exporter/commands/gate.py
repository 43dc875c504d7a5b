"""Judges result files where they were made, in CI, with a summary in Markdown."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmark_exporter.commands.checked_runs import CheckedRun, JudgedResult, run_results
from benchmark_exporter.commands.ci_branches import NO_BRANCHES, Branches
from benchmark_exporter.commands.gate_summary import as_markdown
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
    Rejected,
    Result,
    Run,
    Scope,
)
from benchmark_exporter.names import Aliases
from benchmark_exporter.regression import check_gate, typical
from benchmark_exporter.shifts import RunShift, extent, find_run_shift


class GateError(Exception):
    """A file cannot be judged; the message names it and the reason."""


class Gate:
    """Judges runs one after another, by their gates and against their history where there is one.

    The history is that of a ledger, which is only read, then the runs in `baseline` files, the
    oldest first, then the runs of the same branch that were judged before. In the ledger it is that
    of the run's branch if it is tracked, else that of its base branch. `branch` and `base_branch`
    are those of all runs, whatever their documents state; empty for what these state. `job` has the
    branches of the CI's job, for documents that state none.

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
        job: Branches = NO_BRANCHES,
    ) -> None:
        self._config = config
        self._branch = branch
        self._base_branch = base_branch
        self._job = job
        self._policy = config.policy
        self._limits = config.limits_for
        self._ledger = ledger
        self._executables = KnownExecutables(self._owner)
        self._aliases = Aliases(config.aliases)
        self._histories: dict[SeriesKey, tuple[SeriesState, float | None]] = {}
        for run in sorted(self._runs(baseline), key=lambda run: run.timestamp_seconds):
            self._check(run)

    def check(
        self, files: Sequence[Path], *, on_warning: bool = False, on_shift: bool = True
    ) -> tuple[bool, str]:
        """Whether the runs in files pass, and the summary in Markdown.

        A warning, which is a small regression that lasts, fails only `on_warning`; that nearly all
        results became worse alike, only `on_shift`. A suspect result, one run that is worse, fails
        nothing.

        Raises:
            GateError: a file does not hold a run that can be read.
            LedgerError: the ledger cannot be read.
        """
        checked = self.judge(files)
        passed = self.passed(checked, on_warning=on_warning, on_shift=on_shift)
        return passed, as_markdown(checked, passed=passed)

    def judge(self, files: Sequence[Path]) -> Sequence[CheckedRun]:
        """The runs in files, judged one after another. Raises what `check` raises."""
        return [self._check(run) for run in self._runs(files)]

    def passed(self, checked: Sequence[CheckedRun], *, on_warning: bool, on_shift: bool) -> bool:
        """Whether the runs pass, by the same options as of `check`."""
        limits = self._limits.default
        return not any(
            each.failed(limits, on_warning=on_warning, on_shift=on_shift) for each in checked
        )

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

    def _check(self, run: Run) -> CheckedRun:
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
        shift = find_run_shift(run_results(judged), self._limits.default) or RunShift()
        left = [
            each.verdict.worsening_ratio or 0.0
            for each in judged
            if each.verdict.state in REGRESSED and each.result.name not in shift.muted
        ]
        count = sum(each.verdict.state != "insufficient_data" for each in judged)
        reach = extent(left, count, self._limits.default)
        return CheckedRun(run, line, gate_outcomes, judged, shift, reach)

    def _judge(
        self, run: Run, scope: Scope, line: Line | None, result: Result
    ) -> JudgedResult | None:
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
        needed = limits.judgement.runs_before_verdict
        return JudgedResult(result, old, limits.applied(verdict), after, needed)

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
        branch = without_prefix(self._branch or run.branch or self._job.branch)
        base = without_prefix(self._base_branch or run.base_branch or self._job.base)
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
