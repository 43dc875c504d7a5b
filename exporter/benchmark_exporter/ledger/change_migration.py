"""The migration that adds change points. Every known series is searched once, in the background."""

_KEY = "project, environment, machine_class, branch, name, unit"

CHANGES = f"""
    CREATE TABLE change_points (project TEXT, environment TEXT, machine_class TEXT, branch TEXT,
        name TEXT, unit TEXT, run INTEGER, run_id TEXT NOT NULL, commit_hash TEXT NOT NULL,
        at_seconds REAL NOT NULL, previous_run INTEGER NOT NULL, previous_run_id TEXT NOT NULL,
        previous_commit_hash TEXT NOT NULL, previous_seconds REAL NOT NULL,
        value_before REAL NOT NULL, value_after REAL NOT NULL, ratio REAL, p_value REAL NOT NULL,
        worse INTEGER NOT NULL, reported_seconds REAL, found_seconds REAL NOT NULL,
        alarm_commit TEXT, newest INTEGER NOT NULL,
        PRIMARY KEY ({_KEY}, run)) WITHOUT ROWID;
    CREATE TABLE change_searches_due (project TEXT, environment TEXT, machine_class TEXT,
        branch TEXT, name TEXT, unit TEXT, regressed INTEGER NOT NULL,
        PRIMARY KEY ({_KEY})) WITHOUT ROWID;
    INSERT INTO change_searches_due SELECT {_KEY}, 0 FROM series;
    CREATE TABLE change_search (through_run INTEGER NOT NULL);
    INSERT INTO change_search SELECT coalesce(max(id), 0) FROM runs;
"""  # noqa: S608  # constants
