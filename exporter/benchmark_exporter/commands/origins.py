"""Where what the stream reports comes from, in as few words as tell it apart."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from benchmark_exporter.stream.messages import (
    GateNews,
    Hello,
    Metrics,
    Progress,
    RunNews,
    ScopeNews,
    VerdictNews,
)

# Verdicts by what they say of a result; with too few runs, they say nothing.
WORSE, GOOD = frozenset({"warning", "critical"}), frozenset({"ok", "improved"})

_Scope = tuple[str, ...]


class Origins:
    """The branches and machine classes that were seen: one that is the only one is not named.

    It also knows the newest run of each benchmark, since a run is sent again when its verdict or
    the state of its regression changes, and which results are worse, to notice that one is good
    again.
    """

    def __init__(self) -> None:
        self._branches: set[str] = set()
        self._machine_classes: set[str] = set()
        self._runs: dict[_Scope, RunNews] = {}
        self._worse: dict[_Scope, set[str]] = {}

    def note(self, metrics: Metrics) -> None:
        """Learns from a message where there are results of."""
        if isinstance(metrics, Hello):
            if metrics.snapshot is not None:
                for progress in metrics.snapshot.running:
                    self.note(progress)
                for run in metrics.snapshot.runs:
                    self.note(run)
                    self.is_new(run)
        elif isinstance(metrics, Progress | RunNews | GateNews):
            if metrics.branch:
                self._branches.add(metrics.branch)
            if not isinstance(metrics, Progress):
                self._machine_classes.add(metrics.machine_class)

    def is_new(self, run: RunNews) -> bool:
        """Whether the run, as it was measured, is not the newest one of its benchmark so far."""
        scope = _scope_of(run)
        before = self._runs.get(scope)
        self._runs[scope] = run
        return before is None or _measured(before) != _measured(run)

    def good_again(self, run: RunNews) -> Sequence[VerdictNews]:
        """The verdicts of a run on results that were worse until now; each is returned once."""
        worse = self._worse.setdefault(_scope_of(run), set())
        again = []
        for verdict in run.verdicts:
            if verdict.state in WORSE:
                worse.add(verdict.name)
            elif verdict.name in worse:
                worse.remove(verdict.name)
                if verdict.state in GOOD:
                    again.append(verdict)
        return again

    def newest(self, gate: GateNews) -> RunNews | None:
        """The run that a gate's outcome is of, if it was seen and is the newest."""
        run = self._runs.get(
            (gate.project, gate.environment, gate.machine_class, gate.branch, gate.benchmark)
        )
        return run if run is not None and run.run_id == gate.run_id else None

    def of(self, news: ScopeNews, *, run_id: str = "") -> str:
        """In brackets: project, branch, environment, machine class and run."""
        words = (news.project, *self._branch(news), news.environment, *self._machine(news), run_id)
        return f"({', '.join(filter(None, words))})"

    def branch_of(self, news: ScopeNews) -> str:
        """The branch in brackets, after a space; empty if it is the only one."""
        return "".join(f" ({branch})" for branch in self._branch(news))

    def named(self, progress: Progress) -> Progress:
        """The progress of a run whose benchmark is named with its branch, unless it is the only."""
        if not progress.branch or len(self._branches) < 2:
            return progress
        return replace(progress, benchmark=f"{progress.benchmark} ({progress.branch})")

    def _branch(self, news: ScopeNews) -> Iterator[str]:
        if len(self._branches) > 1 and news.branch:
            base = news.base_branch if isinstance(news, RunNews) else news.branch
            yield news.branch if news.branch == base else f"{news.branch} against {base}"

    def _machine(self, news: ScopeNews) -> Iterator[str]:
        if len(self._machine_classes) > 1:
            yield news.machine_class or "unknown machine"


def _scope_of(run: RunNews) -> _Scope:
    return run.project, run.environment, run.machine_class, run.branch, run.benchmark


def _measured(run: RunNews) -> RunNews:
    """The run without what the exporter says about it."""
    return replace(run, verdicts=())
