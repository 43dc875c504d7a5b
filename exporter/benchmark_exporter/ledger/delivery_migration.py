"""The migration that stores which confirmed regressions were reported, and to whom.

Before it, nothing says what was reported: a regression that is confirmed now counts as reported.
"""

_SCOPE = "project TEXT, environment TEXT, machine_class TEXT, branch TEXT"

DELIVERY = f"""
    CREATE TABLE regression_reports ({_SCOPE}, name TEXT, alarm INTEGER NOT NULL,
        run INTEGER NOT NULL REFERENCES runs, rank_seconds REAL NOT NULL,
        confirmed_seconds REAL NOT NULL, reported INTEGER NOT NULL, merged INTEGER NOT NULL,
        ended_commit TEXT, ended_seconds REAL,
        PRIMARY KEY (project, environment, machine_class, branch, name)) WITHOUT ROWID;
    CREATE INDEX regression_reports_by_run ON regression_reports (run);
    INSERT INTO regression_reports SELECT project, environment, machine_class, branch, n.name,
        n.run, n.run, n.rank_seconds, n.rank_seconds, 1, 1, NULL, NULL
        FROM newest_verdicts n JOIN verdicts v ON v.run = n.run AND v.name = n.name
        WHERE v.state = 'critical' AND v.shifted IS NOT 1;
    CREATE TABLE scrapers (address TEXT PRIMARY KEY, seen_seconds REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE holds (part TEXT PRIMARY KEY, released_seconds REAL NOT NULL) WITHOUT ROWID;
"""  # noqa: S608  # constants
