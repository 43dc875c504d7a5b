"""Gives a project to the pipelines of a ledger from before pipelines had one."""

import sqlite3

_ADOPTED = "json_set(labels, '$[0]', :project) WHERE name = 'pipeline_runs' AND labels < '[\"\",^'"
_ADOPT_SUBJECTS = (
    "UPDATE subjects SET project = :project, prefix = rtrim(json_array(:project, name), ']') "
    "WHERE kind = 'pipeline' AND project = ''"
)
_ADOPT_PIPELINES = (
    "UPDATE pipeline_runs SET project = :project WHERE project = ''",
    "UPDATE newest_pipeline_runs SET project = :project WHERE project = ''",
    f"UPDATE counters SET labels = {_ADOPTED} AND labels > '[\"\",'",  # noqa: S608  # constants
    f"UPDATE returned SET labels = {_ADOPTED} AND labels > '[\"\",'",  # noqa: S608  # likewise
    _ADOPT_SUBJECTS,
)


def adopt_pipelines(connection: sqlite3.Connection, project: str) -> None:
    """Makes pipelines without a project those of a project, with their totals."""
    for statement in _ADOPT_PIPELINES:
        connection.execute(statement, {"project": project})
