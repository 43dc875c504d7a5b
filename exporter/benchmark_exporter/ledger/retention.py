"""What the ledger prunes by age, and what it keeps however old it is.

Age counts from when something came in, not from when it was made: an old result that is brought in
today is kept as long as any other.
Kept are
- running totals, all of them, so that no counter falls; what the next runs are judged by, and
  pinned baselines;
- what a scrape shows: runs that a newest_* row points to, those of regressions that are not
  reported yet, the newest runs with a duration, the newest runs of a pipeline;
- branches that have runs or are tracked, so that which branch is tracked stays as it is;
- files, which go when they have gone from their folder, and the digests of their documents: a file
  that is renamed or copied after its run was pruned must not count as a new one. In the results
  folder their owner removes them; uploaded ones are removed by `old_uploads`.

A change point that is not shown goes with its first run. The digests of measurements go by their
age alone: a document that grows repeats what was measured a short while ago.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import PurePath

from benchmark_exporter.ledger.change_removal import prune_changes
from benchmark_exporter.ledger.name_pruning import prune_names
from benchmark_exporter.ledger.notifications import prune_notifications
from benchmark_exporter.ledger.state import FAILURE_RATIO_RUNS, SUITE_DURATIONS
from benchmark_exporter.ledger.triage import prune_triage

STEP_ROWS = 1000

# Of a project's runs with a duration, the newest `SUITE_DURATIONS` are shown for it.
_OLD_RUNS = """
    SELECT ingested_seconds, id,
        EXISTS (SELECT 1 FROM newest_results WHERE run = id)
        OR EXISTS (SELECT 1 FROM newest_runs WHERE run = id)
        OR EXISTS (SELECT 1 FROM newest_gate_outcomes WHERE run = id)
        OR EXISTS (SELECT 1 FROM newest_verdicts WHERE run = id)
        OR EXISTS (SELECT 1 FROM regression_reports WHERE run = id)
        OR suite_duration_seconds IS NOT NULL AND tracked AND id > coalesce(
            (SELECT id FROM runs r WHERE r.project = runs.project
            AND suite_duration_seconds IS NOT NULL AND tracked
            ORDER BY id DESC LIMIT 1 OFFSET :durations), 0)
    FROM runs WHERE (ingested_seconds, id) > (:at, :after) AND ingested_seconds < :before
    ORDER BY ingested_seconds, id LIMIT :limit
"""
_DELETE_RUN = (
    "DELETE FROM results WHERE run = ?",
    "DELETE FROM failures WHERE run = ?",
    "DELETE FROM gate_outcomes WHERE run = ?",
    "DELETE FROM verdicts WHERE run = ?",
    "DELETE FROM checkpoints WHERE run = ?",
    "DELETE FROM run_shifts WHERE run = ?",
    "DELETE FROM runs WHERE id = ?",
)
# A rank is never later than when the run came in.
_DELETE_PIPELINE_RUNS = """
    DELETE FROM pipeline_runs
    WHERE (project, pipeline, run_id, timestamp_seconds, branch, trigger, passed) IN (
        SELECT project, pipeline, run_id, timestamp_seconds, branch, trigger, passed
        FROM pipeline_runs WHERE project = :project AND pipeline = :pipeline
        AND rank_seconds < :before AND ingested_seconds < :before
        AND (rank_seconds, run_id) < (
            SELECT rank_seconds, run_id FROM pipeline_runs
            WHERE project = :project AND pipeline = :pipeline
            ORDER BY rank_seconds DESC, run_id DESC LIMIT 1 OFFSET :shown - 1)
        LIMIT :limit)
"""
_DELETE_REJECTIONS = """
    DELETE FROM rejections WHERE rowid IN (
        SELECT rowid FROM rejections WHERE at_seconds < ? LIMIT ?)
"""
_DELETE_MEASUREMENTS = """
    DELETE FROM measurements WHERE digest IN (
        SELECT digest FROM measurements WHERE at_seconds < ? LIMIT ?)
"""
# Branches come and go. Kept are those that have runs, those that are tracked, of which something is
# newest, and of each project the one with most runs, which is tracked if no other is; '' says that
# runs stated none, which decides too.
_DELETE_BRANCHES = """
    DELETE FROM branches WHERE rowid IN (
        SELECT rowid FROM branches WHERE branch <> ''
        AND (project, branch) NOT IN (SELECT project, branch FROM runs WHERE NOT tracked)
        AND (project, branch) NOT IN (SELECT project, branch FROM newest_runs)
        AND (project, branch) NOT IN (SELECT project, branch FROM fallback_branches)
        AND rowid NOT IN (SELECT id FROM (SELECT rowid AS id, row_number() OVER
            (PARTITION BY project ORDER BY runs DESC, rowid) AS place FROM branches)
            WHERE place = 1)
        LIMIT ?)
"""
_OLD_DOCUMENTS = """
    SELECT at_seconds, digest,
        EXISTS (SELECT 1 FROM files WHERE files.digest = documents.file_digest)
    FROM documents WHERE (at_seconds, digest) > (:at, :after) AND at_seconds < :before
    ORDER BY at_seconds, digest LIMIT :limit
