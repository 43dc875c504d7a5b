"""Renaming what runs have measured: their results, failures, gate outcomes and verdicts."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmark_exporter.ledger.columns import to_json
from benchmark_exporter.names import Renamings

# The table, its column of names, and what else changes with the name.
_PARTS = (
    ", (benchmark, variant) = (SELECT new_benchmark, new_variant FROM renamed_parts p "
    "WHERE p.benchmark = results.benchmark AND p.variant = results.variant)"
)
MEASURED = (
    ("results", "name", _PARTS),
    ("failures", "benchmark", ""),
    ("gate_outcomes", "benchmark", ""),
    ("verdicts", "name", ""),
    ("checkpoints", "name", ""),
)
_TEMPORARY = (
    "renamed_names (old TEXT PRIMARY KEY, new TEXT) WITHOUT ROWID",
    "renamed_runs (run INTEGER PRIMARY KEY)",
    """renamed_parts (benchmark TEXT, variant TEXT, new_benchmark TEXT, new_variant TEXT,
        PRIMARY KEY (benchmark, variant)) WITHOUT ROWID""",
)
# Every name of a tracked branch's run is the newest of one; others have to be read.
_KNOWN_NAMES = """
    SELECT name FROM newest_results
    UNION SELECT benchmark FROM newest_runs
    UNION SELECT benchmark FROM newest_gate_outcomes
    UNION SELECT name FROM runs CROSS JOIN results ON run = id WHERE NOT tracked
    UNION SELECT benchmark FROM runs CROSS JOIN failures ON run = id WHERE NOT tracked
    UNION SELECT benchmark FROM runs CROSS JOIN gate_outcomes ON run = id WHERE NOT tracked
"""
_GATHER = (
    "INSERT OR IGNORE INTO renamed_runs SELECT run FROM {table} "
    "WHERE {name} IN (SELECT old FROM renamed_names) AND (:projects = '[]' OR run IN ("
    "SELECT id FROM runs WHERE project IN (SELECT value FROM json_each(:projects))))"
)
_HAVING_BOTH = (
    "SELECT old, new, run_id FROM renamed_runs g CROSS JOIN {table} t ON t.run = g.run "
    "CROSS JOIN renamed_names ON old = t.{name} CROSS JOIN runs ON id = t.run "
    "WHERE EXISTS (SELECT 1 FROM {table} o WHERE o.run = t.run AND o.{name} = new) LIMIT 1"
)
_HAVING_TWO = (
    "SELECT min(old), max(old), max(run_id) FROM renamed_runs g CROSS JOIN {table} t "
    "ON t.run = g.run CROSS JOIN renamed_names ON old = t.{name} CROSS JOIN runs ON id = t.run "
    "GROUP BY t.run, new HAVING count(*) > 1 LIMIT 1"
)
_RENAMED_PARTS = (
    "SELECT DISTINCT benchmark, variant FROM results "
    "WHERE run IN (SELECT run FROM renamed_runs) AND +name IN (SELECT old FROM renamed_names)"
)
_RENAME = (
    "UPDATE {table} SET {name} = (SELECT new FROM renamed_names WHERE old = {name}){more} "
    "WHERE run IN (SELECT run FROM renamed_runs) AND +{name} IN (SELECT old FROM renamed_names)"
)


@contextmanager
def gathered(
    connection: sqlite3.Connection, renamings: Renamings, projects: Sequence[str]
) -> Iterator[int]:
    """The number of runs that have the names, in temporary tables: these runs, and the names."""
    execute = connection.execute
    for table in _TEMPORARY:
        execute(f"CREATE TEMP TABLE {table}")
    try:
        names = [(name, renamings.name(name)) for (name,) in execute(_KNOWN_NAMES)]
        connection.executemany(
            "INSERT INTO renamed_names VALUES (?, ?)",
            [(old, new) for old, new in names if old != new],
        )
        for table, name, _ in MEASURED:
            execute(_GATHER.format(table=table, name=name), {"projects": to_json(projects)})
        ((runs,),) = execute("SELECT count(*) FROM renamed_runs")
        yield runs
    finally:
        for table in _TEMPORARY:
            execute(f"DROP TABLE temp.{table.partition(' ')[0]}")


def having_both(connection: sqlite3.Connection) -> tuple[str, str, str] | None:
    """Two names that would be one, or are to be, and the run_id of a run that has measured both."""
    for statement in (_HAVING_BOTH, _HAVING_TWO):
        for table, name, _ in MEASURED:
            found: tuple[str, str, str] | None = connection.execute(
                statement.format(table=table, name=name)
            ).fetchone()
            if found is not None:
                return found
    return None


def rename_measured(connection: sqlite3.Connection, renamings: Renamings) -> tuple[int, list[str]]:
    """How many results and failures were renamed, and which benchmarks a result has left."""
    rows = connection.execute(_RENAMED_PARTS).fetchall()
    parts = [(*stated, *renamings.parts(*stated)) for stated in rows]
    connection.executemany("INSERT INTO renamed_parts VALUES (?, ?, ?, ?)", parts)
    left = [
        benchmark
        for benchmark, _, new, _ in parts
        if benchmark != new and not renamings.applies(benchmark)
    ]
    renamed = {
        table: connection.execute(_RENAME.format(table=table, name=name, more=more)).rowcount
        for table, name, more in MEASURED
    }
    return renamed["results"] + renamed["failures"], list(dict.fromkeys(left))
