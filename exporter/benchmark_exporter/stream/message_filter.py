"""Which messages a client of the stream wants."""

import re
from collections.abc import Sequence
from fnmatch import translate


class MessageFilter:
    """Lets messages pass whose project and benchmark match one of the globs; no globs match all.

    A message without a benchmark or project, such as an alert about a host, always passes.
    """

    def __init__(self, projects: Sequence[str] = (), benchmarks: Sequence[str] = ()) -> None:
        self._projects = _one_of(projects)
        self._benchmarks = _one_of(benchmarks)

    @property
    def passes_all(self) -> bool:
        """Whether nothing is filtered out."""
        return self._projects is None and self._benchmarks is None

    def __call__(self, project: str, benchmark: str) -> bool:
        return _matches(self._projects, project) and _matches(self._benchmarks, benchmark)


def _one_of(globs: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(translate, globs))) if globs else None


def _matches(pattern: re.Pattern[str] | None, name: str) -> bool:
    return pattern is None or not name or pattern.match(name) is not None
