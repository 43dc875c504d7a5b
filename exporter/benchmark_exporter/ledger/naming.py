"""What the names of benchmarks belong to, in one transaction."""

import sqlite3
from collections.abc import Iterable, Sequence

from benchmark_exporter.ledger.rows import CarriedAliasRow, ExecutableRow
from benchmark_exporter.ledger.tables import CARRIED_ALIASES, EXECUTABLES, FORMER_NAMES
from benchmark_exporter.ledger.write_buffer import WriteBuffer

Alias = tuple[str, str, str]  # project, '' for all; old name; new name


class Naming:
    """See `names_migration` for what the tables hold."""

    def __init__(self, connection: sqlite3.Connection, buffer: WriteBuffer) -> None:
        self._connection = connection
        self._buffer = buffer
        self._has_former: bool | None = None

    def projects(self) -> list[str]:
        """The projects that have runs."""
        rows = self._connection.execute("SELECT DISTINCT project FROM branches")
        return [project for (project,) in rows]

    def owner(self, project: str, benchmark: str) -> str | None:
        """The executable that a benchmark's plain name belongs to; None if to none yet."""
        row = self._buffer.get(EXECUTABLES, (project, benchmark))
        return None if row is None else row.executable

    def owners(self, projects: Sequence[str]) -> list[tuple[str, str, str]]:
        """Projects, benchmarks and the executables that have their plain names.

        Of these projects, of all if there are none.
        """
        self._buffer.flush()
        rows = self._connection.execute("SELECT project, benchmark, executable FROM executables")
        return [row for row in rows if not projects or row[0] in projects]

    def give(self, project: str, benchmark: str, executable: str) -> None:
        """Makes a benchmark's plain name an executable's."""
        self._buffer.put(EXECUTABLES, (project, benchmark), ExecutableRow(executable))

    def take_former(self, project: str, benchmark: str) -> bool:
        """Whether nobody has taken on the history of a benchmark's former name; now it is taken."""
        if self._has_former is None:  # most ledgers have none, and need not be asked for each
            found = self._connection.execute("SELECT 1 FROM former_names LIMIT 1").fetchone()
            self._has_former = found is not None
        key = (project, benchmark)
        if not self._has_former or self._buffer.get(FORMER_NAMES, key) is None:
            return False
        self._buffer.put(FORMER_NAMES, key, None)
        return True

    def new_aliases(self, aliases: Iterable[Alias]) -> list[Alias]:
        """The aliases that were not carried over yet. They count as carried over now.

        Others, which are no longer configured, are carried over again if they come back.
        """
        wanted = list(aliases)
        found = self._connection.execute("SELECT project, old, new FROM carried_aliases")
        carried: set[Alias] = set(found)
        for alias in carried.difference(wanted):
            self._buffer.put(CARRIED_ALIASES, alias, None)
        new = [alias for alias in wanted if alias not in carried]
        for alias in new:
            self._buffer.put(CARRIED_ALIASES, alias, CarriedAliasRow(*alias))
        return new
