"""A map that is never changed in place, and what differs between two moments of it."""

from hypothesis import given
from hypothesis import strategies as st

from benchmark_exporter.ledger.persistent_map import PersistentMap

Changes = list[dict[int, int | None]]


@given(st.lists(st.dictionaries(st.integers(0, 600), st.none() | st.integers(0, 3)), max_size=6))
def test_it_is_what_a_dictionary_would_be_and_earlier_moments_stay(changes: Changes) -> None:
    known: PersistentMap[int, int] = PersistentMap((each, 0) for each in range(0, 600, 7))
    expected = dict(known)
    for change in changes:
        before, was = known, dict(expected)
        known = known.changed(change)
        for key, value in change.items():
            if value is None:
                expected.pop(key, None)
            else:
                expected[key] = value
        assert dict(known) == expected
        assert len(known) == len(expected)
        assert dict(before) == was
        differing = {key for key in was | expected if was.get(key) != expected.get(key)}
        assert known.changed_since(before) == differing