"""
# Runs that came in before a time and are kept. Of pipelines by rank, which is never later than when
# a run came in, and has an index.
_KEPT_RUNS = """
    SELECT ingested_seconds FROM runs WHERE ingested_seconds < :before
    UNION SELECT ingested_seconds FROM pipeline_runs
    JOIN (SELECT DISTINCT project, pipeline FROM newest_pipeline_runs) USING (project, pipeline)
    WHERE rank_seconds < :before AND ingested_seconds < :before
"""
_FILES = (
    "SELECT path, digest FROM files WHERE path > ? AND path < ? AND reason IS NULL "
    "ORDER BY path LIMIT ?"
)
_INGESTED = "SELECT max(at_seconds) FROM documents WHERE digest IN (?, ?)"


def prune(
    connection: sqlite3.Connection, before_seconds: float, unshown_seconds: float
) -> Iterator[int]:
    """Deletes what came in before a time (seconds since 1970).

    What had its last run before `unshown_seconds` is no longer shown.

    Each step is for a transaction of its own and yields how many rows it deleted: STEP_ROWS at
    most, or those of one run that has more.
    """
    yield from _prune_runs(connection, before_seconds)
    for project, pipeline in connection.execute(
        "SELECT DISTINCT project, pipeline FROM newest_pipeline_runs"
    ).fetchall():
        values = {
            "project": project,
            "pipeline": pipeline,
            "before": before_seconds,
            "shown": FAILURE_RATIO_RUNS,
            "limit": STEP_ROWS,
        }
        while deleted := connection.execute(_DELETE_PIPELINE_RUNS, values).rowcount:
            yield deleted
    yield prune_notifications(connection, before_seconds)
    for statement in (_DELETE_REJECTIONS, _DELETE_MEASUREMENTS):
        while deleted := connection.execute(statement, (before_seconds, STEP_ROWS)).rowcount:
            yield deleted
    yield from _prune_documents(connection, before_seconds)
    while deleted := connection.execute(_DELETE_BRANCHES, (STEP_ROWS,)).rowcount:
        yield deleted
    yield prune_changes(connection)
    yield from prune_triage(connection, before_seconds, STEP_ROWS)
    yield from prune_names(connection, min(before_seconds, unshown_seconds), STEP_ROWS)


def _prune_runs(connection: sqlite3.Connection, before: float) -> Iterator[int]:
    last = {"at": float("-inf"), "after": 0}
    values = {"before": before, "durations": SUITE_DURATIONS, "limit": STEP_ROWS}
    while runs := connection.execute(_OLD_RUNS, values | last).fetchall():
        deleted = 0
        for at, run, is_shown in runs:
            last = {"at": at, "after": run}
            if not is_shown:
                deleted += sum(
                    connection.execute(statement, (run,)).rowcount for statement in _DELETE_RUN
                )
            if deleted >= STEP_ROWS:
                break
        yield deleted


def _prune_documents(connection: sqlite3.Connection, before: float) -> Iterator[int]:
    last: dict[str, float | bytes] = {"at": float("-inf"), "after": b""}
    while documents := connection.execute(
        _OLD_DOCUMENTS, {"before": before, "limit": STEP_ROWS} | last
    ).fetchall():
        gone = [(digest,) for _, digest, is_present in documents if not is_present]
        yield (
            connection.executemany("DELETE FROM documents WHERE digest = ?", gone).rowcount
            if gone
            else 0
        )
        last = {"at": documents[-1][0], "after": documents[-1][1]}


def old_uploads(
    connection: sqlite3.Connection, prefix: str, before_seconds: float
) -> Iterator[list[str]]:
    """The names of uploaded files that are to be removed; they begin with `prefix`.

    They are files whose documents came in before a time (seconds since 1970) and whose runs are
    pruned; a document that only amended or repeated a run goes by its age alone. Each step checks
    STEP_ROWS files. They are to be removed now, while their digests are known. `prune` deletes the
    digests once a scan has noticed that the files have gone, so that whatever happens in between, a
    file that is there is known.
    """
    kept = {at for (at,) in connection.execute(_KEPT_RUNS, {"before": before_seconds})}
    after, end = prefix, prefix + chr(0x10FFFF)
    while files := connection.execute(_FILES, (after, end, STEP_ROWS)).fetchall():
        ingested = {
            path: connection.execute(_INGESTED, (_digest_of_name(path), digest)).fetchone()[0]
            for path, digest in files
        }
        # A run and the document that brought it came in at exactly the same instant. A sidecar is
        # not a document, and has none.
        yield [
            path
            for path, at in ingested.items()
            if at is not None and at < before_seconds and at not in kept
        ]
        after = files[-1][0]


def _digest_of_name(path: str) -> bytes:
    """The digest that an upload with a sidecar is known by.

    One without is known by the digest of its bytes, whatever its name.
    """
    try:
        return bytes.fromhex(PurePath(path).stem)
    except ValueError:
        return b""
