"""Names of benchmarks: of any length, and each of one measurement in a document."""

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

from msgspec.structs import replace

from benchmark_exporter.model import Failure, Result, Run

# A longer name keeps its beginning, and gets a digest of the whole in place of its end.
MAX_CHARACTERS = 1024
_DIGEST_CHARACTERS = 16
NAMES_SHOWN = 3


def shortened(name: str) -> str:
    """A name of at most 1,024 characters: unlike names remain unlike."""
    if len(name) <= MAX_CHARACTERS:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{name[: MAX_CHARACTERS - len(digest) - 1]}…{digest}"


def with_short_names(run: Run) -> Run:
    """The run, with all of its texts that are too long shortened."""

    texts = [
        *(text for each in run.results for text in (each.benchmark, each.variant)),
        *(each.benchmark for each in run.failures),
    ]
    if max(map(len, texts), default=0) <= MAX_CHARACTERS:
        return run

    def result(each: Result) -> Result:
        return replace(
            each,
            benchmark=shortened(each.benchmark),
            variant=shortened(each.variant),
        )

    return replace(
        run,
        results=tuple(map(result, run.results)),
        failures=tuple(Failure(shortened(each.benchmark), each.error) for each in run.failures),
        former_names={
            shortened(name): shortened(former) for name, former in run.former_names.items()
        },
    )


def numbered(names: Sequence[str], kinds: Sequence[Hashable] | None = None) -> list[str]:
    """The names, of which the second and further ones of another kind get a number: `x #2`.

    Without kinds, each name is of its own.
    """
    known: dict[str, dict[Hashable, int]] = {}
    taken, found = set(names), list[str]()
    for index, name in enumerate(names):
        numbers = known.setdefault(name, {})
        number = numbers.setdefault(index if kinds is None else kinds[index], len(numbers) + 1)
        found.append(name if number == 1 else _free(name, number, taken))
    return found


def note_of_numbered(names: Sequence[str], distinct: Sequence[str], remedy: str) -> Iterator[str]:
    """What to say of names that were numbered; nothing if none was."""
    if names is distinct or list(names) == list(distinct):
        return
    changed = dict.fromkeys(old for old, new in zip(names, distinct, strict=True) if old != new)
    yield f"numbered, since more than one measurement has the name: {_list(changed)}; {remedy}"


def note_of_pooled(names: Sequence[str]) -> Iterator[str]:
    """What to say of entries that were pooled; nothing if none was."""
    counts = {name: count for name, count in Counter(names).items() if count > 1}
    if counts:
        shown = [f"{name} ({count} entries)" for name, count in counts.items()]
        yield f"pooled, since they are one measurement: {_list(shown)}"


def note_of_unread(names: Sequence[str]) -> Iterator[str]:
    """What to say of measurements without a value that can be read; nothing if there is none."""
    if names:
        yield f"left out, since it has no value that can be read: {_list(names)}"


def _free(name: str, number: int, taken: set[str]) -> str:
    """The numbered name, unless the document has a benchmark of that name."""
    chosen = f"{name} #{number}"
    while chosen in taken:
        chosen += "'"
    return chosen


def _list(names: Sequence[str] | dict[str, None]) -> str:
    names = list(names)
    shown = ", ".join(name if len(name) <= 80 else f"{name[:79]}…" for name in names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
