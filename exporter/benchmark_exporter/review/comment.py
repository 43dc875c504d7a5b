"""The comment on a pull or merge request, in Markdown: the worst first, and never too long."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from benchmark_exporter.review.markdown import code, link, marker, percentage, quantity
from benchmark_exporter.review.order import Order
from benchmark_exporter.review.report import Change, Report

# What GitHub accepts as the body of a comment; counted in bytes, of which a character has one at
# the least: https://docs.github.com/en/rest/issues/comments. GitLab accepts more.
LONGEST_BYTES = 65_536
# For what ends a comment that was cut.
_RESERVED_BYTES = 1_000
# A longer one is left out: browsers and servers refuse it, and it takes the room of others.
_LONGEST_LINK = 2_000
_RANK = {"worse": 0, "undecided": 1, "better": 2, None: 3, "same": 4}
_WORDS = {
    "worse": "worse",
    "undecided": "undecided",
    "better": "better",
    None: "without a verdict",
    "same": "unchanged",
}
_INTERVALS = {"comparison": "99% interval", "history": "Without chance"}
_NOTES = {
    "comparison": "Both versions ran in turn on one machine. *99% interval*: where the change is. "
    "*Noise*: how far a round of the base against itself is off.",
    "history": "*Without chance*: the change, less or more what chance may add. *Noise*: how far "
    "three runs may be off by chance. One run is at most suspect, which is undecided: run the "
    "benchmarks twice and report both.",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What is around the results; all of it is ours, not a document's.

    `project` and `suite` name the comment among others on the same request. `grafana_url` is where
    people reach Grafana, empty for no links; `run_url` is the CI's run, `order` its place among
    others, and `foreign` says that it ran the code of a fork.
    """

    project: str
    suite: str = ""
    grafana_url: str = ""
    run_url: str = ""
    foreign: bool = False
    order: Order | None = None


def render(report: Report, frame: Frame, longest_bytes: int = LONGEST_BYTES) -> str:
    """The comment, which begins with its marker and the order of its run.

    What does not fit is left out from the end, the least important, and counted.
    """
    hidden = [marker(frame.project, frame.suite)]
    if frame.order is not None:
        hidden.append(frame.order.line)
    text = "\n".join((*hidden, *_head(report, frame), ""))
    end = "\n".join(("", f"<sub>{_NOTES[report.kind]}</sub>", ""))
    room = longest_bytes - _RESERVED_BYTES - _size(text) - _size(end)
    left_out: Counter[str] = Counter()
    for word, lines, closing in _sections(report, frame):
        opening, *rows = lines
        shown = [opening]
        room -= _size(opening) + _size(closing)
        for row in rows:
            room -= _size(row)
            if room < 0:
                break
            shown.append(row)
        if len(shown) > 1:
            text += "".join((*shown, closing))
        if missing := len(rows) - (len(shown) - 1):
            left_out[word] += missing
            room = min(room, 0)
    if left_out:
        counts = ", ".join(f"{count} {word}" for word, count in left_out.items())
        text += f"\n… and {counts}, for which a comment has no room.\n"
    return text + end


def summary(report: Report) -> str:
    """The results counted, the worst first: `2 worse, 1 unchanged`."""
    counts = Counter(each.outcome for each in report.changes)
    words = [f"{counts[each]} {_WORDS[each]}" for each in sorted(counts, key=_RANK.__getitem__)]
    if report.failures:
        words.insert(0, f"{len(report.failures)} with an error")
    return ", ".join(words) or "no results"


def _size(text: str) -> int:
    return len(text.encode())


def _head(report: Report, frame: Frame) -> Iterator[str]:
    gate = {None: "", True: ", passed", False: ", **failed**"}[report.passed]
    yield f"### Benchmarks{gate}: {summary(report)}"
    yield ""
    yield ", ".join(_about(report, frame))
    if frame.foreign:
        yield ""
        yield "The code of a fork measured this, so the figures are its own."
    if report.moved is not None:
        moved = report.moved
        worse = "worse" if moved.ratio > 0 else "better"
        yield ""
        yield (
            f"**Moved together**: {moved.results} of {moved.judged} results are "
            f"{percentage(abs(moved.ratio), signed=False)} {worse} alike. That may be the machine, "
            "or code that all of them use."
        )


def _about(report: Report, frame: Frame) -> Iterator[str]:
    yield code(frame.project)
    if frame.suite:
        yield f"suite {code(frame.suite)}"
    if report.commit:
        yield f"commit {code(report.commit)}"
    if report.against:
        yield f"against the history of {code(report.against)}"
    if report.rounds:
        yield f"{report.rounds} rounds"
    if frame.run_url:
        yield link("run", frame.run_url)


def _sections(report: Report, frame: Frame) -> Iterator[tuple[str, Sequence[str], str]]:
    """Of each section what it counts, its opening and rows, and its closing."""
    if report.failures:
        rows = [
            f"| {code(each.benchmark)} | {code(each.error, 500)} |\n" for each in report.failures
        ]
        yield "with an error", ["\n| Failed | Error |\n|---|---|\n", *rows], ""
    ordered = sorted(report.changes, key=lambda each: (_RANK[each.outcome], -_magnitude(each)))
    columns = (
        f"| Result | Before | After | Change | {_INTERVALS[report.kind]} | Noise | |\n"
        "|---|--:|--:|--:|--:|--:|---|\n"
    )
    for outcome, changes in groupby(ordered, key=lambda each: each.outcome):
        same, word = list(changes), _WORDS[outcome]
        rows = [_row(each, frame) for each in same]
        title = f"{len(same)} {word}"
        if outcome == "same":
            opening = f"\n<details><summary>{title}</summary>\n\n{columns}"
            yield word, [opening, *rows], "\n</details>\n"
        else:
            yield word, [f"\n**{title}**\n\n{columns}", *rows], ""
    if report.missing:
        rows = [f"| {code(each)} |\n" for each in report.missing]
        yield "not compared", ["\n| Not in every run |\n|---|\n", *rows], ""


def _magnitude(change: Change) -> float:
    return 0.0 if change.ratio is None else abs(change.ratio)


def _row(change: Change, frame: Frame) -> str:
    interval = "-"
    if change.low is not None and change.high is not None:
        interval = f"{percentage(change.low)} to {percentage(change.high)}"
    cells = (
        code(change.name),
        quantity(change.old, change.unit),
        quantity(change.new, change.unit),
        percentage(change.ratio),
        interval,
        percentage(change.noise_ratio, signed=False),
        ", ".join(_last(change, frame)),
    )
    return f"| {' | '.join(cells)} |\n"


def _last(change: Change, frame: Frame) -> Iterator[str]:
    if change.detail:
        yield code(change.detail)
    if frame.grafana_url:
        places = {
            "var-project": change.project or frame.project,
            "var-environment": change.environment,
            "var-machine_class": change.machine_class,
            "var-branch": change.branch,
            "var-benchmark": change.benchmark or change.name,
        }
        history = link("history", f"{frame.grafana_url}/d/benchmark", **places)
        if len(history) <= _LONGEST_LINK:
            yield history
