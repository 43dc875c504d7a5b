"""The newest runs that pages and streams show: of tracked branches, and of the others."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from benchmark_exporter.ledger import BranchRuns, NewestVerdict
from benchmark_exporter.ledger.current_state import CurrentState
from benchmark_exporter.ledger.state import NewestGate, NewestResult, NewestRun
from benchmark_exporter.model import Scope
from benchmark_exporter.stream.worst_first import verdicts_worst_first

OfBenchmark = tuple[Scope, str]


@dataclass(frozen=True, slots=True)
class ShownRuns:
    """The newest run of each benchmark of a scope, with its results, gate and verdicts.

    Verdicts are sorted worst first. A scope names the run's own branch, tracked or not.
    """

    runs: Sequence[NewestRun]
    results: Sequence[NewestResult]
    gates: dict[OfBenchmark, NewestGate]
    verdicts: dict[OfBenchmark, Sequence[NewestVerdict]]
    base_branches: Mapping[Scope, str]

    def base_branch(self, scope: Scope) -> str:
        """The branch whose history the runs of a scope are compared with."""
        return self.base_branches.get(scope, scope.branch)


def shown_runs(state: CurrentState) -> ShownRuns:
    """What is shown of a state, of tracked branches and of the others."""
    runs = state.runs
    others = branch_runs(state.branches, {run.scope for run in runs})
    return ShownRuns(
        runs=[*runs, *others.runs],
        results=[*state.results, *others.results],
        gates={(gate.scope, gate.outcome.benchmark): gate for gate in state.gates} | others.gates,
        verdicts=verdicts_worst_first(state.verdicts) | others.verdicts,
        base_branches=others.base_branches,
    )


def branch_runs(branches: BranchRuns, tracked: Container[Scope]) -> ShownRuns:
    """What is shown of branches that are not tracked, and were not when their runs came."""
    return ShownRuns(
        runs=[each for each in branches.runs if each.scope not in tracked],
        results=[each for each in branches.results if each.scope not in tracked],
        gates={
            (gate.scope, gate.outcome.benchmark): gate
            for gate in branches.gates
            if gate.scope not in tracked
        },
        verdicts=verdicts_worst_first(
            each for each in branches.verdicts if each.scope not in tracked
        ),
        base_branches={
            scope: base for scope, base in branches.base_branches.items() if scope not in tracked
        },
    )
