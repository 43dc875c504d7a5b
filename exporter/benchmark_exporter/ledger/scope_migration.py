"""The migration that keeps apart what comes from another project, machine class or branch.

Before it, what a scrape shows was known by name and environment. Each row takes its project and
machine class from the newest run of its name and environment. As branch it takes the project's
default one: main if a run states it, else master if one does, else the branch with most runs if
every run states one, else main. Every number stays.

A pipeline's project is that of the configuration, which is not known here: it is empty until
`Ledger.adopt_pipelines` sets it.
"""

_LINES = """
    UPDATE runs SET branch = substr(branch, 12) WHERE substr(branch, 1, 11) = 'refs/heads/';
    CREATE TABLE branches (project TEXT, branch TEXT, runs INTEGER NOT NULL,
        PRIMARY KEY (project, branch));
    INSERT INTO branches SELECT project, branch, count(*) FROM runs
        GROUP BY project, branch ORDER BY min(id);
    CREATE TABLE fallback_branches (project TEXT PRIMARY KEY, branch TEXT NOT NULL);
    INSERT INTO fallback_branches SELECT project, (
            SELECT branch FROM branches WHERE project = b.project ORDER BY runs DESC, rowid LIMIT 1)
        FROM branches b GROUP BY project
        HAVING NOT max(branch IN ('', 'main', 'master') OR branch GLOB 'release/*');
    CREATE TEMP TABLE lines AS SELECT project, coalesce(f.branch,
            CASE WHEN max(b.branch = 'main') THEN 'main'
            WHEN max(b.branch = 'master') THEN 'master' ELSE 'main' END) AS line
        FROM branches b LEFT JOIN fallback_branches f USING (project) GROUP BY project;
    ALTER TABLE runs ADD COLUMN line TEXT NOT NULL DEFAULT '';
    ALTER TABLE runs ADD COLUMN tracked INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE runs ADD COLUMN ahead INTEGER NOT NULL DEFAULT 0;
    UPDATE runs SET line = (SELECT line FROM lines WHERE lines.project = runs.project),
        ahead = timestamp_seconds > ingested_seconds + 300;
    DROP INDEX runs_with_duration;
    CREATE INDEX runs_with_duration ON runs (project, id)
        WHERE suite_duration_seconds IS NOT NULL AND tracked;
    CREATE INDEX branch_runs ON runs (id) WHERE NOT tracked;
"""

# Where a name and environment belong; where a name alone does, for which a gate's run decides; and
# every scope in which something of a name is shown.
_HOMES = """
    CREATE TEMP TABLE seen AS
        SELECT name, environment, run, rank_seconds FROM newest_results
        UNION ALL SELECT benchmark, environment, run, rank_seconds FROM newest_runs
        UNION ALL SELECT name, environment, run, rank_seconds FROM newest_verdicts
        UNION ALL SELECT benchmark, runs.environment, run, rank_seconds
            FROM newest_gate_outcomes JOIN runs ON runs.id = run;
    CREATE TEMP TABLE homes AS
        SELECT name, seen.environment, project, machine, line, max(rank_seconds) AS rank
        FROM seen JOIN runs ON runs.id = run GROUP BY name, seen.environment;
    CREATE INDEX temp.homes_by_name ON homes (name, environment);
    CREATE TEMP TABLE name_homes AS
        SELECT name, environment, project, machine, line, max(rank) FROM (
            SELECT name, environment, project, machine, line, rank FROM homes
            UNION ALL SELECT benchmark, environment, project, machine, line, 1e300
                FROM newest_gate_outcomes JOIN runs ON runs.id = run)
        GROUP BY name;
    CREATE INDEX temp.name_homes_by_name ON name_homes (name);
    CREATE TEMP TABLE scopes AS SELECT DISTINCT name, seen.environment, project, machine, line
        FROM seen JOIN runs ON runs.id = run;
    CREATE INDEX temp.scopes_by_name ON scopes (name, environment);
"""

