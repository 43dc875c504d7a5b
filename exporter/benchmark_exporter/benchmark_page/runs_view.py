"""The runs of a benchmark, the newest first, a page at a time."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from benchmark_exporter.benchmark_page.markup import (
    badge,
    short_variant,
    table_of,
    text,
)
from benchmark_exporter.benchmark_page.reading import BenchmarkView
from benchmark_exporter.ledger.benchmark_runs import RunOf, ValueOf
from benchmark_exporter.site.cells import moment
from benchmark_exporter.site.commits import commit
from benchmark_exporter.stream.worst_first import WORST_FIRST
from benchmark_exporter.texts.say import Say
from benchmark_exporter.wording import (
    ENDED_WITH_ERROR,
    Said,
    gate_said,
    verdict_said,
    with_unit,
)

# Of the results of a run, the worst are shown.
_VALUES_SHOWN = 3


def runs_table(view: BenchmarkView, say: Say) -> str:
    """The runs of a view as a table."""
    by_run: dict[int, list[ValueOf]] = defaultdict(list)
    for value in sorted(view.values, key=_badness):
        by_run[value.run].append(value)
    benchmark = view.found.benchmark
    columns: dict[str, Callable[[RunOf], str]] = {
        say("Run at (UTC)"): lambda run: moment(run.timestamp_seconds),
        say("Value"): lambda run: _values(by_run[run.row], benchmark, say),
        say("Verdict"): lambda run: _verdict(run, by_run[run.row], say),
        say("Gate"): lambda run: _gate(run, say),
        say("Commit"): lambda run: commit(run.commit_hash, view.repository),
        say("Run"): lambda run: text(run.run_id),
        # Another branch's runs are only compared with this one's.
        say("Branch"): lambda run: "" if run.tracked else text(run.branch),
    }
    return table_of(say("Runs of {name}", name=benchmark), columns, view.runs)


def _gate(run: RunOf, say: Say) -> str:
    return "" if run.passed is None else badge(gate_said(run.passed, run.severity, say))


def _values(worst_first: Sequence[ValueOf], benchmark: str, say: Say) -> str:
    shown = [
        f'<span class="value">{text(with_unit(value.value, value.unit))}</span> '
        f"{short_variant(value.name, benchmark)}"
        for value in worst_first[:_VALUES_SHOWN]
        if value.value is not None
    ]
    if (more := len(worst_first) - _VALUES_SHOWN) > 0:
        shown.append(say("and {count} more", count=more))
    return "".join(f"<div>{each}</div>" for each in shown)


def _verdict(run: RunOf, worst_first: Sequence[ValueOf], say: Say) -> str:
    """What the run says in one word: its error, or its worst verdict."""
    if run.error is not None:
        return badge(Said(say(ENDED_WITH_ERROR), "critical"))
    worst = next((value for value in worst_first if value.state is not None), None)
    if worst is None or worst.state is None:
        return ""
    return badge(verdict_said(worst.state, worst.worsening_ratio, say=say))


def _badness(value: ValueOf) -> tuple[int, float, str]:
    rank = len(WORST_FIRST) if value.state is None else WORST_FIRST.index(value.state)
    return rank, -(value.worsening_ratio or 0.0), value.name
