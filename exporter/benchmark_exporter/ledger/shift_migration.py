"""The migration that keeps how far an environment shift reaches.

Of the shift that is active at the migration, this is known from its next run on.
"""

SHIFTS = """
    CREATE TABLE run_shifts (run INTEGER PRIMARY KEY REFERENCES runs, ratio REAL NOT NULL,
        moved INTEGER NOT NULL, judged INTEGER NOT NULL,
        accepted INTEGER NOT NULL);
    CREATE INDEX accepted_shifts ON run_shifts (run) WHERE accepted;
"""