_SCOPE = "project TEXT, environment TEXT, machine_class TEXT, branch TEXT"
_SCOPE_KEY = "project, environment, machine_class, branch"
_LINE = "coalesce((SELECT line FROM lines WHERE lines.project = s.project), 'main')"
_SCOPED_TABLES = f"""
    CREATE TABLE scoped ({_SCOPE}, name TEXT, unit TEXT, state TEXT, window TEXT NOT NULL,
        previous TEXT, pinned REAL, passed_commit TEXT NOT NULL, rank_seconds REAL NOT NULL,
        PRIMARY KEY ({_SCOPE_KEY}, name, unit)) WITHOUT ROWID;
    INSERT INTO scoped SELECT project, environment, machine, {_LINE}, name, unit, state, window,
        previous, pinned, passed_commit, rank_seconds FROM series s;
    DROP TABLE series;
    ALTER TABLE scoped RENAME TO series;
    CREATE TABLE scoped ({_SCOPE}, name TEXT, unit TEXT, run INTEGER NOT NULL, run_id TEXT NOT NULL,
        commit_hash TEXT NOT NULL, value REAL NOT NULL, p50 REAL, p95 REAL, version TEXT NOT NULL,
        who TEXT NOT NULL, at_seconds REAL NOT NULL, reason TEXT NOT NULL,
        PRIMARY KEY ({_SCOPE_KEY}, name, unit)) WITHOUT ROWID;
    INSERT INTO scoped SELECT project, environment, machine, {_LINE}, name, unit, run, run_id,
        commit_hash, value, p50, p95, version, who, at_seconds, reason FROM baselines s;
    DROP TABLE baselines;
    ALTER TABLE scoped RENAME TO baselines;
    CREATE TABLE scoped ({_SCOPE}, rank_seconds REAL NOT NULL, shifted INTEGER NOT NULL,
        runs TEXT NOT NULL, PRIMARY KEY ({_SCOPE_KEY})) WITHOUT ROWID;
    INSERT INTO scoped SELECT project, environment, machine, {_LINE}, rank_seconds, shifted, runs
        FROM shifts s;
    DROP TABLE shifts;
    ALTER TABLE scoped RENAME TO shifts;
    CREATE TABLE scoped ({_SCOPE}, benchmark TEXT, severity TEXT, commit_hash TEXT,
        value INTEGER NOT NULL, born_seconds REAL NOT NULL, rank_seconds REAL NOT NULL,
        PRIMARY KEY ({_SCOPE_KEY}, benchmark, severity, commit_hash)) WITHOUT ROWID;
    INSERT INTO scoped SELECT coalesce(project, ''), coalesce(environment, ''),
        coalesce(machine, ''), coalesce(line, 'main'), benchmark, severity, commit_hash, value,
        born_seconds, rank_seconds FROM commit_regressions LEFT JOIN name_homes ON name = benchmark;
    DROP TABLE commit_regressions;
    ALTER TABLE scoped RENAME TO commit_regressions;
    CREATE INDEX commit_regressions_by_rank ON commit_regressions ({_SCOPE_KEY}, benchmark,
        severity, rank_seconds DESC, commit_hash);
"""  # noqa: S608  # constants

_RUN = "run INTEGER NOT NULL REFERENCES runs"
_RANK = "rank_seconds REAL NOT NULL, tie INTEGER NOT NULL"


def _newest(table: str, name: str, column: str, value: str) -> str:
    """Rebuilds a table of newest rows, each in the scope of its run."""
    values = f", {value}" if value else ""
    return f"""
    CREATE TABLE scoped ({_SCOPE}, {name} TEXT, {_RUN}{column}, {_RANK},
        PRIMARY KEY ({_SCOPE_KEY}, {name})) WITHOUT ROWID;
    INSERT INTO scoped SELECT project, runs.environment, runs.machine, line, {name},
        run{values}, rank_seconds, 0 FROM {table} JOIN runs ON runs.id = run;
    DROP TABLE {table};
    ALTER TABLE scoped RENAME TO {table};
    CREATE INDEX {table}_by_run ON {table} (run);
    """  # noqa: S608  # constants


