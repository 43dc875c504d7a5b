"""The summary of `check --gate`, in Markdown."""

import re
from collections.abc import Iterator, Sequence

from benchmark_exporter.commands.checked_runs import CheckedRun, JudgedResult
from benchmark_exporter.model import REGRESSED, GateOutcome
from benchmark_exporter.wording import ENDED_WITH_ERROR, change, printable, with_unit


def as_markdown(checked: Sequence[CheckedRun], *, passed: bool) -> str:
    """The summary of all runs."""
    lines = [f"## Benchmarks {'passed' if passed else 'failed'}", ""]
    return "\n".join([*lines, *(line for each in checked for line in summary(each))])


def summary(checked: CheckedRun) -> Iterator[str]:
    """The lines about a run."""
    run = checked.run
    commit = f" of commit {_cell(run.commit_hash)}" if run.commit_hash else ""
    against = f", against {_cell(checked.line.branch)}" if checked.line is not None else ""
    yield f"Run {_cell(run.run_id)}{commit}{against}"
    yield ""
    yield from _together(checked)
    yield "| benchmark | old | new | Δ | noise | verdict |"
    yield "|---|--:|--:|--:|--:|---|"
    yield from map(_verdict_row, checked.judged)
    for speedup, gate_outcome in checked.gate_outcomes:
        yield _gate_row(speedup, gate_outcome)
    for failure in run.failures:
        benchmark, error = _cell(failure.benchmark), _cell(failure.error)
        yield f"| {benchmark} | | | | | **{ENDED_WITH_ERROR}**, {error} |"
    yield ""
    yield from _too_few(checked.judged)
    yield from _limits_applied(checked.judged)


def _together(checked: CheckedRun) -> Iterator[str]:
    """What is said of results that moved together."""
    shift, reach = checked.shift, checked.extent
    if shift.active:
        yield (
            f"**Moved together**: {len(shift.moved)} of {shift.judged} results are "
            f"{change(shift.ratio)} alike. The machine may have changed, or code that all of them "
            "use. Run the commit before on this machine as well: if it is as slow here, it is the "
            "machine."
        )
        yield ""
    if reach is not None and reach.kind == "all":
        yield (
            f"**Regressed together**: {reach.regressed} of {reach.judged} results, half of them by "
            f"{reach.ratio:.1%} or more. That may be the code or the machine; they are too few, or "
            "too unlike, to tell."
        )
        yield ""
    elif reach is not None:
        yield (
            f"**Regressed together**: {reach.regressed} of {reach.judged} results, half of them by "
            f"{reach.ratio:.1%} or more. The others did not move, so it is not the machine."
        )
        yield ""


def _too_few(judged: Sequence[JudgedResult]) -> Iterator[str]:
    """How many earlier runs results without a verdict lack."""
    few = [each for each in judged if each.verdict.state == "insufficient_data"]
    if few:
        needed = max(each.needed_runs for each in few)
        least = min(each.verdict.run_count for each in few)
        yield f"A verdict needs {needed} earlier runs; there are {least}."
        yield ""


def _limits_applied(judged: Sequence[JudgedResult]) -> Iterator[str]:
    """Which results were judged by an entry of `limits`, and what they would be without its cap."""
    for each in judged:
        verdict = each.verdict
        if verdict.limits:
            end = f", which caps {verdict.uncapped} at {verdict.state}" if verdict.uncapped else ""
            yield f"- {_cell(each.result.name)} is judged by {_cell(verdict.limits)}{end}"
    if any(each.verdict.limits for each in judged):
        yield ""


def _verdict_row(judged: JudgedResult) -> str:
    verdict, unit = judged.verdict, judged.result.unit
    old = "" if judged.old is None else _cell(with_unit(judged.old, unit))
    new = _cell(with_unit(verdict.value, unit))
    delta = f"{(verdict.value - judged.old) / abs(judged.old):+.1%}" if judged.old else ""
    noise = "" if verdict.noise_ratio is None else f"{verdict.noise_ratio:.1%}"
    within = ", within the noise" if verdict.suppressed and verdict.state == "ok" else ""
    word = _word(f"{verdict.state.replace('_', ' ')}{within}", bold=verdict.state in REGRESSED)
    return f"| {_cell(judged.result.name)} | {old} | {new} | {delta} | {noise} | {word} |"


def _gate_row(speedup: float, gate_outcome: GateOutcome) -> str:
    missed = ", ".join(name for name, passed in gate_outcome.criteria.items() if not passed)
    failed = not gate_outcome.passed or gate_outcome.severity is not None
    text = f"fails its gate{f' ({missed})' if missed else ''}" if failed else "passes its gate"
    least = f"≥ {gate_outcome.gate.min_speedup_p50_ratio:g}×"
    benchmark = f"{_cell(gate_outcome.benchmark)}, speedup"
    return f"| {benchmark} | {least} | {speedup:.2f}× | | | {_word(text, bold=failed)} |"


def _word(text: str, *, bold: bool) -> str:
    return f"**{text}**" if bold else text


def _cell(text: str) -> str:
    """Text of a document, escaped: it neither ends a cell nor counts as Markdown or HTML."""
    return re.sub(r"([\\`*_\[\]<>|~&])", r"\\\1", printable(" ".join(text.split())))
