"""How a bisection ended, as a table, as Markdown and as JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from benchmark_exporter.bisect.repository import Commit
from benchmark_exporter.bisect.search import Found
from benchmark_exporter.bisect.state import State, Tested
from benchmark_exporter.compare.rounds import RUNS_A_ROUND
from benchmark_exporter.compare.statistics import INTERVAL_COVERAGE
from benchmark_exporter.wording import printable

HEADINGS = ("COMMIT", "SUBJECT", "CHANGE", f"{INTERVAL_COVERAGE:.0%} INTERVAL", "ROUNDS", "VERDICT")
HASH_CHARACTERS, SUBJECT_CHARACTERS = 12, 50


@dataclass(frozen=True, slots=True)
class Ended:
    """A search that has ended, with what git says of its commits, by their hashes."""

    found: Found
    state: State
    commits: dict[str, Commit]

    @property
    def tested(self) -> Sequence[Tested]:
        """Every commit that was compared with the good one: bad first, then in their order."""
        bad = self.state.bad
        return [*([] if bad is None else [bad]), *self.state.tested]


def as_table(ended: Ended) -> Iterator[str]:
    """Lines in columns, in the order of the tests, and what was found."""
    rows = [HEADINGS, *(_row(ended, each) for each in ended.tested)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if ended.tested:
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            yield "  ".join(cells).rstrip()
        yield ""
    yield from summary(ended)


def as_markdown(ended: Ended) -> Iterator[str]:
    """The same as a table in Markdown."""
    if ended.tested:
        yield "| " + " | ".join(map(str.capitalize, HEADINGS)) + " |"
        yield "|---|---|--:|--:|--:|---|"
        for each in ended.tested:
            yield "| " + " | ".join(map(_cell, _row(ended, each))) + " |"
        yield ""
    for line in summary(ended):
        yield _cell(line) if line else line


def as_json(ended: Ended) -> str:
    """Everything of the search; ratios are plain numbers, 0.02 is 2 %.

    `suspects` has the first slow commit if the ending is `found`.
    """
    found, state = ended.found, ended.state
    document = {
        "ending": found.ending,
        "reason": found.reason,
        "suspects": [ended.commits[each] for each in found.suspects],
        "good": ended.commits[state.arguments.good],
        "bad": ended.commits[state.arguments.bad],
        "result": state.quantity,
        "tested": ended.tested,
        "interval_coverage_ratio": INTERVAL_COVERAGE,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def summary(ended: Ended) -> Iterator[str]:
    """What was found, in words."""
    found, state = ended.found, ended.state
    if found.ending == "found":
        (culprit,) = found.suspects
        commit = ended.commits[culprit]
        yield f"first slow commit: {culprit}"
        yield f"  {printable(commit.subject)} ({printable(commit.author)}, {commit.at})"
    elif found.suspects:
        yield "the first slow commit is one of these; the others were skipped:"
        for each in found.suspects:
            subject = printable(ended.commits[each].subject)
            yield f"  {each[:HASH_CHARACTERS]} {subject}"
    else:
        yield found.reason
    if state.quantity is not None:
        rounds = sum(each.rounds for each in ended.tested)
        minutes = sum(each.seconds for each in ended.tested) / 60
        yield (
            f"by {printable(state.quantity.name)}: {len(ended.tested)} commits compared with "
            f"{state.arguments.good[:HASH_CHARACTERS]} in {rounds} rounds of {RUNS_A_ROUND} runs, "
            f"{minutes:.1f} min"
        )


def _row(ended: Ended, each: Tested) -> tuple[str, ...]:
    change = each.change
    subject = ended.commits[each.commit].subject
    reason = each.reason.partition("\n")[0]
    return (
        each.commit[:HASH_CHARACTERS],
        printable(subject[:SUBJECT_CHARACTERS]),
        "-" if change is None else f"{change.ratio:+.2%}",
        "-" if change is None else f"{change.low:+.2%} to {change.high:+.2%}",
        str(each.rounds),
        printable(f"{each.verdict}: {reason}" if reason else each.verdict),
    )


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")
