"""The migration that records by which limits a result was judged, and what would be detectable.

Verdicts from before it were judged by the default limits, and say nothing of more samples.
"""

LIMITS = """
    ALTER TABLE verdicts ADD COLUMN uncapped TEXT;
    ALTER TABLE verdicts ADD COLUMN limits TEXT NOT NULL DEFAULT '';
    ALTER TABLE verdicts ADD COLUMN quiet_ratio REAL;
    ALTER TABLE verdicts ADD COLUMN reachable_ratio REAL;
    ALTER TABLE verdicts ADD COLUMN reachable_samples INTEGER;
"""
