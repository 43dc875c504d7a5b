"""Figures in tables are those of the results they link to.

A table's results are those that its row links to, or else the paragraph before the table. Every
number of the row has to be there, as precisely as the row states it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import pytest

from tests.docs.pages import Page, pages
from tests.support.paths import REPOSITORY

RESULTS = REPOSITORY / "benchmarks" / "results"
NUMBER = re.compile(r"(?<![\w.,-])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
LINK = re.compile(r"\((?:\.\./)*benchmarks/results/(\w+)\.md\)")
CELLS = re.compile(r"(?<!\\)\|")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
TARGET = ("target", "目標")  # how the heading of a column begins
# Numbers that are computed from the results, with how, or that come from elsewhere.
DERIVED = {
    # Per benchmark, the difference of 5 and 5,000 over 4,995; of a series, a month's MB over their
    # number; of a file, 1 / files a second.
    "docs/capacity.md": "0.0003 6.3 0.0017 0.29 0.35 0.3 0.028 10.4 73 0.029 0.0164 0.066 0.003 0.7"
    # Of the text below a table; of 5,000 benchmarks with two histograms each.
    " 0.35 200,000 220,000 45 19,008 9.2 10,000 864 1.2",
    # The whole stack's CPU was measured apart; 163 MB less 20 benchmarks.
    "docs/operations.md": "2 120",
    # MB over series.
    "docs/scale-out.md": "6.0 1.7",
    # 12 of each.
    "docs/alert-handling.md": "24",
}


def tables(text: str) -> Iterator[tuple[str, Sequence[str]]]:
    """The paragraph before each table, and its rows, the heading first."""
    before = ""
    for part in re.split(r"\n\s*\n", FENCE.sub("", text)):
        if part.startswith("|"):
            yield before, part.splitlines()
        before = part


def measured(row: str, heading: str) -> str:
    """A row without what was aimed at, and without the addresses of its links."""
    cells = zip(CELLS.split(row), CELLS.split(heading), strict=True)
    kept = (cell for cell, name in cells if not name.strip().startswith(TARGET))
    return re.sub(r"\]\([^()]*\)", "]", "|".join(kept))


def numbers(name: str) -> Sequence[float]:
    """What the tables of a results page have, without targets."""
    text = (RESULTS / f"{name}.md").read_text(encoding="utf-8")
    return [
        value(number)
        for _, rows in tables(text)
        for row in rows
        for number in NUMBER.findall(measured(row, rows[0]))
    ]


def value(number: str) -> float:
    return float(number.replace(",", ""))


def is_one_of(number: str, known: Sequence[float]) -> bool:
    """Whether one of them, rounded as the number is, is the number."""
    whole, _, decimals = number.replace(",", "").partition(".")
    zeros = len(whole) - len(whole.rstrip("0")) if not decimals else -len(decimals)
    half = 0.5001 * 10**zeros
    return any(abs(each - value(number)) <= half for each in known)


def unknown_figures(text: str, results: Mapping[str, Sequence[float]]) -> Iterator[str]:
    for before, rows in tables(text):
        for row in rows[2:]:
            names = LINK.findall(row) or LINK.findall(before)
            known = [number for name in names for number in results[name]]
            shown = NUMBER.findall(measured(row, rows[0])) if names else []
            yield from (number for number in shown if not is_one_of(number, known))


ALL_RESULTS = {path.stem: numbers(path.stem) for path in RESULTS.glob("*.md")}
PAGES = [page for page in pages() if page.name.startswith("docs/") and not page.is_generated]


def test_there_are_figures_to_check() -> None:
    nothing: dict[str, Sequence[float]] = dict.fromkeys(ALL_RESULTS, ())
    texts = [page.path.read_text(encoding="utf-8") for page in PAGES]
    assert sum(len(list(unknown_figures(text, nothing))) for text in texts) > 200


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_figure_is_in_the_results_that_its_row_links_to(page: Page) -> None:
    derived = DERIVED.get(page.name.replace("docs/ja/", "docs/"), "").split()
    unknown = unknown_figures(page.path.read_text(encoding="utf-8"), ALL_RESULTS)
    assert [number for number in unknown if number not in derived] == []


@pytest.mark.parametrize(
    ("number", "found"),
    [
        ("1.4", True),
        ("1.36", True),
        ("1.37", False),
        ("3,500", True),
        ("3,000", True),
        ("89", False),
    ],
)
def test_a_figure_may_be_rounded(number: str, found: bool) -> None:
    assert is_one_of(number, [1.36, 3485, 82.1]) == found


def test_an_outdated_figure_is_found_and_a_target_is_none() -> None:
    text = "Measured:\n\n| what | now | target |\n|---|--:|--:|\n"
    text += "| memory ([figures](../benchmarks/results/x.md)) | 89 MB | 60 MB |\n"
    assert list(unknown_figures(text, {"x": [82.1]})) == ["89"]
