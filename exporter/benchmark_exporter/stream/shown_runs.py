"""The newest runs that pages and streams show: of tracked branches, and of the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark_exporter.ledger import BranchRuns, NewestVerdict, State
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
    gates: Mapping[OfBenchmark, NewestGate]
    verdicts: Mapping[OfBenchmark, Sequence[NewestVerdict]]
    base_branches: Mapping[Scope, str]

    def base_branch(self, scope: Scope) -> str:
        """The branch whose history the runs of a scope are compared with."""
        return self.base_branches.get(scope, scope.branch)


def shown_runs(state: State, branches: BranchRuns) -> ShownRuns:
    """What is shown of a state, and of the branches that are not tracked."""
    # What is tracked now may not have been when its older runs came.
    tracked = {run.scope for run in state.runs}
    gates = (*state.gates, *(each for each in branches.gates if each.scope not in tracked))
    others = (each for each in branches.verdicts if each.scope not in tracked)
    return ShownRuns(
        runs=[*state.runs, *(each for each in branches.runs if each.scope not in tracked)],
        results=[*state.results, *(each for each in branches.results if each.scope not in tracked)],
        gates={(gate.scope, gate.outcome.benchmark): gate for gate in gates},
        verdicts=verdicts_worst_first((*state.verdicts, *others)),
        base_branches={
            scope: base for scope, base in branches.base_branches.items() if scope not in tracked
        },
    )