# A regression of a run that was a shift moved with it.
_SHIFTED = """state IN ('warning', 'critical') AND EXISTS (SELECT 1 FROM shifts s
            WHERE s.shifted AND s.project = runs.project AND s.environment = runs.environment
            AND s.machine_class = runs.machine AND s.rank_seconds = newest_verdicts.rank_seconds)"""

_BENCHMARK_LABELS = """(SELECT json_array(h.project, h.environment, h.machine, h.line, h.name{more})
        FROM homes h WHERE h.name = json_extract({table}.labels, '$[0]')
        AND h.environment = json_extract({table}.labels, '$[{environment}]'))"""
_NAME_LABELS = """(SELECT json_array(h.project, h.environment, h.machine, h.line, h.name{more})
        FROM name_homes h WHERE h.name = json_extract({table}.labels, '$[0]'))"""
_UNKNOWN_LABELS = """json_array('', {environment}, '', 'main',
        json_extract({table}.labels, '$[0]'){more})"""
# How the labels of each total are found: those after the name, and which of the old ones is the
# environment, if any is.
_TOTALS = (
    (("runs", "failures", "regressions_confirmed", "regressions_suppressed"), (), 1),
    (("execution_time_ms",), (1,), 2),
    (("regressions",), (1,), None),
    (("regressions_by_commit",), (1, 2), None),
)


def _relabelled(table: str) -> str:
    """The labels of a table's totals of benchmarks, and of pipelines, as they are counted now."""
    script = ""
    for names, others, environment in _TOTALS:
        more = "".join(f", json_extract({table}.labels, '$[{each}]')" for each in others)
        found = _NAME_LABELS if environment is None else _BENCHMARK_LABELS
        known = found.format(table=table, more=more, environment=environment)
        stated = (
            "''" if environment is None else f"json_extract({table}.labels, '$[{environment}]')"
        )
        unknown = _UNKNOWN_LABELS.format(table=table, more=more, environment=stated)
        listed = ", ".join(f"'{name}'" for name in names)
        script += f"""
    UPDATE {table} SET labels = coalesce({known}, {unknown}) WHERE name IN ({listed});"""  # noqa: S608  # constants
    return f"""{script}
    UPDATE {table} SET labels = json_array('', json_extract(labels, '$[0]'),
        json_extract(labels, '$[1]')) WHERE name = 'pipeline_runs';
    """  # noqa: S608  # constants


_SUBJECTS = """
    CREATE TABLE scoped (kind TEXT, project TEXT, name TEXT, environment TEXT, machine_class TEXT,
        branch TEXT, trigger TEXT, prefix TEXT NOT NULL, position INTEGER NOT NULL,
        seen_seconds REAL NOT NULL, PRIMARY KEY (kind, project, name, environment, machine_class,
        branch, trigger)) WITHOUT ROWID;
    INSERT INTO scoped SELECT kind, project, name, environment, machine, branch, trigger,
        substr(labels, 1, length(labels) - 1),
        row_number() OVER (ORDER BY position, project, machine), seen_seconds
        FROM (SELECT kind, coalesce(c.project, '') AS project, s.name, qualifier AS environment,
            coalesce(machine, '') AS machine, coalesce(line, 'main') AS branch, '' AS trigger,
            json_array(coalesce(c.project, ''), qualifier, coalesce(machine, ''),
                coalesce(line, 'main'), s.name) AS labels, position, seen_seconds
            FROM subjects s LEFT JOIN scopes c ON c.name = s.name AND c.environment = qualifier
            WHERE kind = 'benchmark'
        UNION ALL SELECT kind, '', name, '', '', qualifier, trigger, json_array('', name),
            position, seen_seconds FROM subjects WHERE kind = 'pipeline');
    DROP TABLE subjects;
    ALTER TABLE scoped RENAME TO subjects;
    CREATE INDEX subjects_by_position ON subjects (position, seen_seconds, prefix);
"""

