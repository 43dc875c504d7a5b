"""The ledger's tables, and how they came to be."""

from benchmark_exporter.ledger.change_migration import CHANGES
from benchmark_exporter.ledger.delivery_migration import DELIVERY
from benchmark_exporter.ledger.drift_migration import DRIFTS
from benchmark_exporter.ledger.limits_migration import LIMITS
from benchmark_exporter.ledger.names_migration import NAMES
from benchmark_exporter.ledger.notification_migration import (
    NOTIFICATIONS_BOUNDED,
    NOTIFICATIONS_WHOLE,
)
from benchmark_exporter.ledger.order_migration import ORDER
from benchmark_exporter.ledger.scope_migration import SCOPES
from benchmark_exporter.ledger.shift_migration import SHIFTS
from benchmark_exporter.ledger.triage_fixed_migration import TRIAGE_FIXED
from benchmark_exporter.ledger.triage_migration import TRIAGE
from benchmark_exporter.ledger.witness_migration import WITNESS_TABLES

# Applied in order by `migrating`. Never edit one that was released; append, and say what it changes
# in migration_words.py.
#
# rank_seconds says which run is the newest: its document's time, but no later than when it came in.
# Were it the document's alone, one run from a machine whose clock is ahead would hide all others
# until that time.
MIGRATIONS = (
    """
    CREATE TABLE totals (commits INTEGER NOT NULL, last_ingest_seconds REAL NOT NULL,
        suite_duration_count INTEGER NOT NULL, suite_duration_sum_seconds REAL NOT NULL);
    INSERT INTO totals VALUES (0, 0, 0, 0);
    CREATE TABLE files (path TEXT PRIMARY KEY, inode INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, digest BLOB NOT NULL, reason TEXT,
        place TEXT, detail TEXT, at_seconds REAL NOT NULL) WITHOUT ROWID;
    CREATE INDEX rejected_files ON files (at_seconds) WHERE reason IS NOT NULL;
    CREATE INDEX files_by_digest ON files (digest);
    CREATE TABLE rejections (at_seconds REAL NOT NULL, path TEXT NOT NULL, reason TEXT NOT NULL,
        place TEXT NOT NULL, detail TEXT NOT NULL);
    CREATE INDEX rejections_by_time ON rejections (at_seconds);
    CREATE TABLE documents (digest BLOB PRIMARY KEY, file_digest BLOB NOT NULL,
        format TEXT NOT NULL, at_seconds REAL NOT NULL) WITHOUT ROWID;
    CREATE INDEX documents_by_time ON documents (at_seconds);
    CREATE TABLE measurements (digest BLOB PRIMARY KEY, at_seconds REAL NOT NULL) WITHOUT ROWID;
    CREATE INDEX measurements_by_time ON measurements (at_seconds);
    CREATE TABLE runs (id INTEGER PRIMARY KEY, project TEXT NOT NULL, run_id TEXT NOT NULL,
        measurements BLOB NOT NULL, format TEXT NOT NULL, environment TEXT NOT NULL,
        machine TEXT NOT NULL, commit_hash TEXT NOT NULL, branch TEXT NOT NULL,
        timestamp_seconds REAL NOT NULL, suite_duration_seconds REAL,
        ingested_seconds REAL NOT NULL, UNIQUE (project, run_id, measurements));
    CREATE INDEX runs_with_duration ON runs (id) WHERE suite_duration_seconds IS NOT NULL;
    CREATE INDEX runs_by_time ON runs (timestamp_seconds);
    CREATE INDEX runs_by_ingest ON runs (ingested_seconds);
    CREATE TABLE results (run INTEGER NOT NULL REFERENCES runs, name TEXT NOT NULL,
        benchmark TEXT NOT NULL, variant TEXT NOT NULL, unit TEXT NOT NULL, better TEXT, p50 REAL,
        p95 REAL, p99 REAL, mean REAL, min REAL, max REAL, stddev REAL, sample_count INTEGER,
        cv_ratio REAL, PRIMARY KEY (run, name)) WITHOUT ROWID;
    CREATE TABLE failures (run INTEGER NOT NULL REFERENCES runs, benchmark TEXT NOT NULL,
        error TEXT NOT NULL, PRIMARY KEY (run, benchmark)) WITHOUT ROWID;
    CREATE TABLE verdicts (run INTEGER NOT NULL REFERENCES runs, benchmark TEXT NOT NULL,
        speedup_p50_ratio REAL NOT NULL, speedup_p95_ratio REAL,
        min_speedup_p50_ratio REAL NOT NULL, min_speedup_p95_ratio REAL, max_p95_seconds REAL,
        criteria TEXT NOT NULL, passed INTEGER NOT NULL, severity TEXT, decided INTEGER NOT NULL,
        counted TEXT, PRIMARY KEY (run, benchmark)) WITHOUT ROWID;
    CREATE TABLE judgements (run INTEGER NOT NULL REFERENCES runs, name TEXT NOT NULL,
        state TEXT NOT NULL, value REAL NOT NULL, rolling REAL, pinned REAL, reference REAL,
        limit_value REAL, worsening_ratio REAL, noise_ratio REAL, run_count INTEGER NOT NULL,
        suppressed INTEGER NOT NULL, passed_commit TEXT NOT NULL, PRIMARY KEY (run,
        name)) WITHOUT ROWID;
    CREATE TABLE series (project TEXT, environment TEXT, machine TEXT, name TEXT, unit TEXT,
        window TEXT NOT NULL, previous TEXT, unconfirmed REAL, pinned REAL,
        passed_commit TEXT NOT NULL, rank_seconds REAL NOT NULL, PRIMARY KEY (project,
        environment, machine, name, unit)) WITHOUT ROWID;
    CREATE TABLE baselines (project TEXT, environment TEXT, machine TEXT, name TEXT, unit TEXT,
        run INTEGER NOT NULL, run_id TEXT NOT NULL, commit_hash TEXT NOT NULL,
        value REAL NOT NULL, p50 REAL, p95 REAL, version TEXT NOT NULL, who TEXT NOT NULL,
        at_seconds REAL NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (project, environment,
        machine, name, unit)) WITHOUT ROWID;
    CREATE TABLE shifts (project TEXT, environment TEXT, machine TEXT, rank_seconds REAL NOT NULL,
        shifted INTEGER NOT NULL, runs TEXT NOT NULL, PRIMARY KEY (project, environment,
        machine)) WITHOUT ROWID;
    CREATE TABLE newest_judgements (name TEXT, environment TEXT, rank_seconds REAL NOT NULL,
        run INTEGER NOT NULL REFERENCES runs, machine TEXT NOT NULL, state TEXT NOT NULL,
        PRIMARY KEY (name, environment)) WITHOUT ROWID;
    CREATE INDEX newest_judgements_by_run ON newest_judgements (run);
    CREATE TABLE newest_results (name TEXT, environment TEXT,
        run INTEGER NOT NULL REFERENCES runs, rank_seconds REAL NOT NULL, PRIMARY KEY (name,
        environment)) WITHOUT ROWID;
    CREATE INDEX newest_results_by_run ON newest_results (run);
    CREATE TABLE newest_runs (benchmark TEXT, environment TEXT,
        run INTEGER NOT NULL REFERENCES runs, failed INTEGER NOT NULL, rank_seconds REAL NOT NULL,
        PRIMARY KEY (benchmark, environment)) WITHOUT ROWID;
    CREATE INDEX newest_runs_by_run ON newest_runs (run);
    CREATE TABLE newest_verdicts (benchmark TEXT PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs, rank_seconds REAL NOT NULL) WITHOUT ROWID;
    CREATE INDEX newest_verdicts_by_run ON newest_verdicts (run);
    CREATE TABLE pipeline_runs (pipeline TEXT, run_id TEXT, timestamp_seconds REAL, branch TEXT,
        trigger TEXT, passed INTEGER, duration_seconds REAL, rank_seconds REAL NOT NULL,
        ingested_seconds REAL NOT NULL, PRIMARY KEY (pipeline, run_id, timestamp_seconds, branch,
        trigger, passed)) WITHOUT ROWID;
    CREATE INDEX pipeline_runs_by_rank ON pipeline_runs (pipeline, rank_seconds, run_id, passed);
    CREATE INDEX pipeline_runs_by_time ON pipeline_runs (timestamp_seconds);
    CREATE TABLE newest_pipeline_runs (pipeline TEXT, branch TEXT, trigger TEXT,
        passed INTEGER NOT NULL, duration_seconds REAL, rank_seconds REAL NOT NULL,
        PRIMARY KEY (pipeline, branch, trigger)) WITHOUT ROWID;
    CREATE TABLE counters (name TEXT, labels TEXT, value INTEGER NOT NULL,
        born_seconds REAL NOT NULL, PRIMARY KEY (name, labels)) WITHOUT ROWID;
    CREATE TABLE commit_regressions (benchmark TEXT, severity TEXT, commit_hash TEXT,
        value INTEGER NOT NULL, born_seconds REAL NOT NULL, rank_seconds REAL NOT NULL,
        PRIMARY KEY (benchmark, severity, commit_hash)) WITHOUT ROWID;
    CREATE INDEX commit_regressions_by_rank ON commit_regressions (benchmark, severity,
        rank_seconds DESC, commit_hash);
    CREATE TABLE histograms (name TEXT, labels TEXT, bounds TEXT NOT NULL, counts TEXT NOT NULL,
        total REAL NOT NULL, born_seconds REAL NOT NULL, PRIMARY KEY (name,
        labels)) WITHOUT ROWID;
    CREATE TABLE notifications (fingerprint TEXT PRIMARY KEY, alertname TEXT NOT NULL,
        benchmark TEXT NOT NULL, severity TEXT NOT NULL, status TEXT NOT NULL,
        summary TEXT NOT NULL, received_seconds REAL NOT NULL) WITHOUT ROWID;
    CREATE INDEX notifications_by_time ON notifications (received_seconds);
    CREATE TABLE subjects (kind TEXT, name TEXT, qualifier TEXT, trigger TEXT,
        prefix TEXT NOT NULL, place INTEGER NOT NULL, seen_seconds REAL NOT NULL,
        PRIMARY KEY (kind, name, qualifier, trigger)) WITHOUT ROWID;
    CREATE INDEX subjects_by_place ON subjects (place, seen_seconds, prefix);
    CREATE TABLE returned (name TEXT, labels TEXT, at_seconds REAL NOT NULL, bounds TEXT,
        counts TEXT, total NOT NULL, PRIMARY KEY (name, labels)) WITHOUT ROWID;
    """,
    # Terms: a gate has an outcome, a history gives a verdict. Renaming a table or column rewrites
    # no rows.
    """
    ALTER TABLE verdicts RENAME TO gate_outcomes;
    ALTER TABLE newest_verdicts RENAME TO newest_gate_outcomes;
    DROP INDEX newest_verdicts_by_run;
    CREATE INDEX newest_gate_outcomes_by_run ON newest_gate_outcomes (run);
    ALTER TABLE judgements RENAME TO verdicts;
    ALTER TABLE newest_judgements RENAME TO newest_verdicts;
    DROP INDEX newest_judgements_by_run;
    CREATE INDEX newest_verdicts_by_run ON newest_verdicts (run);
    ALTER TABLE files RENAME COLUMN place TO json_path;
    ALTER TABLE rejections RENAME COLUMN place TO json_path;
    ALTER TABLE subjects RENAME COLUMN place TO position;
    DROP INDEX subjects_by_place;
    CREATE INDEX subjects_by_position ON subjects (position, seen_seconds, prefix);
    UPDATE files SET reason = 'late_sidecar' WHERE reason = 'late_side_file';
    UPDATE rejections SET reason = 'late_sidecar' WHERE reason = 'late_side_file';
    UPDATE counters SET labels = '["late_sidecar"]'
        WHERE name = 'files_rejected' AND labels = '["late_side_file"]';
    """,
    # The judge keeps one state of a series. A series has none until its next run is judged.
    """
    ALTER TABLE series ADD COLUMN state TEXT;
    ALTER TABLE series DROP COLUMN unconfirmed;
    ALTER TABLE verdicts DROP COLUMN pinned;
    ALTER TABLE verdicts ADD COLUMN detectable_ratio REAL;
    ALTER TABLE verdicts ADD COLUMN alarm_runs INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE verdicts ADD COLUMN further INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE verdicts ADD COLUMN accepted INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE verdicts ADD COLUMN unaccepted REAL;
    """,
    SCOPES,
    ORDER,
    SHIFTS,
    NAMES,
    DELIVERY,
    LIMITS,
    DRIFTS,
    CHANGES,
    NOTIFICATIONS_BOUNDED,
    WITNESS_TABLES,
    TRIAGE,
    TRIAGE_FIXED,
    NOTIFICATIONS_WHOLE,
)
