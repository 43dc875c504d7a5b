"""The migration that adds which results are drifting, and how far these checks have come."""

DRIFTS = """
    CREATE TABLE drifts (project TEXT, environment TEXT, machine_class TEXT, branch TEXT, name TEXT,
        unit TEXT, since_seconds REAL NOT NULL, compared_seconds REAL NOT NULL,
        ratios TEXT NOT NULL, PRIMARY KEY (project, environment, machine_class, branch, name,
        unit)) WITHOUT ROWID;
    CREATE TABLE drift_checks (last_run INTEGER NOT NULL);
    INSERT INTO drift_checks VALUES (0);
"""
