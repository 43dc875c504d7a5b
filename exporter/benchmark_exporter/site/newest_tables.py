"""The tables of the newest runs and of the newest change points."""

import heapq
from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import chain

from benchmark_exporter.ledger import BranchRuns
from benchmark_exporter.ledger.owner_states import OwnerState
from benchmark_exporter.ledger.state import NewestRun
from benchmark_exporter.links import Repositories, Repository
from benchmark_exporter.model import Scope
from benchmark_exporter.site.addresses import benchmark_address, link
from benchmark_exporter.site.cells import badge, moment, table
from benchmark_exporter.site.commits import commit, compared
from benchmark_exporter.stream.shown_runs import ShownRuns, branch_runs
from benchmark_exporter.stream.worst_first import verdicts_worst_first
from benchmark_exporter.texts.say import Say, phrase
from benchmark_exporter.wording import (
    Said,
    gate_said,
    level_change,
    run_said,
    speedup,
    verdict_said,
    with_unit,
)

RUNS_SHOWN, CHANGES_SHOWN = 15, 10
_OfBenchmark = tuple[Scope, str]


def run_table(
    owners: Sequence[OwnerState], branches: BranchRuns, repositories: Repositories, say: Say
) -> str:
    """The newest runs, each one a benchmark's newest; empty if there are none.

    `owners` are those of the current state, `branches` its runs of branches that are not tracked.
    """
    tracked = [run for owner in owners for run in owner.runs]
    scopes = {run.scope for run in tracked}
    others = branch_runs(branches, scopes)
    newest = heapq.nlargest(
        RUNS_SHOWN, (*tracked, *others.runs), key=lambda run: run.timestamp_seconds
    )
    shown = _shown(owners, newest, others)
    medians = _medians(shown)
    columns: dict[str, Callable[[NewestRun], str]] = {
        phrase("Benchmark"): lambda run: link(
            benchmark_address(run.scope, run.benchmark), run.benchmark
        ),
        phrase("Project"): lambda run: escape(run.scope.project),
        phrase("Branch"): lambda run: escape(_branch(run.scope, shown, say)),
        phrase("Gate and verdict"): lambda run: badge(_said_of(run, shown, say)),
        phrase("Speedup p50"): lambda run: _speedup(run, shown),
        phrase("Median"): lambda run: medians.get((run.scope, run.benchmark), ""),
        phrase("Environment"): lambda run: escape(run.scope.environment),
        phrase("Machine class"): lambda run: escape(run.scope.machine_class),
        phrase("Commit"): lambda run: commit(run.commit_hash, repositories.of(run.scope.project)),
        phrase("Run at (UTC)"): lambda run: moment(run.timestamp_seconds),
    }
    every = scopes | {run.scope for run in others.runs}
    # These tell rows apart only where there is more than one.
    for head, values in (
        ("Branch", {scope.branch for scope in every}),
        ("Machine class", {scope.machine_class for scope in every}),
    ):
        if len(values) < 2:
            del columns[head]
    rows = [[cell(run) for cell in columns.values()] for run in newest]
    return table(say("Newest runs"), [say(head) for head in columns], rows, name="newest")


def _said_of(run: NewestRun, shown: ShownRuns, say: Say) -> Said:
    """What is said of a benchmark's newest run."""
    of = run.scope, run.benchmark
    gate, verdicts = shown.gates.get(of), shown.verdicts.get(of, ())
    outcome = None if gate is None else gate.outcome
    gate_words = gate_said(None, None, say)
    if outcome is not None:
        gate_words = gate_said(outcome.passed, outcome.severity, say)
    if not verdicts:
        return run_said(run.failed, gate_words, None, say)
    worst = verdicts[0]
    triage, by = ("", "") if worst.triage is None else worst.triage.said
    said = verdict_said(worst.verdict.state, worst.verdict.worsening_ratio, triage, by, say)
    return run_said(run.failed, gate_words, said, say)


def change_table(owners: Sequence[OwnerState], repositories: Repositories, say: Say) -> str:
    """The newest change points of tracked branches; empty if there are none."""
    newest = heapq.nlargest(
        CHANGES_SHOWN,
        (change for owner in owners for change in owner.changes if change.newest),
        key=lambda change: change.at_seconds,
    )
    rows = [
        (
            escape(change.name),
            escape(project := change.scope.project),
            escape(change.scope.branch),
            escape(change.scope.environment),
            badge(
                Said(
                    level_change(change.ratio, worse=change.worse, say=say),
                    "warning" if change.worse else "good",
                )
            ),
            _range(change.previous_commit_hash, change.commit_hash, repositories.of(project), say),
            moment(change.at_seconds),
        )
        for change in newest
    ]
    heads = (
        say("Result"),
        say("Project"),
        say("Branch"),
        say("Environment"),
        say("Change"),
        say("Commits"),
        say("First run (UTC)"),
    )
    return table(say("Newest change points"), heads, rows, name="changes")


def _range(last_before: str, first_after: str, repository: Repository, say: Say) -> str:
    """The commits between which a level changed."""
    before, after = (commit(each, repository) or "?" for each in (last_before, first_after))
    return f"{before}..{after}{compared(last_before, first_after, repository, say)}"


def _shown(owners: Sequence[OwnerState], runs: Sequence[NewestRun], others: ShownRuns) -> ShownRuns:
    """These runs with their results, gates and verdicts."""
    wanted = {(run.scope, run.benchmark) for run in runs}
    results = [
        newest
        for newest in chain(*(owner.results for owner in owners), others.results)
        if (newest.scope, newest.result.benchmark) in wanted
    ]
    gates = {
        of: gate
        for owner in owners
        for gate in owner.gates
        if (of := (gate.scope, gate.outcome.benchmark)) in wanted
    }
    verdicts = verdicts_worst_first(
        newest
        for owner in owners
        for newest in owner.verdicts
        if (newest.scope, newest.benchmark) in wanted
    )
    return ShownRuns(
        runs=runs,
        results=results,
        gates=gates | others.gates,
        verdicts=verdicts | others.verdicts,
        base_branches=others.base_branches,
    )


def _medians(shown: ShownRuns) -> Mapping[_OfBenchmark, str]:
    """The medians of the times of each benchmark, by variant."""
    found: dict[_OfBenchmark, list[str]] = {}
    for newest in shown.results:
        result = newest.result
        if result.is_execution_time and result.statistics.p50 is not None:
            median = with_unit(result.statistics.p50, "seconds")
            text = f"{escape(result.variant)} {median}".strip()
            lines = found.setdefault((newest.scope, result.benchmark), [])
            lines.append(f'<span class="value">{text}</span>')
    return {of: "<br>".join(sorted(lines)) for of, lines in found.items()}


def _branch(scope: Scope, shown: ShownRuns, say: Say) -> str:
    """A branch, with the one whose history it is compared with if it has none of its own."""
    base = shown.base_branch(scope)
    if scope.branch == base:
        return scope.branch
    return say("{branch} (against {base})", branch=scope.branch, base=base)


def _speedup(run: NewestRun, shown: ShownRuns) -> str:
    gate = shown.gates.get((run.scope, run.benchmark))
    return "" if gate is None else speedup(gate.outcome.speedup_p50_ratio)
