"""An executable that is called otherwise now: its names stay, and those it had meanwhile join them.

Where the old executable has a benchmark's plain name, the new one gets it. Names that begin with
the old one, because a third has the plain name, begin with the new one.
"""

from collections.abc import Callable, Sequence

from benchmark_exporter.ledger.naming import Naming
from benchmark_exporter.ledger.renaming import Renamed
from benchmark_exporter.names import Renaming, Renamings

Rename = Callable[[Renamings, Sequence[str]], Renamed]


def rename_executable(
    naming: Naming, rename: Rename, old: str, new: str, projects: Sequence[str]
) -> tuple[int, Renamed]:
    """How many plain names the new executable got, and what was renamed.

    Raises:
        RenameError: a run has measured by both names.
    """
    found: dict[str, list[Renaming]] = {}
    given = 0
    for project, benchmark, owner in naming.owners(projects):
        renamings = found.setdefault(project, [])
        now = benchmark if owner in (old, new) else f"{new}/{benchmark}"
        renamings.append(Renaming(f"{old}/{benchmark}", now))
        if owner == old:
            given += 1
            naming.give(project, benchmark, new)
            renamings.append(Renaming(f"{new}/{benchmark}", benchmark))
    renamed = [rename(Renamings(each), (project,)) for project, each in found.items()]
    counts = zip(*map(_counts, renamed), strict=True) if renamed else [(0,)] * 4
    return given, Renamed(*map(sum, counts))


def _counts(renamed: Renamed) -> tuple[int, int, int, int]:
    return renamed.runs, renamed.results, renamed.series, renamed.joined
