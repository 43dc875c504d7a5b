"""Expositions in the text format (0.0.4): families of lines, and their pieces."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmark_exporter.ledger import Labels
from benchmark_exporter.ledger.reports import Alarm
from benchmark_exporter.metrics.definitions import PARTS, Part
from benchmark_exporter.metrics.sorted_lines import SortedLines
from benchmark_exporter.model import SubjectKind

# A metric's lines in one part.
Block = tuple[Part, str]
# A family's HELP and TYPE lines, and the text of its series.
Family = tuple[bytes, Sequence["Piece"]]

_NEXT_FAMILY = b"\n# HELP "  # no label value has a line break


class Piece(Protocol):
    """Text of an exposition, which may not be joined yet."""

    def text(self, *, keep: bool) -> bytes:
        """The text; `keep` says whether it will soon be asked for again."""

    def __len__(self) -> int:
        """Its size in bytes; an estimate for sparse series."""


class Sink(Protocol):
    """Where families put their samples."""

    def add(self, metric: str, labels: Labels, value: float) -> None:
        """Adds a sample; labels are values, in the order of the metric's definition."""


class Text:
    """A piece that is there as text."""

    __slots__ = ("_text",)

    def __init__(self, text: bytes) -> None:
        self._text = text

    def text(self, *, keep: bool) -> bytes:  # noqa: ARG002  # Piece has it
        """See Piece."""
        return self._text

    def __len__(self) -> int:
        return len(self._text)


@dataclass(frozen=True, slots=True)
class Exposition:
    """What a scrape shows at one moment, and when that changes without a commit.

    `heads` has the HELP and TYPE lines of each metric, in the order of metrics.yaml. `blocks` are
    the lines of the parts `state` and `distributions`. `stale_at_seconds` is since 1970; infinity:
    never. `shown` is how many of the state's first subjects fit into `max_series`; `dropped` is how
    many of each kind do not fit, although they had a run lately. `alarms` are the confirmed
    regressions that are shown and are not reported to each Prometheus yet.
    """

    heads: Mapping[str, bytes]
    blocks: Mapping[Block, SortedLines]
    commits: int
    stale_at_seconds: float
    shown: int
    dropped: Mapping[SubjectKind, int]
    alarms: Sequence[Alarm] = ()
    families_of: Mapping[Part, Sequence[str]] = field(default_factory=dict)

    @property
    def parts(self) -> Mapping[Part, bytes]:
        """Each part as text, joined when it is asked for."""
        return {part: text([self.families(part)]) for part in PARTS if part != "resources"}

    def families(self, part: Part) -> Sequence[Family]:
        """The families of one part, in the order of metrics.yaml."""
        return [
            (self.heads[name], self.blocks[part, name].chunks) for name in self.families_of[part]
        ]


def families_of_text(part: bytes) -> Iterator[Family]:
    """The families of a part that is there as text."""
    start = 0
    while start < len(part):
        end = part.find(_NEXT_FAMILY, start) + 1 or len(part)
        series = part.index(b"\n", part.index(b"\n", start) + 1) + 1
        yield part[start:series], [Text(part[series:end])]
        start = end


def pieces(parts: Iterable[Iterable[Family]]) -> list[Piece]:
    """Parts of an exposition as one, in pieces that are not copied.

    The text format allows each family once, so a family of several parts gets their series
    together.
    """
    families: dict[bytes, list[Piece]] = {}
    for part in parts:
        for head, series in part:
            families.setdefault(head, [Text(head)]).extend(series)
    return [piece for family in families.values() for piece in family]


def join(parts: Iterable[bytes]) -> bytes:
    """Parts that are there as text as one."""
    return text(map(families_of_text, parts))


def text(parts: Iterable[Iterable[Family]]) -> bytes:
    """Families of parts as text."""
    return b"".join(piece.text(keep=False) for piece in pieces(parts))
