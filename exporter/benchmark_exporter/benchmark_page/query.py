"""Reads the queries of the pages, and says what is wrong with them."""

import base64
import binascii
from collections.abc import Mapping, Sequence

import msgspec

from benchmark_exporter.ledger.benchmark_runs import RunPosition
from benchmark_exporter.model import Scope
from benchmark_exporter.texts.say import ENGLISH, Say, phrase

# Of a value, in characters; the server refuses addresses of more than 8 kB.
MOST_CHARACTERS = 2000
MOST_PAGES = 100_000
SCOPE_FIELDS = ("project", "environment", "branch", "machine_class")
DAYS: Mapping[str, int | None] = {"7": 7, "30": 30, "90": 90, "all": None}
DEFAULT_DAYS = "30"
ONE_OF = phrase("{name} must be one of {values}.")
_POSITION = phrase("runs_after must be that of a link to older runs.")


class WrongQuery(Exception):
    """A query that cannot be answered; the message says what is wrong with it.

    `what` is a phrase with fields.
    """

    def __init__(self, what: str, **fields: object) -> None:
        super().__init__(ENGLISH(what, **fields))
        self._what = what
        self._fields = fields

    def said(self, say: Say) -> str:
        """The message in a language."""
        return say(self._what, **self._fields)


class ScopeQuery(msgspec.Struct, frozen=True):
    """What a query says of a scope; None for what it leaves open. An empty text is one."""

    project: str | None = None
    environment: str | None = None
    branch: str | None = None
    machine_class: str | None = None

    def selects(self, scope: Scope) -> bool:
        """Whether a scope is one of those that are meant."""
        return all(
            wanted is None or wanted == getattr(scope, field)
            for field, wanted in zip(
                SCOPE_FIELDS, (getattr(self, field) for field in SCOPE_FIELDS), strict=True
            )
        )


class BenchmarkQuery(msgspec.Struct, frozen=True):
    """Which benchmark a page shows, of how many days, with which results and runs.

    `days` is a key of DAYS; `part` which of its results, from 1 on; `runs_after` where the page of
    runs begins.
    """

    name: str
    scope: ScopeQuery
    days: str
    part: int
    runs_after: RunPosition | None


def read_benchmark_query(query: Mapping[str, str]) -> BenchmarkQuery:
    """What a query asks of the page of a benchmark.

    Raises:
        WrongQuery: it is not one of these.
    """
    refuse_unknown(query, ("name", *SCOPE_FIELDS, "days", "part", "runs_after"))
    if not query.get("name"):
        raise WrongQuery(
            phrase("name is missing: give that of a benchmark, as in benchmark?name=parse.")
        )
    days = query.get("days", DEFAULT_DAYS)
    if days not in DAYS:
        raise WrongQuery(ONE_OF, name="days", values=", ".join(DAYS))
    after = query.get("runs_after")
    return BenchmarkQuery(
        query["name"],
        read_scope(query),
        days,
        number_of(query, "part"),
        None if after is None else decode_position(after),
    )


def read_scope(query: Mapping[str, str]) -> ScopeQuery:
    """What a query says of a scope."""
    return ScopeQuery(*(query.get(field) for field in SCOPE_FIELDS))


def refuse_unknown(query: Mapping[str, str], known: Sequence[str]) -> None:
    """Raises WrongQuery for a parameter that is unknown, too long, or there more than once."""
    if unknown := sorted(set(query) - set(known)):
        raise WrongQuery(
            phrase("{name} is unknown; use {values}."),
            name=ascii(unknown[0][:100]),
            values=", ".join(known),
        )
    if len(query) > len(set(query)):
        raise WrongQuery(phrase("A parameter is given more than once."))
    for name, value in query.items():
        if len(value) > MOST_CHARACTERS:
            raise WrongQuery(
                phrase("{name} is longer than {count} characters."),
                name=name,
                count=MOST_CHARACTERS,
            )


def number_of(query: Mapping[str, str], name: str) -> int:
    """The number of a page, 1 if it is left out.

    Raises:
        WrongQuery: it is not one.
    """
    given = query.get(name, "1")
    number = int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else 0
    if not 1 <= number <= MOST_PAGES:
        raise WrongQuery(
            phrase("{name} must be a number from 1 to {most}."), name=name, most=MOST_PAGES
        )
    return number


def encode_position(position: RunPosition) -> str:
    """Where a page of runs begins, as it stands in an address."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode("ascii").rstrip("=")


def decode_position(given: str) -> RunPosition:
    """The reverse.

    Raises:
        WrongQuery: it is not one.
    """
    try:
        decoded = base64.urlsafe_b64decode(given.encode("ascii") + b"==")
        position = msgspec.json.decode(decoded, type=RunPosition)
    except (UnicodeError, binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise WrongQuery(_POSITION) from error
    if max(abs(position.tie), abs(position.row)) >= 1 << 63:
        raise WrongQuery(_POSITION)
    return position
