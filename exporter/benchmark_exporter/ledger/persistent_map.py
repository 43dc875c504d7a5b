"""A mapping that is never changed in place, so that whoever has it keeps one moment of it.

A change copies a few small dictionaries and shares the others. So what differs between two moments
is found without comparing all.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_BUCKETS = 512


class PersistentMap(Mapping[K, V], Generic[K, V]):
    """Immutable. The order of its items is not specified."""

    __slots__ = ("_buckets", "_size")

    def __init__(
        self, items: Iterable[tuple[K, V]] = (), buckets: list[dict[K, V]] | None = None
    ) -> None:
        """A map of items; or of buckets that another one has made."""
        self._buckets = [{} for _ in range(_BUCKETS)] if buckets is None else buckets
        for key, value in items:
            self._buckets[hash(key) % _BUCKETS][key] = value
        self._size = sum(map(len, self._buckets))

    def __getitem__(self, key: K) -> V:
        return self._buckets[hash(key) % _BUCKETS][key]

    def __iter__(self) -> Iterator[K]:
        for bucket in self._buckets:
            yield from bucket

    def __len__(self) -> int:
        return self._size

    def changed(self, items: Mapping[K, V | None]) -> "PersistentMap[K, V]":
        """The map with other values; None removes a key."""
        buckets, copied = list(self._buckets), set[int]()
        for key, value in items.items():
            at = hash(key) % _BUCKETS
            if at not in copied:
                copied.add(at)
                buckets[at] = dict(buckets[at])
            if value is None:
                buckets[at].pop(key, None)
            else:
                buckets[at][key] = value
        return PersistentMap(buckets=buckets)

    def changed_since(self, before: "PersistentMap[K, V]") -> set[K]:
        """The keys whose values are others than at an earlier moment, or that have gone or come."""
        keys = set()
        for now, known in zip(self._buckets, before._buckets, strict=True):  # noqa: SLF001  # its own kind
            if now is not known:
                keys |= {key for key, value in now.items() if known.get(key) is not value}
                keys |= known.keys() - now.keys()
        return keys
