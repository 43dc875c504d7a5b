"""What the benchmarks of a run are called: as the document states, but for three things.

- Two executables of a project may have benchmarks of the same name. The plain name belongs to the
  executable of the first run that had it; in runs of another, the executable precedes it.
- A format may name benchmarks in more detail than it did. The first run that would have had a name
  of before goes on with its history.
- Configured aliases.

A run of a branch that is not tracked is named likewise, but takes no name and no history.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec.structs import replace

from benchmark_exporter.ledger import Ledger, RenameError, Transaction
from benchmark_exporter.model import Run, measurements_digest
from benchmark_exporter.names import Alias, Aliases, Renaming

log = logging.getLogger(__name__)

_NO_ALIASES = Aliases()


class Executables(Protocol):
    """Which executable the plain name of a project's benchmark belongs to."""

    def owner(self, project: str, benchmark: str, /) -> str | None:
        """The executable; None if the name belongs to none yet."""

    def give(self, project: str, benchmark: str, executable: str, /) -> None:
        """Makes the name an executable's."""


class KnownExecutables:
    """Those of runs that are only looked at, after those that `known` says; nothing is stored."""

    def __init__(self, known: Callable[[str, str], str | None] = lambda *_: None) -> None:
        self._known = known
        self._given: dict[tuple[str, str], str] = {}

    def owner(self, project: str, benchmark: str) -> str | None:
        """See `Executables`."""
        return self._known(project, benchmark) or self._given.get((project, benchmark))

    def give(self, project: str, benchmark: str, executable: str) -> None:
        """See `Executables`."""
        self._given[project, benchmark] = executable


def named(
    run: Run,
    project: str,
    executables: Executables,
    aliases: Aliases = _NO_ALIASES,
    *,
    tracked: bool = True,
) -> Run:
    """The run with the names that its benchmarks have in the ledger."""
    run = _with_executable(run, project, executables, tracked=tracked)
    renamings = aliases.of(project)
    return run if not renamings else _with_aliases(run, renamings)


def record_names(
    transaction: Transaction, run: Run, project: str, aliases: Aliases, *, tracked: bool
) -> Run:
    """The same for a run that is recorded: names and histories that it takes are taken."""
    if tracked and run.former_names:
        _take_histories(transaction, run, project)
    return named(run, project, transaction.naming, aliases, tracked=tracked)


def applied_aliases(run: Run, renamed: Run) -> list[tuple[str, str]]:
    """The results and failures that `named` has renamed: what they were and are called."""
    pairs = dict.fromkeys(zip(_names(run), _names(renamed), strict=True))
    return [(old, new) for old, new in pairs if old != new]


def carry_over(ledger: Ledger, aliases: Aliases) -> None:
    """Gives the history of old names to the new ones, once for each alias."""
    by_key = {(alias.project or "", alias.old, alias.new): alias for alias in aliases.all}
    with ledger.transaction() as transaction:
        for key in transaction.naming.new_aliases(by_key):
            alias = by_key[key]
            others = aliases.projects_of_others(alias)
            projects = [
                each
                for each in ([alias.project] if alias.project else transaction.naming.projects())
                if each not in others
            ]
            if projects:
                _carry_over(transaction, alias, projects)


def _carry_over(transaction: Transaction, alias: Alias, projects: Sequence[str]) -> None:
    fields = {"old": alias.old, "new": alias.new, "project": alias.project or "(all)"}
    try:
        renamed = transaction.rename(alias.renaming, projects)
    except RenameError as error:
        log.warning(
            f"the history of an alias's old name stays where it is: {error}",
            extra={"fields": fields},
        )
        return
    if renamed.runs or renamed.series:
        log.info(
            f"an alias renamed {renamed.results:,} results and failures of {renamed.runs:,} runs",
            extra={"fields": fields},
        )


def _take_histories(transaction: Transaction, run: Run, project: str) -> None:
    names: dict[str, list[str]] = {}
    for name, former in run.former_names.items():
        names.setdefault(former, []).append(name)
    for former, now in names.items():
        if not transaction.naming.take_former(project, former) or former in now:
            continue
        try:
            transaction.rename(Renaming(former, now[0]), (project,))
        except RenameError as error:
            log.warning(f"the history of {former} stays where it is: {error}")
            continue
        log.info(
            "a benchmark's history goes on under a name that says more",
            extra={"fields": {"project": project, "old": former, "new": now[0]}},
        )


def _with_executable(run: Run, project: str, executables: Executables, *, tracked: bool) -> Run:
    executable = run.executable
    if not executable:
        return run
    names: dict[str, str] = {}
    for benchmark, _ in _parts(run):
        owner = executables.owner(project, benchmark)
        if owner is None and tracked:
            executables.give(project, benchmark, executable)
        is_own = owner is None or owner == executable
        names[benchmark] = benchmark if is_own else f"{executable}/{benchmark}"
    if all(name == benchmark for benchmark, name in names.items()):
        return run
    return _renamed(run, lambda benchmark, variant: (names.get(benchmark, benchmark), variant))


def _with_aliases(run: Run, renamings: Sequence[Renaming]) -> Run:
    def parts(benchmark: str, variant: str) -> tuple[str, str]:
        for renaming in renamings:
            renamed = renaming.parts(benchmark, variant)
            if renamed != (benchmark, variant):
                return renamed
        return benchmark, variant

    if all(parts(benchmark, variant) == (benchmark, variant) for benchmark, variant in _parts(run)):
        return run
    renamed = _renamed(run, parts)
    if _is_distinct(renamed):
        stated = run.measurements or measurements_digest(run.results, run.failures)
        return replace(renamed, measurements=stated)
    # A run that measures both names does not mean the same by them.
    for renaming in renamings:
        if not _is_distinct(_renamed(run, renaming.parts)):
            log.warning(
                "an alias does not apply to a run that has both names",
                extra={"fields": {"run": run.run_id, "old": renaming.old, "new": renaming.new}},
            )
            return _with_aliases(run, [each for each in renamings if each is not renaming])
    return run


def _parts(run: Run) -> list[tuple[str, str]]:
    return [
        *((result.benchmark, result.variant) for result in run.results),
        *((failure.benchmark, "") for failure in run.failures),
        *((comparison.benchmark, "") for comparison in run.comparisons),
    ]


def _names(run: Run) -> list[str]:
    return [
        *(result.name for result in run.results),
        *(failure.benchmark for failure in run.failures),
        *(comparison.benchmark for comparison in run.comparisons),
    ]


def _renamed(run: Run, parts: Callable[[str, str], tuple[str, str]]) -> Run:
    results = []
    for result in run.results:
        benchmark, variant = parts(result.benchmark, result.variant)
        results.append(replace(result, benchmark=benchmark, variant=variant))
    return replace(
        run,
        results=tuple(results),
        failures=tuple(
            replace(each, benchmark=parts(each.benchmark, "")[0]) for each in run.failures
        ),
        comparisons=tuple(
            replace(each, benchmark=parts(each.benchmark, "")[0]) for each in run.comparisons
        ),
    )


def _is_distinct(run: Run) -> bool:
    groups = (
        [result.name for result in run.results],
        [comparison.benchmark for comparison in run.comparisons],
    )
    return all(len(set(names)) == len(names) for names in groups)
