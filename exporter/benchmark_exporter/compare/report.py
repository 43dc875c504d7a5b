"""A comparison as a table, as Markdown and as JSON."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from benchmark_exporter.compare.comparison import (
    NO_DIRECTION,
    NOT_SELECTED,
    Compared,
    Comparison,
)
from benchmark_exporter.compare.rounds import RUNS_A_ROUND
from benchmark_exporter.compare.statistics import INTERVAL_COVERAGE, Outcome
from benchmark_exporter.wording import change, printable, with_unit

HEADINGS = ("RESULT", "BASE", "HEAD", "CHANGE", f"{INTERVAL_COVERAGE:.0%} INTERVAL", "NOISE", "")
ORDER: tuple[Outcome | None, ...] = ("worse", "undecided", "better", "same", None)


def summary(comparison: Comparison) -> str:
    """The comparison in one sentence."""
    counts = Counter(map(_verdict, comparison.results))
    order = [*(name for name in ORDER if name), NO_DIRECTION, NOT_SELECTED]
    words = [f"{counts[name]} {name}" for name in order if counts[name]]
    judged = sum(1 for each in comparison.results if each.outcome is not None)
    mean = change(comparison.ratio)
    together = f"; on average {mean}" if mean and judged > 1 else ""
    rounds = f"{comparison.rounds} rounds of {RUNS_A_ROUND} runs in {comparison.seconds:.0f} s"
    return f"{', '.join(words)}{together} ({rounds})"


def as_table(comparison: Comparison) -> Iterator[str]:
    """Lines in columns, the worst results first, and the summary."""
    rows = [HEADINGS, *(tuple(map(printable, _row(each))) for each in _ordered(comparison))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield ""
    yield from _remarks(comparison)


def as_markdown(comparison: Comparison) -> Iterator[str]:
    """The same as a table in Markdown."""
    yield "| " + " | ".join([*map(str.capitalize, HEADINGS[:-1]), "Verdict"]) + " |"
    yield "|---|--:|--:|--:|--:|--:|---|"
    for each in _ordered(comparison):
        yield "| " + " | ".join(map(_cell, _row(each))) + " |"
    yield ""
    yield from _remarks(comparison)


def as_json(comparison: Comparison) -> str:
    """Everything of the comparison; ratios are plain numbers, 0.02 is 2 %.

    `mean_worsening_ratio` is the geometric mean over all results with a verdict.
    """
    document = {
        **msgspec.to_builtins(comparison),
        "mean_worsening_ratio": comparison.ratio,
        "interval_coverage_ratio": INTERVAL_COVERAGE,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _ordered(comparison: Comparison) -> Sequence[Compared]:
    return sorted(
        comparison.results, key=lambda each: (ORDER.index(each.outcome), -abs(each.change.ratio))
    )


def _row(each: Compared) -> tuple[str, ...]:
    unit = each.quantity.unit
    return (
        each.quantity.name,
        with_unit(each.base, unit),
        with_unit(each.head, unit),
        f"{each.change.ratio:+.2%}",
        f"{each.change.low:+.2%} to {each.change.high:+.2%}",
        "-" if each.noise_ratio is None else f"{each.noise_ratio:.2%}",
        _verdict(each),
    )


def _verdict(each: Compared) -> str:
    return each.outcome or each.note


def _remarks(comparison: Comparison) -> Iterator[str]:
    yield summary(comparison)
    for each in _ordered(comparison):
        if each.outcome == "undecided" and each.note:
            yield f"{printable(each.quantity.name)} is undecided: {each.note}"
    earlier = [
        each.rounds
        for each in comparison.results
        if each.outcome not in (None, "undecided") and each.rounds < comparison.rounds
    ]
    if earlier:
        first, last = min(earlier), max(earlier)
        span = f"{first} rounds" if first == last else f"{first} to {last} rounds"
        yield f"decided before the last round: {len(earlier)}, after {span}"
    if comparison.missing:
        yield f"not in every run, so not compared: {', '.join(map(printable, comparison.missing))}"


def _cell(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace("|", "\\|")
