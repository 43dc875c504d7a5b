"""Renders owners and what no owner has, by the families."""

from collections.abc import Iterable, Mapping

from benchmark_exporter.config import Config
from benchmark_exporter.ledger import RunningTotal, State
from benchmark_exporter.metrics.definitions import Definition
from benchmark_exporter.metrics.families import (
    changes,
    exporter,
    gates,
    pipelines,
    results,
    shifts,
    totals,
    triage,
    verdicts,
)
from benchmark_exporter.metrics.lines import EXPORTER, Group, Lines
from benchmark_exporter.metrics.live import Live
from benchmark_exporter.model import Scope

ACCEPTED: Group = ("accepted shifts",)


def of_project(project: str) -> Group:
    """What a project has that no owner has."""
    return "project", project


def of_untracked(project: str) -> Group:
    """The counter of a project's runs of branches that are not tracked."""
    return "untracked branch runs", project


def of_shift(scope: Iterable[str]) -> Group:
    """The environment shift of a scope, by its key."""
    return "shift", *scope


def of_common(scope: Scope) -> Group:
    """The common regressions of a scope."""
    return "common regressions", *scope.key


def add_owners(
    lines: Lines,
    state: State,
    definitions: Mapping[str, Definition],
    config: Config,
    holds: totals.Holds,
) -> None:
    """What the state has of its subjects."""
    results.add_results(lines, state.results)
    results.add_runs(lines, state.runs)
    gates.add_gate_outcomes(lines, state.gates, config.baseline_version)
    gates.add_failed_runs(lines, state.gates, state.runs)
    verdicts.add_verdicts(lines, state.verdicts, state.reports)
    verdicts.add_baseline_speedups(lines, state)
    triage.add_triage(lines, state.verdicts)
    changes.add_changes(lines, state.changes, state.verdicts)
    pipelines.add_pipelines(lines, state.pipelines)
    pipelines.add_failure_ratios(lines, state.pipeline_failure_ratios)
    totals.add_owned_totals(lines, state, definitions, holds)


def add_projects(lines: Lines, state: State, definitions: Mapping[str, Definition]) -> None:
    """What the state has of projects, except their counters."""
    for suites in state.suite_durations:
        lines.group = of_project(suites.project)
        pipelines.add_suite_durations(lines, suites, definitions)
    for fallback in state.fallback_branches:
        lines.group = of_project(fallback.project)
        exporter.add_fallback(lines, fallback)


def add_untracked(
    lines: Lines,
    counters: Iterable[RunningTotal],
    definitions: Mapping[str, Definition],
    holds: totals.Holds,
) -> dict[str, RunningTotal]:
    """The counters of runs of branches that are not tracked; returns those that are held."""
    held = {}
    for counter in counters:
        project = counter.labels[0]
        lines.group = of_untracked(project)
        if totals.add_project_counter(lines, definitions, holds, counter):
            held[project] = counter
    return held


def add_shifts(lines: Lines, state: State) -> None:
    """What the state has of environment shifts."""
    for shift in state.shifts:
        lines.group = of_shift(shift.scope.key)
        shifts.add_shifts(lines, [shift])
    lines.group = ACCEPTED
    shifts.add_accepted_shifts(lines, state.accepted_shifts)


def add_exporter(
    lines: Lines,
    state: State,
    live: Live,
    definitions: Mapping[str, Definition],
    holds: totals.Holds,
    alerts_real_target_ratio: float,
) -> None:
    """What belongs to the exporter itself."""
    lines.group = EXPORTER
    exporter.add_exporter(lines, state, live)
    lines.add("benchmark_exporter_alerts_real_target_ratio", (), alerts_real_target_ratio)
    totals.add_exporter_counters(lines, state, definitions, holds)
