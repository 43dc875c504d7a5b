"""Lines in order: any change gives what sorting all of them gives, and keeps what there was."""

from hypothesis import given
from hypothesis import strategies as st

from benchmark_exporter.metrics.sorted_lines import (
    CHUNK_ENTRIES,
    HistogramLines,
    SortedLines,
    text_of,
)

MANY = [f'metric{{name="{number:05}"}} 1' for number in range(40 * CHUNK_ENTRIES)]


@given(st.lists(st.tuples(st.sets(st.integers(0, 99)), st.sets(st.integers(0, 99))), max_size=8))
def test_any_changes_leave_the_lines_sorted(changes: list[tuple[set[int], set[int]]]) -> None:
    lines, expected = SortedLines().changed([], MANY), set(MANY)
    for gone, come in changes:
        removed = sorted(expected & {MANY[number * 25] for number in gone})
        added = [f'other{{name="{number}"}} {len(expected)}' for number in sorted(come)]
        added = [line for line in added if line not in expected]
        before = list(lines)
        changed = lines.changed(removed, added)
        expected = (expected - set(removed)) | set(added)
        assert list(changed) == sorted(expected)
        assert list(lines) == before  # whoever has the lines of before keeps them
        lines = changed
    assert all(0 < len(chunk.entries) <= 2 * CHUNK_ENTRIES for chunk in lines.chunks)


def test_a_change_of_one_line_makes_one_chunk() -> None:
    lines = SortedLines().changed([], MANY)
    changed = lines.changed([MANY[700]], [MANY[700].replace(" 1", " 2")])
    assert len(set(changed.chunks) - set(lines.chunks)) == 1


def test_the_size_of_a_chunk_is_known_before_its_text() -> None:
    lines = SortedLines().changed([], ["a 1", "ä 2"])
    assert [len(chunk) for chunk in lines.chunks] == [len("a 1\nä 2\n".encode())]
    assert [chunk.text(keep=False) for chunk in lines.chunks] == ["a 1\nä 2\n".encode()]


def test_a_histogram_has_its_labels_as_they_are() -> None:
    labels = 'name="100 %s \\0 %"'
    lines = HistogramLines('m_bucket{\0,le="1"} %s\nm_count{\0} %s', labels, (1, 2))
    assert text_of((1, 0, lines)) == f'm_bucket{{{labels},le="1"}} 1\nm_count{{{labels}}} 2'
    assert len(lines) == 2
