"""Change points for people and programs: the table and the JSON of `history --changes`."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from benchmark_exporter.commands.run_table import COMMIT_CHARACTERS, Row, table
from benchmark_exporter.ledger import ChangePoint
from benchmark_exporter.wording import level_change, printable, with_unit

HEADINGS = (
    "FIRST RUN (UTC)",
    "PROJECT",
    "BENCHMARK",
    "BRANCH",
    "ENVIRONMENT",
    "MACHINE CLASS",
    "COMMITS",
    "BEFORE → AFTER",
    "CHANGE",
    "P-VALUE",
    "FIRST REPORTED (UTC)",
)


def change_table(changes: Iterable[ChangePoint]) -> Iterator[str]:
    """The lines of change points in columns, with headings."""
    return table(map(_row, changes), HEADINGS)


def changes_to_json(changes: Iterable[ChangePoint]) -> str:
    """An array of change points with everything that the ledger keeps of them."""
    return msgspec.json.format(msgspec.json.encode(list(changes)), indent=2).decode()


def _row(change: ChangePoint) -> Row:
    before, after = change.previous_commit_hash, change.commit_hash
    levels = (with_unit(value, change.unit) for value in (change.value_before, change.value_after))
    cells = (
        _time(change.at_seconds),
        change.scope.project,
        change.name,
        change.scope.branch,
        change.scope.environment,
        change.scope.machine_class or "-",
        f"{before[:COMMIT_CHARACTERS] or '?'}..{after[:COMMIT_CHARACTERS] or '?'}",
        " → ".join(levels),
        level_change(change.ratio, worse=change.worse),
        f"{change.p_value:.1g}",
        "-" if change.reported_seconds is None else _time(change.reported_seconds),
    )
    return tuple(map(printable, cells))


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
