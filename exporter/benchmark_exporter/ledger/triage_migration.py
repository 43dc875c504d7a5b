"""The migration that adds the states of regressions.

A regression that is open at the migration is new, since its newest run.
"""

_SCOPE = "project TEXT, environment TEXT, machine_class TEXT, branch TEXT, name TEXT"
_KEY = "project, environment, machine_class, branch, name"

TRIAGE = f"""
    CREATE TABLE triage ({_SCOPE}, state TEXT NOT NULL, since_seconds REAL NOT NULL,
        who TEXT NOT NULL, why TEXT NOT NULL, ticket TEXT NOT NULL, began_seconds REAL NOT NULL,
        began_commit TEXT NOT NULL, ended_seconds REAL, critical INTEGER NOT NULL,
        step INTEGER NOT NULL, reported_ratio REAL, grown_run INTEGER, triaged INTEGER NOT NULL,
        noise INTEGER NOT NULL, until_seconds REAL, expectation TEXT,
        PRIMARY KEY ({_KEY})) WITHOUT ROWID;
    CREATE INDEX open_triage ON triage ({_KEY}) WHERE ended_seconds IS NULL;
    CREATE INDEX expected_triage ON triage (until_seconds) WHERE until_seconds IS NOT NULL;
    CREATE TABLE triage_history (id INTEGER PRIMARY KEY, {_SCOPE}, began_seconds REAL NOT NULL,
        at_seconds REAL NOT NULL, state TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL,
        ticket TEXT NOT NULL, until_seconds REAL);
    CREATE INDEX triage_history_by_result ON triage_history ({_KEY}, id);
    CREATE INDEX triage_history_by_time ON triage_history (at_seconds);
    INSERT INTO triage SELECT n.project, n.environment, n.machine_class, n.branch, n.name, 'new',
        r.ingested_seconds, 'benchmark-exporter', '', '', r.ingested_seconds, v.passed_commit, NULL,
        v.state = 'critical', 0, v.worsening_ratio, NULL, 0, 0, NULL, NULL
        FROM newest_verdicts n JOIN verdicts v ON v.run = n.run AND v.name = n.name
        JOIN runs r ON r.id = n.run WHERE v.state IN ('warning', 'critical') AND v.shifted IS NOT 1;
"""  # noqa: S608  # constants
