"""What renaming a benchmark or a single result makes of names. Pure functions."""

from collections.abc import Iterable, Sequence
from typing import Annotated, NamedTuple

import msgspec


class Renaming(NamedTuple):
    """An old name and its new one: of a benchmark, with all names below it, or of a result.

    The names below a name begin with it and a slash: its variants, or, where a tool writes
    parameters after slashes, the benchmark with these.
    """

    old: str
    new: str

    @property
    def flaw(self) -> str | None:
        """Why it cannot be used; None if it can."""
        if not self.old or not self.new:
            return "a name must not be empty"
        if self.new == self.old:
            return f"{self.new!r} is the old name"
        if self.new.startswith(f"{self.old}/"):
            return f"{self.new!r} begins with the old name, so it would be renamed too"
        return None

    def applies(self, name: str) -> bool:
        """Whether a name is the old one, or below it."""
        return name == self.old or name.startswith(f"{self.old}/")

    def name(self, name: str) -> str:
        """What a name is afterwards."""
        return self.new + name[len(self.old) :] if self.applies(name) else name

    def parts(self, benchmark: str, variant: str) -> tuple[str, str]:
        """What a result's benchmark and variant are afterwards.

        A single result stays a variant of its benchmark if the new name begins with that. Otherwise
        it becomes the same variant of another benchmark if the new name ends with the variant, and
        else a benchmark of its own.
        """
        if self.applies(benchmark):
            return self.name(benchmark), variant
        name = f"{benchmark}/{variant}" if variant else benchmark
        if not self.applies(name):
            return benchmark, variant
        renamed = self.name(name)
        if renamed.startswith(f"{benchmark}/"):
            return benchmark, renamed.removeprefix(f"{benchmark}/")
        other = renamed.removesuffix(f"/{variant}")
        return (other, variant) if other and other != renamed else (renamed, "")


class Renamings:
    """Several renamings at once; of those that apply to a name, the longest old name counts."""

    def __init__(self, renamings: Iterable[Renaming]) -> None:
        self.all: Sequence[Renaming] = tuple(renamings)
        self._by_old = {renaming.old: renaming for renaming in self.all}

    def of(self, name: str) -> Renaming | None:
        """The renaming that counts for a name, if one applies."""
        above, slash = name, "/"
        while slash:
            if above in self._by_old:
                return self._by_old[above]
            above, slash, _ = above.rpartition("/")
        return None

    def applies(self, name: str) -> bool:
        """Whether one of them applies to a name."""
        return self.of(name) is not None

    def name(self, name: str) -> str:
        """What a name is afterwards."""
        found = self.of(name)
        return name if found is None else found.name(name)

    def parts(self, benchmark: str, variant: str) -> tuple[str, str]:
        """What a result's benchmark and variant are afterwards; see `Renaming.parts`."""
        found = self.of(f"{benchmark}/{variant}" if variant else benchmark)
        return (benchmark, variant) if found is None else found.parts(benchmark, variant)


class Alias(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A setting: what arrives as `old` goes on as `new`, in one project, or in all without one."""

    old: Annotated[str, msgspec.Meta(min_length=1)]
    new: Annotated[str, msgspec.Meta(min_length=1)]
    project: Annotated[str, msgspec.Meta(min_length=1)] | None = None

    @property
    def renaming(self) -> Renaming:
        """From the old name to the new one."""
        return Renaming(self.old, self.new)


# Projects at a time.
_REMEMBERED = 1000


class Aliases:
    """The configured aliases.

    Of several that apply to a name, the one with the longest old name counts, and of two with the
    same old name the one of the project.
    """

    def __init__(self, aliases: Sequence[Alias] = ()) -> None:
        self.all: Sequence[Alias] = sorted(
            aliases, key=lambda alias: (-len(alias.old), alias.project is None)
        )
        self._renamings: dict[str, Renamings] = {}

    def renamings(self, project: str) -> Renamings:
        """What they make of the names of a project."""
        if project not in self._renamings:
            if len(self._renamings) >= _REMEMBERED:  # anybody may name projects
                self._renamings.clear()
            self._renamings[project] = Renamings(each.renaming for each in self.of(project))
        return self._renamings[project]

    def of(self, project: str) -> Sequence[Alias]:
        """Those of a project."""
        found: dict[str, Alias] = {}
        for alias in self.all:
            if alias.project in (None, project):
                found.setdefault(alias.old, alias)
        return list(found.values())


def alias_flaw(aliases: Sequence[Alias]) -> str | None:
    """Why aliases cannot be used, with the key of the setting; None if they can."""
    for number, alias in enumerate(aliases):
        key = f"aliases[{number}]"
        if alias.renaming.flaw is not None:
            return f"{key}.new: {alias.renaming.flaw}"
        for other_number, other in enumerate(aliases):
            if other is alias or not (
                other.project == alias.project or None in (other.project, alias.project)
            ):
                continue
            other_key = f"aliases[{other_number}]"
            if other.renaming.applies(alias.new):
                return (
                    f"{key}.new: {alias.new!r} is renamed by {other_key}; "
                    "name what it is called in the end"
                )
            if (other.old, other.project) == (alias.old, alias.project):
                return f"{key}.old: {alias.old!r} is that of {other_key} too"
    return None
