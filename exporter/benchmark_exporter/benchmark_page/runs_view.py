"""The runs of a benchmark, the newest first, a page at a time."""

from collections import defaultdict
from collections.abc import Sequence

from benchmark_exporter.benchmark_page.markup import (
    badge,
    short_name,
    table,
    text,
    without_empty,
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
    values: dict[int, list[ValueOf]] = defaultdict(list)
    for value in view.values:
        values[value.run].append(value)
    columns = [
        say("Run at (UTC)"),
        say("Value"),
        say("Verdict"),
        say("Gate"),
        say("Commit"),
        say("Run"),
        say("Branch"),
    ]
    rows = []
    for run in view.runs:
        worst_first = sorted(values[run.row], key=_badness)
        rows.append(
            [
                moment(run.timestamp_seconds),
                _values(worst_first, view.found.benchmark, say),
                _verdict(run, worst_first, say),
                "" if run.passed is None else badge(gate_said(run.passed, run.severity, say)),
                commit(run.commit_hash, view.repository),
                text(run.run_id),
                # Another branch's runs are only compared with this one's.
                "" if run.tracked else text(run.branch),
            ]
        )
    columns, rows = without_empty(columns, rows)
    return table(say("Runs of {name}", name=view.found.benchmark), columns, rows)


def _values(worst_first: Sequence[ValueOf], benchmark: str, say: Say) -> str:
    shown = [
        f'<span class="value">{text(with_unit(value.value, value.unit))}</span> '
        f"{_variant(value, benchmark)}"
        for value in worst_first[:_VALUES_SHOWN]
        if value.value is not None
    ]
    if (more := len(worst_first) - _VALUES_SHOWN) > 0:
        shown.append(say("and {count} more", count=more))
    return "".join(f"<div>{each}</div>" for each in shown)


def _variant(value: ValueOf, benchmark: str) -> str:
    variant = value.name.removeprefix(benchmark).removeprefix("/")
    return short_name(variant) if variant else ""


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
