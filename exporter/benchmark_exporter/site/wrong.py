"""What is wrong now, grouped so that one commit's regressions are one entry."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmark_exporter.ledger.owner_states import OwnerState
from benchmark_exporter.ledger.received import ReceivedNotification
from benchmark_exporter.ledger.state import NewestGateOutcome, NewestVerdict
from benchmark_exporter.ledger.urgency import urgent_first
from benchmark_exporter.model import (
    REGRESSED,
    SEVERITIES,
    Notification,
    Scope,
    Severity,
)
from benchmark_exporter.texts.say import ENGLISH, Say
from benchmark_exporter.wording import Said, gate_said, run_said, verdict_said

# Alerts about several results of a project at once, and whether these are shifted.
_COMMON = {"CommonRegression": False, "EnvironmentShift": True}


@dataclass(slots=True)
class WrongBenchmark:
    """A benchmark in a scope that is worse, has failed its gate or has ended with an error.

    `since_commit` is that of the last run that was not a regression, empty if there is none or
    nothing is worse. `commit` is the newest run's. `names` are the results that are worse.
    """

    scope: Scope
    benchmark: str
    commit: str = ""
    since_commit: str = ""
    verdicts: list[NewestVerdict] = field(default_factory=list)
    gate: NewestGateOutcome | None = None
    failed: bool = False
    alerts: dict[str, None] = field(default_factory=dict)

    @property
    def is_shifted(self) -> bool:
        """Whether what is worse moved with most of its environment, as after a change of it."""
        return bool(self.verdicts) and all(newest.shifted for newest in self.verdicts)

    def said(self, say: Say = ENGLISH) -> Said:
        """What is wrong with it, in words."""
        worst = max(self.verdicts, key=_badness, default=None)
        verdict = None
        if worst is not None:
            triage, by = ("", "") if worst.triage is None else worst.triage.said
            ratio = worst.verdict.worsening_ratio
            verdict = verdict_said(worst.verdict.state, ratio, triage, by, say)
        gate = gate_said(None, None, say)
        if self.gate is not None:
            gate = gate_said(self.gate.passed, self.gate.severity, say)
        return run_said(self.failed, gate, verdict, say)

    @property
    def variants(self) -> Sequence[str]:
        """Which of its results are worse, by their variants; none for one without variants."""
        names = (newest.name.removeprefix(self.benchmark) for newest in self.verdicts)
        return sorted(name.removeprefix("/") for name in names if name)

    @property
    def runbooks(self) -> Iterator[str]:
        """The runbooks of what is wrong."""
        if self.verdicts:
            yield "EnvironmentShift" if self.is_shifted else "PerformanceRegression"
        if self.gate is not None:
            yield "PerformanceGateFailed"
        if self.failed:
            yield "BenchmarkFailing"
        yield from self.alerts


@dataclass(slots=True)
class WrongGroup:
    """What one commit broke in a branch of a project; the worst benchmark first.

    `is_shifted` says that it was rather the environment: its results are not open regressions.
    """

    project: str
    branch: str
    since_commit: str
    is_shifted: bool = False
    benchmarks: list[WrongBenchmark] = field(default_factory=list)
    alerts: dict[str, None] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """That of the worst benchmark; a warning for an environment shift, as its alert says."""
        if self.is_shifted:
            return "warning"
        return "critical" if any(_is_critical(each) for each in self.benchmarks) else "warning"

    @property
    def commits(self) -> set[str]:
        """Those of the newest runs."""
        return {each.commit for each in self.benchmarks if each.commit}

    @property
    def firing(self) -> set[str]:
        """The names of the alerts that fire about it."""
        return {*self.alerts, *(name for each in self.benchmarks for name in each.alerts)}

    @property
    def runbooks(self) -> Sequence[str]:
        """The runbooks of what is wrong, each once, those of alerts about the commit first."""
        names = (name for each in self.benchmarks for name in each.runbooks)
        return list(dict.fromkeys([*self.alerts, *names]))


@dataclass(slots=True)
class OtherAlert:
    """Firing alerts of one name and project that are about nothing that is worse now."""

    alertname: str
    project: str
    notifications: list[Notification] = field(default_factory=list)

    @property
    def severity(self) -> Severity:
        """That of the most urgent one, which comes first."""
        return "critical" if self.notifications[0].severity == "critical" else "warning"


@dataclass(frozen=True, slots=True)
class Wrong:
    """All that is wrong, the worst first.

    `benchmarks` has the benchmarks of the results that other alerts name.
    """

    groups: Sequence[WrongGroup]
    others: Sequence[OtherAlert]
    benchmarks: Mapping[str, str]

    def count(self, severity: Severity) -> int:
        """How many entries have this severity."""
        entries: list[WrongGroup | OtherAlert] = [*self.groups, *self.others]
        return sum(each.severity == severity for each in entries)


def wrong_now(owners: Sequence[OwnerState], notifications: Iterable[ReceivedNotification]) -> Wrong:
    """What is wrong with the newest runs of tracked branches, and which other alerts fire.

    `owners` are those of the current state.
    """
    found = _wrong_benchmarks(owners)
    groups = _grouped(found.values())
    others = _with_alerts(
        found.values(),
        groups,
        # Watchdog, which always fires, has another severity.
        [
            received.notification
            for received in urgent_first(notifications)
            if received.status == "firing" and received.notification.severity in SEVERITIES
        ],
    )
    named = {alert.benchmark for other in others for alert in other.notifications}
    benchmarks = {
        newest.result.name: newest.result.benchmark
        for owner in (owners if named else ())
        for newest in owner.results
        if newest.result.name in named
    }
    return Wrong(sorted(groups, key=_urgency), others, benchmarks)


def _wrong_benchmarks(owners: Sequence[OwnerState]) -> dict[tuple[Scope, str], WrongBenchmark]:
    found: dict[tuple[Scope, str], WrongBenchmark] = {}

    def of(scope: Scope, benchmark: str) -> WrongBenchmark:
        return found.setdefault((scope, benchmark), WrongBenchmark(scope, benchmark))

    for owner in owners:
        for newest in owner.verdicts:
            if newest.verdict.state in REGRESSED:
                each = of(newest.scope, newest.benchmark)
                each.verdicts.append(newest)
                each.since_commit, each.commit = newest.passed_commit, newest.commit_hash
        for gate in owner.gates:
            if not gate.outcome.passed:
                of(gate.scope, gate.outcome.benchmark).gate = gate.outcome
        for run in owner.runs:
            if run.failed:
                of(run.scope, run.benchmark).failed = True
    for owner in owners if found else ():
        for run in owner.runs:
            if wrong := found.get((run.scope, run.benchmark)):
                wrong.commit = run.commit_hash
    return found


def _grouped(found: Iterable[WrongBenchmark]) -> list[WrongGroup]:
    """By project, branch and last good commit. What has none joins that of its commit."""
    groups: dict[tuple[str, ...], WrongGroup] = {}
    by_commit: dict[tuple[str, ...], WrongGroup] = {}
    for each in sorted(found, key=lambda wrong: (not wrong.since_commit, _order(wrong))):
        where = each.scope.project, each.scope.branch
        group = None if each.since_commit else by_commit.get((*where, each.commit))
        if group is None:
            moved = "moved" if each.is_shifted else ""
            key = (*where, each.since_commit, "" if each.since_commit else each.commit, moved)
            new = WrongGroup(*where, each.since_commit, each.is_shifted)
            group = groups.setdefault(key, new)
        if each.commit and not group.is_shifted:
            by_commit.setdefault((*where, each.commit), group)
        group.benchmarks.append(each)
    return list(groups.values())


def _with_alerts(
    found: Iterable[WrongBenchmark],
    groups: Sequence[WrongGroup],
    firing: Iterable[Notification],
) -> list[OtherAlert]:
    """Adds alerts to what they are about, and returns the others."""
    by_name: dict[str, list[WrongBenchmark]] = {}
    for each in found:
        for name in {each.benchmark, *(verdict.name for verdict in each.verdicts)}:
            by_name.setdefault(name, []).append(each)
    others: dict[tuple[str, str], OtherAlert] = {}
    for alert in firing:
        matching = [each for each in by_name.get(alert.benchmark, ()) if _is_of(alert, each.scope)]
        for each in matching:
            each.alerts[alert.alertname] = None
        if alert.alertname in _COMMON and not alert.benchmark:
            common = [
                group
                for group in groups
                if group.is_shifted == _COMMON[alert.alertname]
                and any(each.verdicts and _is_of(alert, each.scope) for each in group.benchmarks)
            ]
            for group in common:
                group.alerts[alert.alertname] = None
            if common:
                continue
        if not matching:
            key = alert.alertname, alert.project
            others.setdefault(key, OtherAlert(*key)).notifications.append(alert)
    return list(others.values())


def _is_of(alert: Notification, scope: Scope) -> bool:
    """Whether what an alert's labels state is this scope."""
    stated = (alert.project, alert.environment, alert.machine_class, alert.branch)
    return all(not says or says == is_so for says, is_so in zip(stated, scope.key, strict=True))


def _is_critical(each: WrongBenchmark) -> bool:
    return each.said().kind == "critical"


def _order(each: WrongBenchmark) -> tuple[bool, float, str]:
    return not _is_critical(each), -_ratio(each), each.benchmark


def _ratio(each: WrongBenchmark) -> float:
    return max((verdict.verdict.worsening_ratio or 0.0 for verdict in each.verdicts), default=0.0)


def _urgency(group: WrongGroup) -> tuple[bool, int, float, str, str]:
    """By severity, then how many are wrong, then how far the worst of them is off."""
    worse = sum(max(1, len(each.verdicts)) for each in group.benchmarks)
    ratio = max(map(_ratio, group.benchmarks), default=0.0)
    return group.severity != "critical", -worse, -ratio, group.project, group.since_commit


def _badness(newest: NewestVerdict) -> tuple[bool, float]:
    return newest.verdict.state == "critical", newest.verdict.worsening_ratio or 0.0
