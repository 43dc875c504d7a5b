"""Result files judged where they were made, in CI: the verdict of `benchmark-exporter check --gate`, and its summary in Markdown."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmark_exporter.config import Config
from benchmark_exporter.ingest.inbox import Inbox
from benchmark_exporter.ingest.result_files import read_document
from benchmark_exporter.ledger import Ledger, SeriesKey
from benchmark_exporter.model import REGRESSED, GateOutcome, Rejected, Run, Verdict
from benchmark_exporter.regression import History, check_gate, is_environment_shift, judge_result
from benchmark_exporter.wording import with_unit


class GateError(Exception):
    """A file that cannot be judged; names it and the reason."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A result's judgement, and the value it is shown beside, None where there is none; values in the unit."""

    name: str
    unit: str
    old: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class _Checked:
    """A run with its verdicts by gates and by history. In a shift the history is no word on the code."""

    run: Run
    gate_outcomes: Sequence[tuple[float, GateOutcome]]
    judged: Sequence[_Judged]
    shifted: bool

    def failed(self, *, on_warning: bool) -> bool:
        states = REGRESSED if on_warning else ("critical",)
        regressed = any(judged.verdict.state in states for judged in self.judged)
        return any(
            not gate_outcome.passed or gate_outcome.severity
            for _, gate_outcome in self.gate_outcomes
        ) or (regressed and not self.shifted)


class Gate:
    """Judges runs one after another, each also beside those before it: by the gates and, as far as there is one, by the history.

    The history is that of a ledger, which is only read, and of the runs in `baseline` files, oldest first.

    Raises:
        GateError: a baseline file is no run that can be read.
    """

    def __init__(
        self, config: Config, ledger: Ledger | None = None, baseline: Sequence[Path] = ()
    ) -> None:
        self._config = config
        self._policy = config.policy
        self._limits = config.judgement
        self._ledger = ledger
        self._histories: dict[SeriesKey, tuple[History, float | None]] = {}
        for run in sorted(self._runs(baseline), key=lambda run: run.timestamp_seconds):
            self._check(run)

    def check(self, files: Sequence[Path], *, on_warning: bool = False) -> tuple[bool, str]:
        """Whether the runs in files pass, and the summary in Markdown. A warning, a regression not yet confirmed, fails only on_warning.

        Raises:
            GateError: a file is no run that can be read.
            LedgerError: the ledger cannot be read.
        """
        checked = [self._check(run) for run in self._runs(files)]
        passed = not any(each.failed(on_warning=on_warning) for each in checked)
        lines = [f"## Benchmarks {'passed' if passed else 'failed'}", ""]
        return passed, "\n".join([*lines, *(line for each in checked for line in _summary(each))])

    def _runs(self, files: Sequence[Path]) -> list[Run]:
        runs = []
        for path in files:
            try:
                inbox = Inbox(path.absolute().parent, self._config.max_file_bytes)
                document, _ = read_document(
                    inbox, inbox.candidate(path.absolute()), self._config.zone
                )
            except FileNotFoundError as error:
                raise GateError(f"{path}: there is no such file") from error
            except Rejected as rejected:
                raise GateError(f"{path}: rejected: {rejected}") from rejected
            if not isinstance(document, Run):
                raise GateError(f"{path}: holds no run; `benchmark-exporter check` says what it is")
            runs.append(document)
        return runs

    def _check(self, run: Run) -> _Checked:
        environment = run.environment or self._config.environment
        gate_outcomes = [
            (each.speedup_p50_ratio, check_gate(each, self._policy, environment))
            for each in run.comparisons
        ]
        judged = []
        for result in run.results:
            key = SeriesKey(
                run.project or self._config.project,
                environment,
                run.machine_class,
                result.name,
                result.unit,
            )
            history, pinned = self._history(key)
            verdict = judge_result(result, history, pinned, self._limits)
            if verdict is not None:
                old = (
                    verdict.reference
                    if verdict.reference is not None
                    else median(history.window)
                    if history.window
                    else None
                )
                judged.append(_Judged(result.name, result.unit, old, verdict))
                self._histories[key] = history.after(verdict, self._limits), pinned
        shifted = is_environment_shift([each.verdict for each in judged], self._limits)
        return _Checked(run, gate_outcomes, judged, shifted)

    def _history(self, key: SeriesKey) -> tuple[History, float | None]:
        if key not in self._histories:
            self._histories[key] = History(), None
            if self._ledger is not None:
                with self._ledger.transaction() as transaction:
                    series = transaction.verdicts.series(key)
                self._histories[key] = (
                    History(series.window, series.previous, series.unconfirmed),
                    series.pinned,
                )
        return self._histories[key]


def _summary(checked: _Checked) -> Iterator[str]:
    run = checked.run
    yield f"Run {_cell(run.run_id)}{f' of commit {_cell(run.commit_hash)}' if run.commit_hash else ''}"
    yield ""
    if checked.shifted:
        yield "**Environment shift**: so many results moved at once that the machine has changed rather than the code. They do not count."
        yield ""
    yield "| benchmark | old | new | Δ | noise | verdict |"
    yield "|---|--:|--:|--:|--:|---|"
    for each in checked.judged:
        verdict, unit = each.verdict, each.unit
        old = "" if each.old is None else _cell(with_unit(each.old, unit))
        change = f"{(verdict.value - each.old) / abs(each.old):+.1%}" if each.old else ""
        noise = "" if verdict.noise_ratio is None else f"{verdict.noise_ratio:.1%}"
        within = ", within the noise" if verdict.suppressed and verdict.state == "ok" else ""
        word = _word(f"{verdict.state.replace('_', ' ')}{within}", bold=verdict.state in REGRESSED)
        yield f"| {_cell(each.name)} | {old} | {_cell(with_unit(verdict.value, unit))} | {change} | {noise} | {word} |"
    for speedup, gate_outcome in checked.gate_outcomes:
        missed = ", ".join(name for name, passed in gate_outcome.criteria.items() if not passed)
        failed = not gate_outcome.passed or gate_outcome.severity is not None
        word = _word(
            f"fails its gate{f' ({missed})' if missed else ''}" if failed else "passes its gate",
            bold=failed,
        )
        yield f"| {_cell(gate_outcome.benchmark)}, speedup | ≥ {gate_outcome.gate.min_speedup_p50_ratio:g}× | {speedup:.2f}× | | | {word} |"
    for failure in run.failures:
        yield f"| {_cell(failure.benchmark)} | | | | | **gave an error**, {_cell(failure.error)} |"
    yield ""


def _word(text: str, *, bold: bool) -> str:
    return f"**{text}**" if bold else text


def _cell(text: str) -> str:
    """Text of a document, so that it neither ends a cell nor is Markdown or HTML."""
    return re.sub(r"([\\`*_\[\]<>|~&])", r"\\\1", " ".join(text.split()))
