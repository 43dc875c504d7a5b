"""The results of a run while it is judged."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmark_exporter.ingest.standing import Known
from benchmark_exporter.judge import SeriesState
from benchmark_exporter.ledger import JudgedResult, SeriesKey, VerdictRow
from benchmark_exporter.model import Result, Verdict
from benchmark_exporter.shifts import RunResult


@dataclass(slots=True)
class Judged:
    """A result of a run with what it was judged by, the verdict, and the state after it.

    `stored` is the verdict on it that there was, if any.
    """

    key: SeriesKey
    result: Result
    known: Known
    verdict: Verdict
    state: SeriesState
    stored: VerdictRow | None = None


def run_results(
    judged: Sequence[Judged],
    others: Mapping[SeriesKey, JudgedResult],
    replays: Mapping[SeriesKey, Callable[[], Judged | None]],
) -> Iterator[RunResult]:
    """All results of a run, as `shifts` takes them.

    `others` are those whose verdicts stay; `replays` judge them again.
    """
    for each in judged:
        if each.result.better is not None:
            key = each.key
            state = partial(_state_of, partial(_same, each))
            yield RunResult(key.name, key.unit, each.result.better, each.verdict, state)
    for key, stored in others.items():
        if stored.result.better is not None:
            state = partial(_state_of, replays[key])
            yield RunResult(key.name, key.unit, stored.result.better, stored.row.verdict, state)


def _same(judged: Judged) -> Judged:
    return judged


def _state_of(judged: Callable[[], Judged | None]) -> SeriesState | None:
    one = judged()
    return None if one is None else one.state
