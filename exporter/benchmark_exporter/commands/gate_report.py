"""The outcome of `check --gate` as a document that `comment` reads."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from benchmark_exporter.commands.checked_runs import CheckedRun, JudgedResult
from benchmark_exporter.config import Config
from benchmark_exporter.model import GateOutcome, VerdictState
from benchmark_exporter.review.report import Change, Failure, Moved, Outcome, Report, finite
from benchmark_exporter.wording import printable

_OUTCOMES: dict[VerdictState, Outcome | None] = {
    "critical": "worse",
    "warning": "worse",
    "suspect": "undecided",
    "improved": "better",
    "ok": "same",
    "insufficient_data": None,
}
_LONGEST_TEXT = 2_000


def report_of(checked: Sequence[CheckedRun], config: Config, *, passed: bool) -> Report:
    """What the runs together say: of a result in several of them, the last verdict.

    Later runs of one job confirm what the first showed.
    """
    changes: dict[object, Change] = {}
    failures: dict[object, Failure] = {}
    for each in checked:
        for change in (*_verdicts(each, config), *_gates(each, config)):
            key = change.project, change.environment, change.machine_class, change.name, change.unit
            changes[key] = change
        for failure in each.run.failures:
            failures[failure.benchmark] = Failure(_cut(failure.benchmark), _cut(failure.error))
    shift = checked[-1].shift if checked else None
    moved = None
    if shift is not None and shift.active and (ratio := finite(shift.ratio)) is not None:
        moved = Moved(len(shift.moved), shift.judged, ratio)
    return Report(
        "history",
        list(changes.values()),
        against=_last(each.line.branch for each in checked if each.line is not None),
        commit=_last(each.run.commit_hash for each in checked),
        passed=passed,
        failures=list(failures.values()),
        moved=moved,
    )


def _verdicts(checked: CheckedRun, config: Config) -> Iterator[Change]:
    place = _place(checked, config)
    for judged in checked.judged:
        verdict = judged.verdict
        if (new := finite(verdict.value)) is None:
            continue
        change, noise = _change(judged), finite(verdict.noise_ratio)
        low = high = None
        if change is not None and noise is not None:
            low, high = change - noise, change + noise
        found = Change(
            name=_cut(judged.result.name),
            unit=_cut(judged.result.unit),
            new=new,
            old=finite(judged.old),
            ratio=change,
            low=low,
            high=high,
            noise_ratio=noise,
            outcome=_OUTCOMES[verdict.state],
            detail=verdict.state.replace("_", " "),
        )
        yield replace(found, **place)


def _change(judged: JudgedResult) -> float | None:
    """How much larger the new value is; None if the old one is 0 or not known."""
    if not judged.old:
        return None
    return finite((judged.verdict.value - judged.old) / abs(judged.old))


def _gates(checked: CheckedRun, config: Config) -> Iterator[Change]:
    place = _place(checked, config)
    for speedup, outcome in checked.gate_outcomes:
        if (value := finite(speedup)) is not None:
            failed = not outcome.passed or outcome.severity is not None
            found = Change(
                name=_cut(f"{outcome.benchmark}, speedup"),
                unit="ratio",
                new=value,
                outcome="worse" if failed else "same",
                detail=_gate(outcome, failed=failed),
                benchmark=_cut(outcome.benchmark),
            )
            yield replace(found, **place)


def _gate(outcome: GateOutcome, *, failed: bool) -> str:
    least = f"at least {outcome.gate.min_speedup_p50_ratio:g}"
    missed = ", ".join(name for name, passed in outcome.criteria.items() if not passed)
    of = f" ({missed})" if missed else ""
    return f"{'fails' if failed else 'passes'} its gate{of}, {least}"


def _place(checked: CheckedRun, config: Config) -> dict[str, str]:
    """Where the exporter keeps the history of a run's results."""
    run = checked.run
    place = {
        "project": run.project or config.project,
        "environment": run.environment or config.environment,
        "machine_class": run.machine_class,
        "branch": checked.line.branch if checked.line is not None else "",
    }
    return {name: _cut(text) for name, text in place.items()}


def _last(texts: Iterable[str]) -> str:
    return _cut(next((text for text in reversed(list(texts)) if text), ""))


def _cut(text: str) -> str:
    return printable(text)[:_LONGEST_TEXT]
