"""The migration that adds which runs refute that a regression is fixed.

For one that was said to be fixed before, they are counted from the next run on.
"""

TRIAGE_FIXED = """
    ALTER TABLE triage ADD COLUMN said_commit TEXT NOT NULL DEFAULT '';
    ALTER TABLE triage ADD COLUMN as_bad_runs INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE triage ADD COLUMN worse_runs INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE triage ADD COLUMN counted_run INTEGER;
"""
