"""Suites of many benchmarks, as documents of 1,000 results, whose times vary by up to 1 %."""

import json
import random
from collections.abc import Container, Iterator
from pathlib import Path

from tests.support.documents import Json, result

# The judge needs 8 runs before the newest 3.
HISTORY_RUNS = 12
A_DOCUMENT = 1000
NORMAL, SLOW = 1.0, 1.6


class Suites:
    """So many benchmarks, in suites of which each is a project with a document a run."""

    def __init__(self, benchmarks: int, seed: int) -> None:
        self._seed = seed
        self._suites = {
            f"suite-{first // A_DOCUMENT}": [
                f"case/{number:05}" for number in range(first, min(first + A_DOCUMENT, benchmarks))
            ]
            for first in range(0, benchmarks, A_DOCUMENT)
        }

    def run(self, number: int, slow: Container[str] = ()) -> Iterator[Json]:
        """The documents of a run in the given minute; some benchmarks may be slow in it."""
        for project, names in self._suites.items():
            drawn = random.Random(f"{self._seed} {project} {number}")  # noqa: S311  # times
            times = {
                name: drawn.uniform(0.99, 1.01) * (SLOW if name in slow else NORMAL)
                for name in names
            }
            yield result(number, times) | {"project": project}

    def history(self, results: Path) -> None:
        """Writes the runs that everything else is judged by."""
        for number in range(HISTORY_RUNS):
            for document in self.run(number):
                put(results, f"history-{number:02}-{document['project']}", document)


def put(results: Path, name: str, document: Json) -> Path:
    """Writes a document under a name of its own, which appears with all that it has."""
    part, path = results / f".{name}", results / f"{name}.json"
    part.write_text(json.dumps(document), encoding="utf-8")
    return part.rename(path)
