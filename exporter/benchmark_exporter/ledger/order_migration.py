"""The migration that gives every run a place in its scope, whenever it arrives.

What was judged before stays as it was judged: each series is settled at its newest run (see
`standings`), since how its earlier verdicts came about is not known.
"""

_SCOPE = "project TEXT, environment TEXT, machine_class TEXT, branch TEXT"
_SCOPE_KEY = "project, environment, machine_class, branch"
_OF_RUN = "(runs.project, runs.environment, runs.machine, runs.line)"
_OF_SHIFT = "(s.project, s.environment, s.machine_class, s.branch)"
_OF_SERIES = "(series.project, series.environment, series.machine_class, series.branch)"

# What `totals.tie_of` makes of the digest of a run's measurements.
_HEX = "instr('0123456789ABCDEF', substr(hex(measurements), {digit}, 1)) - 1"
_TIE = " + ".join(f"(({_HEX.format(digit=n)}) << {63 - 4 * n})" for n in range(1, 16))
_TIE += f" + (({_HEX.format(digit=16)}) >> 1)"
_RUNS = f"""
    ALTER TABLE runs ADD COLUMN rank_seconds REAL NOT NULL DEFAULT 0;
    ALTER TABLE runs ADD COLUMN tie INTEGER NOT NULL DEFAULT 0;
    UPDATE runs SET rank_seconds = iif(ahead, ingested_seconds, timestamp_seconds),
        tie = {_TIE};
    CREATE INDEX runs_by_rank ON runs (project, environment, machine, line, rank_seconds, tie);
"""  # noqa: S608  # constants

_VERDICTS = """
    ALTER TABLE verdicts ADD COLUMN shifted INTEGER;
    ALTER TABLE verdicts ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE verdicts ADD COLUMN standing_digest INTEGER;
    UPDATE verdicts SET shifted = 1 WHERE (run, name) IN (
        SELECT run, name FROM newest_verdicts WHERE shifted);
    UPDATE verdicts SET counted = 1 WHERE state = 'critical' AND shifted IS NOT 1;
    ALTER TABLE newest_verdicts DROP COLUMN shifted;
"""

_SERIES = f"""
    ALTER TABLE series ADD COLUMN tie INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE series ADD COLUMN shifted_runs INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE series ADD COLUMN limits_digest INTEGER;
    UPDATE series SET tie = coalesce((SELECT max(runs.tie) FROM runs
            WHERE {_OF_RUN} = {_OF_SERIES} AND runs.rank_seconds = series.rank_seconds
            AND tracked), 0),
        shifted_runs = coalesce((SELECT json_array_length(s.runs) FROM shifts s
            JOIN newest_verdicts n USING ({_SCOPE_KEY}) JOIN verdicts v USING (run, name)
            WHERE {_OF_SHIFT} = {_OF_SERIES} AND n.name = series.name AND v.shifted), 0);
    CREATE TABLE settled ({_SCOPE}, name TEXT, unit TEXT, rank_seconds REAL NOT NULL,
        tie INTEGER NOT NULL, state TEXT NOT NULL, passed_commit TEXT NOT NULL,
        shifted_runs INTEGER NOT NULL, pinned REAL,
        PRIMARY KEY ({_SCOPE_KEY}, name, unit)) WITHOUT ROWID;
    INSERT INTO settled SELECT {_SCOPE_KEY}, name, unit, rank_seconds, tie, state, passed_commit,
        shifted_runs, pinned FROM series WHERE state IS NOT NULL;
    CREATE TABLE checkpoints (run INTEGER NOT NULL REFERENCES runs, name TEXT NOT NULL,
        unit TEXT NOT NULL, standing BLOB NOT NULL, PRIMARY KEY (run, name));
"""  # noqa: S608  # constants

_SHIFTS = f"""
    CREATE TABLE ordered ({_SCOPE}, run INTEGER NOT NULL, shifted INTEGER NOT NULL,
        rank_seconds REAL NOT NULL, tie INTEGER NOT NULL,
        PRIMARY KEY ({_SCOPE_KEY})) WITHOUT ROWID;
    INSERT INTO ordered SELECT s.project, s.environment, s.machine_class, s.branch,
        coalesce(r.id, 0), shifted, s.rank_seconds, coalesce(r.tie, 0)
        FROM shifts s LEFT JOIN runs r ON r.id = (SELECT id FROM runs
            WHERE {_OF_RUN} = {_OF_SHIFT} AND runs.rank_seconds = s.rank_seconds AND tracked
            ORDER BY tie DESC, id DESC LIMIT 1);
    DROP TABLE shifts;
    ALTER TABLE ordered RENAME TO shifts;
"""  # noqa: S608  # constants

ORDER = "".join((_RUNS, _VERDICTS, _SERIES, _SHIFTS))
