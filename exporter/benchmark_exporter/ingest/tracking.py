"""Places runs on the lines of their project, and follows how these change as runs come in."""

import logging
from typing import NamedTuple

from benchmark_exporter.ingest.branches import (
    BranchRules,
    Line,
    line_of,
    lines_of,
    without_prefix,
)
from benchmark_exporter.ledger import Ledger, Transaction
from benchmark_exporter.model import Run

log = logging.getLogger(__name__)


class Placed(NamedTuple):
    """The line of a run, and the branch that its project tracks for want of a tracked one."""

    line: Line
    fallback: str | None


class BranchTracking:
    """Which branches are tracked, by the configuration and the runs that the ledger knows."""

    def __init__(self, rules: BranchRules) -> None:
        self._rules = rules

    def place(self, transaction: Transaction, run: Run, project: str) -> Placed:
        """Where a run belongs, whether it is new or known."""
        runs = transaction.branches.runs_of(project)
        if run.branch not in runs:
            runs = {**runs, run.branch: 1}
        lines = lines_of(self._rules, runs)
        line = line_of(self._rules, lines, run.branch, without_prefix(run.base_branch))
        return Placed(line, lines.fallback)

    def count(self, transaction: Transaction, run: Run, project: str, placed: Placed) -> None:
        """Counts a new run.

        Once a project has a run of a tracked branch, the one that was tracked instead is no longer
        shown.
        """
        fallback, branches = placed.fallback, transaction.branches
        branches.add_run(project, run.branch)
        before = branches.fallback(project)
        if fallback == before:
            return
        branches.set_fallback(project, fallback)
        if before is not None and not self._rules.tracks(before):
            transaction.hide_branch(project, before)
        fields = {"project": project, "branch": fallback or placed.line.branch}
        if fallback is not None:
            log.warning(
                "no run of a tracked branch: the branch with most runs is tracked instead",
                extra={"fields": fields},
            )
        else:
            log.info("a tracked branch has runs now", extra={"fields": fields})

    def hide_untracked(self, ledger: Ledger) -> None:
        """Shows nothing more of branches that a changed configuration no longer tracks."""
        with ledger.transaction() as transaction:
            branches = transaction.branches
            for project, branch in branches.shown():
                runs = branches.runs_of(project)
                lines = lines_of(self._rules, runs)
                if runs and not (
                    self._rules.tracks(branch) or branch in (lines.default, lines.fallback)
                ):
                    transaction.hide_branch(project, branch)
