"""What a transaction has changed and not yet written.

The files of a batch change the same few rows again and again, and calling SQLite costs more than
the row that is written. So rows are gathered here and written together, table by table.

Contract
- `insert` writes at once, for a row of which it matters whether it is new. `add` gathers a new row.
  `get`, `change` and `put` are for rows that are found by their key.
- Read your writes: `get` and `change` see what was put or changed before. They do not see what was
  added, and SQL sees nothing that is gathered: whoever reads by SQL what may have been gathered
  calls `flush` first.
- A row is read once, by its first `get` or `change`, and written once a flush, however often it
  changed; not at all if every change left it as it was. `put` reads nothing. A row put as None is
  deleted.
- `flush` writes added rows first, then the others, each table in the order in which it was first
  used.
- Savepoints: flush, take the savepoint, and flush before it is released. To undo it, roll back to
  it and `discard`, which drops what is gathered and what was read: the database is again what it
  was, and is read again.
- A value that SQLite cannot store raises when it is written, or when a row is looked up by it;
  never in `add` or `put`.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVarTuple

from benchmark_exporter.ledger.columns import Key, Row, Table
from benchmark_exporter.ledger.touched import Touched

Change = TypeVarTuple("Change")


class _Rows:
    """The rows of one table that were read or put, None for one that is not there.

    `unwritten` has the keys of those to be written, in their order.
    """

    __slots__ = ("known", "unwritten")

    def __init__(self) -> None:
        self.known: dict[Key, Any] = {}
        self.unwritten: dict[Key, None] = {}


class WriteBuffer:
    """See the module's contract.

    `changed` says whether anything was changed, `touched` what that may be; whoever writes past the
    buffer sets both.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._added: defaultdict[Table[Any], list[Key]] = defaultdict(list)
        self._rows: defaultdict[Table[Any], _Rows] = defaultdict(_Rows)
        self.changed = False
        self.touched = Touched()

    def change_everything(self) -> None:
        """Notes that anything may be changed past the buffer."""
        self.changed = self.touched.everything = True

    def insert(self, table: Table[Row], row: Row) -> sqlite3.Cursor:
        """Inserts a row at once, unless it is there, which the cursor's rowcount says."""
        self.changed = True
        return self._connection.execute(table.insert_new, table.bind((), row))

    def add(self, table: Table[Row], key: Key, row: Row) -> None:
        """Gathers a row that is not there yet."""
        self.changed = True
        self._added[table].append(table.bind(key, row))

    def get(self, table: Table[Row], key: Key) -> Row | None:
        """The row that has the key."""
        known = self._rows[table].known
        if key not in known:
            known[key] = self._read(table, key)
        row: Row | None = known[key]
        return row

    def get_gathered(self, table: Table[Row], key: Key) -> Row | None:
        """The same for a row that cannot be in the database yet, which is not asked."""
        return self._rows[table].known.get(key)

    def put(self, table: Table[Row], key: Key, row: Row | None) -> None:
        """Gathers a row in place of whatever has the key; None deletes it."""
        self.changed = True
        rows = self._rows[table]
        rows.known[key] = row
        rows.unwritten[key] = None

    def change(
        self,
        table: Table[Row],
        key: Key,
        changed: Callable[[Row | None, *Change], Row],
        *change: *Change,
    ) -> None:
        """Gathers what a change makes of the row that has the key.

        `changed` returns the same row if nothing changes.
        """
        self.changed = True
        rows = self._rows[table]
        known = rows.known
        try:
            before = known[key]
        except KeyError:
            before = known[key] = self._read(table, key)
        after = changed(before, *change)
        if after is not before:
            known[key] = after
            rows.unwritten[key] = None
            if before is None:
                self.touched.note_birth(table)

    def flush(self) -> None:
        """Writes what was gathered."""
        execute_many = self._connection.executemany
        for table, added in self._added.items():
            execute_many(table.insert, added)
        self._added.clear()
        for table, rows in self._rows.items():
            if not rows.unwritten:
                continue
            self.touched.note_rows(table, rows.unwritten)
            bind, known, deleted, replaced = table.bind, rows.known, list[Key](), list[Key]()
            for key in rows.unwritten:
                row = known[key]
                if row is None:
                    deleted.append(table.bind_key(key))
                else:
                    replaced.append(bind(key, row))
            if replaced:
                execute_many(table.replace, replaced)
            if deleted:
                execute_many(table.delete, deleted)
            rows.unwritten.clear()

    def discard(self) -> None:
        """Drops what was gathered and read, after a savepoint was rolled back."""
        self._added.clear()
        self._rows.clear()

    def _read(self, table: Table[Row], key: Key) -> Row | None:
        found = self._connection.execute(table.select, table.bind_key(key)).fetchone()
        return None if found is None else table.columns.read(found)