_PIPELINES = """
    CREATE TABLE scoped (project TEXT, pipeline TEXT, run_id TEXT, timestamp_seconds REAL,
        branch TEXT, trigger TEXT, passed INTEGER, duration_seconds REAL,
        rank_seconds REAL NOT NULL, ingested_seconds REAL NOT NULL, PRIMARY KEY (project, pipeline,
        run_id, timestamp_seconds, branch, trigger, passed)) WITHOUT ROWID;
    INSERT INTO scoped SELECT '', pipeline, run_id, timestamp_seconds, branch, trigger, passed,
        duration_seconds, rank_seconds, ingested_seconds FROM pipeline_runs;
    DROP TABLE pipeline_runs;
    ALTER TABLE scoped RENAME TO pipeline_runs;
    CREATE INDEX pipeline_runs_by_rank ON pipeline_runs (project, pipeline, rank_seconds, run_id,
        passed);
    CREATE INDEX pipeline_runs_by_time ON pipeline_runs (timestamp_seconds);
    CREATE TABLE scoped (project TEXT, pipeline TEXT, branch TEXT, trigger TEXT,
        passed INTEGER NOT NULL, duration_seconds REAL, rank_seconds REAL NOT NULL,
        tie INTEGER NOT NULL, PRIMARY KEY (project, pipeline, branch, trigger)) WITHOUT ROWID;
    INSERT INTO scoped SELECT '', pipeline, branch, trigger, passed, duration_seconds, rank_seconds,
        0 FROM newest_pipeline_runs;
    DROP TABLE newest_pipeline_runs;
    ALTER TABLE scoped RENAME TO newest_pipeline_runs;
"""

# What pruned runs took goes to the project whose run is the newest.
_SUITE_DURATIONS = """
    CREATE TABLE suite_durations (project TEXT PRIMARY KEY, duration_count INTEGER NOT NULL,
        duration_sum_seconds REAL NOT NULL) WITHOUT ROWID;
    INSERT INTO suite_durations SELECT project, count(*), sum(suite_duration_seconds) FROM runs
        WHERE suite_duration_seconds IS NOT NULL GROUP BY project;
    CREATE TEMP TABLE newest_suite AS SELECT project FROM runs
        WHERE suite_duration_seconds IS NOT NULL ORDER BY id DESC LIMIT 1;
    CREATE TEMP TABLE other_suites AS SELECT coalesce(sum(duration_count), 0) AS count,
        coalesce(sum(duration_sum_seconds), 0) AS seconds
        FROM suite_durations WHERE project NOT IN (SELECT project FROM newest_suite);
    UPDATE suite_durations SET
        duration_count = (SELECT suite_duration_count FROM totals)
            - (SELECT count FROM other_suites),
        duration_sum_seconds = (SELECT suite_duration_sum_seconds FROM totals)
            - (SELECT seconds FROM other_suites)
        WHERE project IN (SELECT project FROM newest_suite);
    ALTER TABLE totals DROP COLUMN suite_duration_count;
    ALTER TABLE totals DROP COLUMN suite_duration_sum_seconds;
"""

_NOTIFICATIONS = "".join(
    f"ALTER TABLE notifications ADD COLUMN {column} TEXT NOT NULL DEFAULT '';\n"
    for column in ("project", "environment", "machine_class", "branch")
)

_TEMPORARY = ("lines", "seen", "homes", "name_homes", "scopes", "newest_suite", "other_suites")

SCOPES = "".join(
    (
        _LINES,
        _HOMES,
        _SCOPED_TABLES,
        _newest("newest_verdicts", "name", ", shifted INTEGER NOT NULL", _SHIFTED),
        _newest("newest_results", "name", "", ""),
        _newest("newest_runs", "benchmark", ", failed INTEGER NOT NULL", "failed"),
        _newest("newest_gate_outcomes", "benchmark", "", ""),
        *map(_relabelled, ("counters", "histograms", "returned")),
        _SUBJECTS,
        _PIPELINES,
        _SUITE_DURATIONS,
        _NOTIFICATIONS,
        *(f"DROP TABLE temp.{table};\n" for table in _TEMPORARY),
    )
)
