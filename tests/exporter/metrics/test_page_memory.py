"""What the kept lines of an exposition take, and that smaller forms of them are the same lines."""

import tracemalloc
from collections.abc import Callable

import pytest

from benchmark_exporter.config import packaged
from benchmark_exporter.metrics.definitions import load_definitions
from benchmark_exporter.metrics.lines import Layout, Lines
from benchmark_exporter.metrics.page import Page
from benchmark_exporter.metrics.series_text import SeriesText
from benchmark_exporter.metrics.sorted_lines import CHUNK_ENTRIES, Chunk, SortedLines

DEFINITIONS = load_definitions(packaged("metrics.yaml"))
BENCHMARKS = 500
FAMILIES = [
    name
    for name, each in DEFINITIONS.items()
    if {"benchmark_name", "project", "branch"} <= set(each.labels) and each.type != "histogram"
]
LINES = [f'a{{name="{number:05}",text="\\\\n\\" ä"}} {number}' for number in range(CHUNK_ENTRIES)]


def traced_bytes(work: Callable[[], object]) -> int:
    """What has been allocated by the work and is still there."""
    tracemalloc.start()
    try:
        kept = work()
        size_bytes, _ = tracemalloc.get_traced_memory()
        assert kept is not None
        return size_bytes
    finally:
        tracemalloc.stop()


def rendered(layout: Layout, text: SeriesText, value: int, benchmarks: int = BENCHMARKS) -> Lines:
    """A line of each family for each benchmark, of which one has this value."""
    lines = Lines(layout, text)
    for number in range(benchmarks):
        for family in FAMILIES:
            names = DEFINITIONS[family].labels
            labels = tuple(f"{name}-{number:04}-of-a-usual-length" for name in names)
            lines.add(family, labels, value if family == FAMILIES[0] else 1)
    return lines


def page_of(renderings: int) -> Page:
    layout = Layout(DEFINITIONS)
    text = SeriesText(DEFINITIONS, 1000)
    page = Page(layout, text)
    for value in range(renderings):
        for group, lines in rendered(layout, text, value).groups(lambda _: "").items():
            page.replace(group, lines)
        page.take()
        page.show(frozenset())
    return page


def test_lines_that_are_rendered_again_are_kept_once() -> None:
    once = traced_bytes(lambda: page_of(1))
    assert traced_bytes(lambda: page_of(2)) < 1.15 * once


def test_labels_that_do_not_recur_are_not_kept() -> None:
    text = SeriesText(DEFINITIONS, 1000)

    def render(runs: int) -> int:
        for number in range(runs):
            text.escaped([f"run-{number:0200}"])
        return runs

    render(10_000)
    assert traced_bytes(lambda: render(50_000)) < 10_001 * 400


def test_a_smaller_chunk_has_the_same_lines_and_text() -> None:
    plain, as_text = Chunk(LINES), Chunk(LINES, as_text=True)
    shrunk, compressed = Chunk(LINES), Chunk(LINES, seldom_read=True)
    places = [0, 7, CHUNK_ENTRIES - 1]
    for chunk in (shrunk, compressed):
        chunk.shrink()
    assert [chunk.is_compressed for chunk in (shrunk, compressed)] == [False, True]
    for each in (as_text, shrunk, compressed):
        assert list(each.entries) == LINES
        assert each.text(keep=False) == plain.text(keep=False)
        assert list(each.texts(places)) == [LINES[place].encode() for place in places]
        assert len(each) == len(plain)
        assert each.first == LINES[0]


@pytest.mark.parametrize(("seldom_read", "share"), [(False, 0.85), (True, 0.2)])
def test_a_smaller_chunk_takes_a_fraction(seldom_read: bool, share: float) -> None:
    def kept(*, shrunk: bool) -> list[Chunk]:
        chunks = []
        for first in range(50):
            lines = [f'm{{name="{first:03}-{at:03}{"x" * 150}"}} 1' for at in range(64)]
            chunks.append(Chunk(lines, seldom_read=seldom_read))
            if shrunk:
                chunks[-1].shrink()
        return chunks

    whole = traced_bytes(lambda: kept(shrunk=False))
    assert traced_bytes(lambda: kept(shrunk=True)) < share * whole


@pytest.mark.parametrize("seldom_read", [False, True])
def test_many_new_lines_are_kept_as_text(seldom_read: bool) -> None:
    def kept() -> SortedLines:
        many = [f'm{{name="{number:05}-{"x" * 150}"}} 1' for number in range(50 * CHUNK_ENTRIES)]
        return SortedLines(seldom_read=seldom_read).changed([], many)

    text_bytes = sum(map(len, kept().chunks))
    assert traced_bytes(kept) < 1.1 * text_bytes


def test_compressed_lines_can_be_changed() -> None:
    many = [f"a{number:05} 1" for number in range(20 * CHUNK_ENTRIES)]
    lines = SortedLines(seldom_read=True).changed([], many)
    for chunk in lines.chunks:
        chunk.shrink()
    changed = lines.changed([many[700]], ["a00700 2"])
    assert list(changed) == [*many[:700], "a00700 2", *many[701:]]
    assert len(set(changed.chunks) - set(lines.chunks)) == 1


def test_only_a_chunk_that_was_there_before_is_old() -> None:
    chunk, seldom = Chunk(LINES), Chunk(LINES, seldom_read=True, as_text=True)
    ordered = Chunk([(1, 0, "a 1")])
    for each in (chunk, seldom):
        assert [each.grow_old(), each.grow_old()] == [False, True]
        each.shrink()
        assert not each.grow_old()
    assert [ordered.grow_old(), ordered.grow_old()] == [False, False]


def test_a_small_chunk_keeps_no_string_that_was_made_with_others() -> None:
    for seldom_read in (False, True):
        entries = [f"a{number:05} 1" for number in range(CHUNK_ENTRIES)]
        chunk = Chunk(entries, seldom_read=seldom_read)
        chunk.shrink()
        assert chunk.first == entries[0]
        assert chunk.first is not entries[0]


def test_lines_of_many_groups_are_there_family_by_family_only() -> None:
    """The most memory at a time is that of one family's lines, not of all of them."""
    layout = Layout(DEFINITIONS)
    text = SeriesText(DEFINITIONS, 1000)
    groups = rendered(layout, text, 1, benchmarks=3000).groups(lambda _: "")
    page = Page(layout, text)
    for group, lines in groups.items():
        page.replace(group, lines)
    page.take()
    tracemalloc.start()
    try:
        page.show(frozenset())
        kept_bytes, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    in_lines = sum(len(chunk) for lines in page.blocks.values() for chunk in lines.chunks)
    assert kept_bytes < 1.3 * in_lines
    assert most_bytes < 2 * in_lines
