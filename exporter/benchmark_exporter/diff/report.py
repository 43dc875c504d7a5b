"""A diff as a table, as Markdown and as JSON."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from benchmark_exporter.compare.comparison import NO_DIRECTION
from benchmark_exporter.compare.report import ORDER
from benchmark_exporter.compare.statistics import INTERVAL_COVERAGE
from benchmark_exporter.diff.diff import Compared, Diff
from benchmark_exporter.wording import change, printable, with_unit

HEADINGS = (
    "RESULT",
    "ENVIRONMENT",
    "MACHINE CLASS",
    "BASE",
    "HEAD",
    "CHANGE",
    f"{INTERVAL_COVERAGE:.0%} INTERVAL",
    "RUNS",
    "VERDICT",
)
# Where these are the same for all, they are left out.
_LEFT_OUT = (1, 2)
MOST_MISSING = 20


def as_table(diff: Diff) -> Iterator[str]:
    """Lines in columns, the worst results first, and the summary."""
    rows = _rows(diff)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield ""
    yield from remarks(diff)


def as_markdown(diff: Diff) -> Iterator[str]:
    """The same as a table in Markdown."""
    headings, *rows = _rows(diff)
    yield "| " + " | ".join(map(str.capitalize, headings)) + " |"
    yield "|" + "---|" * len(headings)
    for row in rows:
        yield "| " + " | ".join(map(_cell, row)) + " |"
    yield ""
    yield from map(_cell, remarks(diff))


def as_json(diff: Diff) -> str:
    """Everything of the diff; ratios are plain numbers, 0.02 is 2 %."""
    return msgspec.json.format(msgspec.json.encode(diff), indent=2).decode()


def remarks(diff: Diff) -> Iterator[str]:
    """The diff in one sentence, and what was not compared."""
    counts = Counter(each.outcome for each in diff.results)
    words = [f"{counts[name]} {name or NO_DIRECTION}" for name in ORDER if counts[name]]
    mean = change(diff.mean_worsening_ratio)
    together = f"; on average {mean}" if mean and len(diff.results) > 1 else ""
    sides = f"{printable(diff.base.name)} to {printable(diff.head.name)}"
    yield f"{', '.join(words)}{together} ({sides})"
    if diff.across:
        yield f"not from the same {', '.join(diff.across).replace('_', ' ')}"
    for side, missing in ((diff.base, diff.only_base), (diff.head, diff.only_head)):
        if missing:
            shown = ", ".join(map(printable, missing[:MOST_MISSING]))
            more = len(missing) - MOST_MISSING
            yield f"only in {printable(side.name)}: {shown}{f' and {more} more' * (more > 0)}"


def _rows(diff: Diff) -> Sequence[Sequence[str]]:
    ordered = sorted(
        diff.results, key=lambda each: (ORDER.index(each.outcome), -abs(each.change_ratio))
    )
    rows = [HEADINGS, *(tuple(map(printable, _row(each))) for each in ordered)]
    same = [column for column in _LEFT_OUT if len({row[column] for row in rows[1:]}) < 2]
    return [[cell for at, cell in enumerate(row) if at not in same] for row in rows]


def _row(each: Compared) -> tuple[str, ...]:
    interval = "-"
    if each.low_ratio is not None and each.high_ratio is not None:
        interval = f"{each.low_ratio:+.2%} to {each.high_ratio:+.2%}"
    return (
        each.name,
        each.environment or "-",
        each.machine_class or "-",
        with_unit(each.base, each.unit),
        with_unit(each.head, each.unit),
        f"{each.change_ratio:+.2%}",
        interval,
        f"{each.base_runs}, {each.head_runs}",
        each.outcome or NO_DIRECTION,
    )


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")
