"""What the two sides of a diff are: `run:7`, `commit:a1b2c3d`, `branch:main`, or a plain text."""

from collections.abc import Sequence

import msgspec

from benchmark_exporter.ledger.side_reading import KINDS, Kind, SideReader

GRAMMAR = "run:ID, commit:HASH, branch:NAME, environment:NAME, baseline or baseline:VERSION"
LEAST_HASH_CHARACTERS = 4


class DiffError(Exception):
    """The diff cannot be made; the message says which side is wrong, and what to write."""


class SideName(msgspec.Struct, frozen=True):
    """A side by its kind and name; the name of a baseline is its version, '' for every one."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind


def parse_side(text: str) -> SideName | None:
    """The side that a text names by its kind, None for a plain text.

    Raises:
        DiffError: a kind lacks its name, or a hash is too short.
    """
    kind, colon, name = text.partition(":")
    found = next((each for each in KINDS if each == kind), None)
    if found is None or (not colon and found != "baseline"):
        if not text:
            raise DiffError(f"a side is empty; write {GRAMMAR}")
        return None
    if colon and not name:
        raise DiffError(f"{text} lacks a name; write {GRAMMAR}")
    if found == "commit" and len(name) < LEAST_HASH_CHARACTERS:
        raise DiffError(f"{text}: give at least {LEAST_HASH_CHARACTERS} characters of the hash")
    return SideName(found, name)


def find_side(reader: SideReader, text: str) -> SideName:
    """The side that a text means; a plain one if the ledger knows it as one kind only.

    Raises:
        DiffError: it is wrong, the ledger does not know it, or knows it as several kinds.
    """
    side = parse_side(text)
    if side is not None:
        return side
    known = [SideName(kind, text) for kind in KINDS if _is_known(reader, kind, text)]
    if not known:
        raise DiffError(
            f"{text} is neither a run, a commit, a branch, an environment nor a baseline; "
            f"write {GRAMMAR}"
        )
    if len(known) > 1:
        raise DiffError(f"{text} is ambiguous; write {_or(list(map(str, known)))}")
    return known[0]


def _is_known(reader: SideReader, kind: Kind, text: str) -> bool:
    if kind == "baseline":
        return bool(reader.baselines(text))
    if kind == "commit" and len(text) < LEAST_HASH_CHARACTERS:
        return False
    return bool(reader.runs(kind, text))


def _or(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
