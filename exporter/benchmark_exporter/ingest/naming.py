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
from benchmark_exporter.names import Aliases, Renaming, Renamings
from benchmark_exporter.wording import counted

log = logging.getLogger(__name__)

NAMES_LOGGED = 5
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
    renamings = aliases.renamings(project)
    return _with_aliases(run, renamings) if renamings.all else run


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
    with ledger.transaction() as transaction:
        new = set(
            transaction.naming.new_aliases(
                (alias.project or "", alias.old, alias.new) for alias in aliases.all
            )
        )
        for project in transaction.naming.projects() if new else ():
            renamings = [
                alias.renaming
                for alias in aliases.of(project)
                if (alias.project or "", alias.old, alias.new) in new
            ]
            _rename(transaction, renamings, project, "by an alias of config.yaml")


def _take_histories(transaction: Transaction, run: Run, project: str) -> None:
    names: dict[str, list[str]] = {}
    for name, former in run.former_names.items():
        names.setdefault(former, []).append(name)
    renamings = [
        Renaming(former, now[0])
        for former, now in names.items()
        if transaction.naming.take_former(project, former) and former not in now
    ]
    _rename(transaction, renamings, project, "since its name says more now")


def _rename(
    transaction: Transaction, renamings: Sequence[Renaming], project: str, why: str
) -> None:
    """Renames all at once, which costs no more than one; else those that can be renamed."""
    if not renamings:
        return
    try:
        renamed = transaction.rename(Renamings(renamings), (project,))
    except RenameError as error:
        if len(renamings) > 1:
            for each in renamings:
                _rename(transaction, [each], project, why)
            return
        text, level = f"a history stays under its old name: {error}", logging.WARNING
    else:
        if not (renamed.runs or renamed.series):
            return
        results = counted(renamed.results, "result or failure", "results and failures")
        what = f"{results} of {counted(renamed.runs, 'run')}"
        text, level = f"renamed {what}, {why}", logging.INFO
    names = ", ".join(f"{each.old} → {each.new}" for each in renamings[:NAMES_LOGGED])
    more = ", …" if len(renamings) > NAMES_LOGGED else ""
    fields = {"project": project, "names": names + more}
    log.log(level, text, extra={"fields": fields})


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


def _with_aliases(run: Run, renamings: Renamings) -> Run:
    if all(renamings.parts(*parts) == parts for parts in _parts(run)):
        return run
    renamed = _renamed(run, renamings.parts)
    if not _is_distinct(renamed):
        renamed = _renamed(run, _distinct(run, renamings).parts)
    stated = run.measurements or measurements_digest(run.results, run.failures)
    return replace(renamed, measurements=stated)


def _distinct(run: Run, renamings: Renamings) -> Renamings:
    """Those that apply to a run which has both names of an alias: it means two things by them."""
    applied: list[Renaming] = []
    for each in renamings.all:
        if _is_distinct(_renamed(run, Renamings([*applied, each]).parts)):
            applied.append(each)
            continue
        log.warning(
            "an alias does not apply to a run that has both names",
            extra={"fields": {"run": run.run_id, "old": each.old, "new": each.new}},
        )
    return Renamings(applied)


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
