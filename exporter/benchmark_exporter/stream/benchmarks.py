"""The newest run of each benchmark with its results, found by benchmark, and which differ."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmark_exporter.ledger.current_state import CurrentState
from benchmark_exporter.ledger.owner_states import Owner, OwnerState
from benchmark_exporter.ledger.state import NewestGate, NewestResult, NewestRun, NewestVerdict
from benchmark_exporter.model import Scope
from benchmark_exporter.stream.shown_runs import OfBenchmark, branch_runs
from benchmark_exporter.stream.worst_first import worst_first


class Benchmark(NamedTuple):
    """What is newest of a benchmark in a scope. Verdicts are sorted worst first."""

    run: NewestRun | None
    results: Sequence[NewestResult]
    gate: NewestGate | None
    verdicts: Sequence[NewestVerdict]
    base_branch: str


class Benchmarks:
    """The benchmarks of a state, of tracked branches and of the others."""

    def __init__(self, state: CurrentState) -> None:
        self._state = CurrentState()
        # The results of a benchmark are owners of their own.
        self._owners_of: defaultdict[OfBenchmark, set[Owner]] = defaultdict(set)
        self._tracked: Counter[Scope] = Counter()
        self._branches = branch_runs(state.branches, ())
        self._branch_runs: Mapping[OfBenchmark, NewestRun] = {}
        self._branch_results: Mapping[OfBenchmark, Sequence[NewestResult]] = {}
        self.update(state)

    def differing(self, state: CurrentState) -> Sequence[OfBenchmark]:
        """The benchmarks that may differ in a newer state."""
        changed = state.owners.changed_since(self._state.owners)
        of_owners = {
            of
            for owner in changed
            for each in (self._state.owners.get(owner), state.owners.get(owner))
            if each is not None
            for of in _benchmarks_of(each)
        }
        is_same, scopes = state.branches is self._state.branches, {scope for scope, _ in of_owners}
        of_branches = (
            (run.scope, run.benchmark)
            for branches in (self._state.branches, state.branches)
            for run in branches.runs
            if not is_same or run.scope in scopes
        )
        return [*dict.fromkeys((*self._in_order(of_owners, state), *of_branches))]

    def _in_order(self, found: Iterable[OfBenchmark], state: CurrentState) -> list[OfBenchmark]:
        def position(of: OfBenchmark) -> int:
            owner = state.owners.get(_owner_of(of))
            return -1 if owner is None else owner.position

        return sorted(found, key=position)

    def update(self, state: CurrentState) -> None:
        """Takes a newer state."""
        before = self._state.owners
        for owner in state.owners.changed_since(before):
            known, now = before.get(owner), state.owners.get(owner)
            for of in () if known is None else _benchmarks_of(known):
                owners = self._owners_of[of]
                owners.discard(owner)
                if not owners:
                    del self._owners_of[of]
            for of in () if now is None else _benchmarks_of(now):
                self._owners_of[of].add(owner)
            for run in () if known is None else known.runs:
                self._tracked[run.scope] -= 1
                if not self._tracked[run.scope]:
                    del self._tracked[run.scope]
            for run in () if now is None else now.runs:
                self._tracked[run.scope] += 1
        self._state = state
        # What is tracked now may not have been when its older runs came.
        self._branches = branches = branch_runs(state.branches, self._tracked)
        self._branch_runs = {(run.scope, run.benchmark): run for run in branches.runs}
        results: defaultdict[OfBenchmark, list[NewestResult]] = defaultdict(list)
        for each in branches.results:
            results[each.scope, each.result.benchmark].append(each)
        self._branch_results = results

    def get(self, of: OfBenchmark) -> Benchmark:
        """What is newest of a benchmark."""
        scope, name = of
        if scope not in self._tracked:
            branches = self._branches
            return Benchmark(
                self._branch_runs.get(of),
                self._branch_results.get(of, ()),
                branches.gates.get(of),
                branches.verdicts.get(of, ()),
                branches.base_branch(scope),
            )
        owners = [self._state.owners[owner] for owner in self._owners_of.get(of, ())]
        owners.sort(key=lambda owner: owner.position)
        own = self._state.owners.get(_owner_of(of))
        verdicts = [each for owner in owners for each in owner.verdicts if each.benchmark == name]
        results = [
            each for owner in owners for each in owner.results if each.result.benchmark == name
        ]
        return Benchmark(
            own.runs[0] if own is not None and own.runs else None,
            results,
            own.gates[0] if own is not None and own.gates else None,
            worst_first(verdicts),
            scope.branch,
        )

    def runs(self) -> Iterator[NewestRun]:
        """The newest run of each benchmark."""
        yield from self._state.runs
        yield from self._branches.runs

    def gates(self) -> Iterator[NewestGate]:
        """The newest gate outcome of each benchmark."""
        yield from self._state.gates
        yield from self._branches.gates.values()


def _benchmarks_of(owner: OwnerState) -> set[OfBenchmark]:
    return {
        *((run.scope, run.benchmark) for run in owner.runs),
        *((gate.scope, gate.outcome.benchmark) for gate in owner.gates),
        *((result.scope, result.result.benchmark) for result in owner.results),
        *((verdict.scope, verdict.benchmark) for verdict in owner.verdicts),
    }


def _owner_of(of: OfBenchmark) -> Owner:
    scope, name = of
    return "benchmark", *scope.key, name
