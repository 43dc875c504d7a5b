"""How SQL selects a name that is renamed, and those below it."""

from collections.abc import Sequence

from benchmark_exporter.ledger.columns import to_json
from benchmark_exporter.names import Renaming

# Of a column of names, of a column `project`, and of a column `run`; `parameters` has the values.
MATCHES = "({0} = :old OR {0} > :below AND {0} < :after)"
IN_PROJECTS = "(:projects = '[]' OR project IN (SELECT value FROM json_each(:projects)))"
OF_RUNS = (
    "(:projects = '[]' OR run IN (SELECT id FROM runs "
    "WHERE project IN (SELECT value FROM json_each(:projects))))"
)


def parameters(renaming: Renaming, projects: Sequence[str]) -> dict[str, object]:
    """The parameters that select a name and those below it; "0" is what follows a slash."""
    return {
        "old": renaming.old,
        "below": f"{renaming.old}/",
        "after": f"{renaming.old}0",
        "projects": to_json(projects),
    }
