"""The newest state, as pages and streams read it: kept by owner, without what only scrapes show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmark_exporter.ledger.branch_runs import BranchRuns
from benchmark_exporter.ledger.change_points import ChangePoint
from benchmark_exporter.ledger.owner_states import Owner, OwnerState
from benchmark_exporter.ledger.persistent_map import PersistentMap
from benchmark_exporter.ledger.received import ReceivedNotification
from benchmark_exporter.ledger.state import (
    FallbackBranch,
    NewestGate,
    NewestResult,
    NewestRun,
    NewestVerdict,
    RejectedFile,
    Subject,
)


@dataclass(frozen=True, slots=True)
class CurrentState:
    """See State. Immutable; the next one shares with it what has not changed."""

    commits: int = 0
    owners: PersistentMap[Owner, OwnerState] = field(default_factory=PersistentMap)
    fallback_branches: Sequence[FallbackBranch] = ()
    rejected_files: Sequence[RejectedFile] = ()
    notifications: Sequence[ReceivedNotification] = ()
    branches: BranchRuns = BranchRuns()  # noqa: RUF009  # immutable

    def in_order(self) -> Sequence[OwnerState]:
        """The owners in the order of their first subjects."""
        return sorted(self.owners.values(), key=lambda owner: owner.position)

    @property
    def subjects(self) -> Sequence[Subject]:
        """The subjects, in their order."""
        return [subject for subject, _ in placed(self.owners)]

    @property
    def runs(self) -> Sequence[NewestRun]:
        """The newest run of each benchmark."""
        return [run for owner in self.in_order() for run in owner.runs]

    @property
    def results(self) -> Sequence[NewestResult]:
        """The newest of each result."""
        return [result for owner in self.in_order() for result in owner.results]

    @property
    def gates(self) -> Sequence[NewestGate]:
        """The newest gate outcome of each benchmark."""
        return [gate for owner in self.in_order() for gate in owner.gates]

    @property
    def verdicts(self) -> Sequence[NewestVerdict]:
        """The newest verdict on each result."""
        return [verdict for owner in self.in_order() for verdict in owner.verdicts]

    @property
    def changes(self) -> Sequence[ChangePoint]:
        """The change points that are shown of each result."""
        return [change for owner in self.in_order() for change in owner.changes]


def placed(owners: Mapping[Owner, OwnerState]) -> Sequence[tuple[Subject, int]]:
    """The subjects of owners with their positions, in order."""
    return sorted(
        (
            (subject, place.position)
            for owner in owners.values()
            for subject, place in owner.subjects
        ),
        key=lambda each: each[1],
    )
