"""Which tracked branch a run belongs to, or else is compared with. Pure functions.

Each tracked branch of a project has series of its own. A run of any other branch is compared with
those of its base and changes nothing: feature branches come and go, and neither end nor raise the
alerts of what they will be merged into.
"""

import fnmatch
import re
from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

import msgspec

# Where no default branch is configured. Both are tracked, so that a project which renames its
# branch is watched all the time.
USUAL_DEFAULTS = ("main", "master")
_HEADS = "refs/heads/"


class Line(NamedTuple):
    """A tracked branch, and whether the run belongs to it or is only compared with it."""

    branch: str
    tracked: bool


class BranchRules(msgspec.Struct, frozen=True, dict=True):
    """The configuration: `tracked` has patterns of branches tracked beside the default one."""

    default_branch: str | None = None
    tracked: tuple[str, ...] = ("release/*",)

    @cached_property
    def _tracked(self) -> re.Pattern[str]:
        return re.compile("|".join(map(fnmatch.translate, self.tracked)) or r"(?!)")

    @property
    def defaults(self) -> tuple[str, ...]:
        """The branches that can be the default one, the first that has runs before the others."""
        return USUAL_DEFAULTS if self.default_branch is None else (self.default_branch,)

    def tracks(self, branch: str) -> bool:
        """Whether a branch is tracked, whatever runs its project has."""
        return branch in self.defaults or self._tracked.match(branch) is not None


class ProjectLines(NamedTuple):
    """A project's default branch, and the branch that is tracked for want of a tracked one."""

    default: str
    fallback: str | None


def without_prefix(branch: str) -> str:
    """The name of a branch, as Git and people call it."""
    return branch.removeprefix(_HEADS)


def lines_of(rules: BranchRules, runs: Mapping[str, int]) -> ProjectLines:
    """The lines of a project that has so many runs by branch; '' are those that state none.

    A run that states no branch belongs to the default one. If a project has no run of a tracked
    branch, the branch with most runs is tracked: of several the first in `runs`.
    """
    for default in rules.defaults:
        if default in runs:
            return ProjectLines(default, None)
    default = rules.defaults[0]
    if not runs or "" in runs or any(map(rules.tracks, runs)):
        return ProjectLines(default, None)
    return ProjectLines(default, max(runs, key=runs.__getitem__))


def line_of(rules: BranchRules, lines: ProjectLines, branch: str, base: str = "") -> Line:
    """The line of a run of a branch that was made from a base; both may be unknown, ''."""
    if not branch:
        return Line(lines.default, tracked=True)
    if rules.tracks(branch) or branch == lines.fallback:
        return Line(branch, tracked=True)
    if base and (rules.tracks(base) or base == lines.fallback):
        return Line(base, tracked=False)
    return Line(lines.fallback or lines.default, tracked=False)
