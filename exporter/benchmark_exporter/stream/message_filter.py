"""Which messages a client of the stream wants."""

import re
from collections.abc import Sequence
from fnmatch import translate


class MessageFilter:
    """Lets messages pass whose project, benchmark and branch each match one of its globs.

    No globs match all. A message without a project, benchmark or branch, such as an alert about a
    host, passes the globs of what it lacks.
    """

    def __init__(
        self,
        projects: Sequence[str] = (),
        benchmarks: Sequence[str] = (),
        branches: Sequence[str] = (),
    ) -> None:
        self._projects = _one_of(projects)
        self._benchmarks = _one_of(benchmarks)
        self._branches = _one_of(branches)

    @property
    def passes_all(self) -> bool:
        """Whether nothing is filtered out."""
        return self._projects is None and self._benchmarks is None and self._branches is None

    def __call__(self, project: str, benchmark: str, branch: str) -> bool:
        return (
            _matches(self._projects, project)
            and _matches(self._benchmarks, benchmark)
            and _matches(self._branches, branch)
        )


def _one_of(globs: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(translate, globs))) if globs else None


def _matches(pattern: re.Pattern[str] | None, name: str) -> bool:
    return pattern is None or not name or pattern.match(name) is not None
