"""A project whose results become worse together, as result files."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmark_exporter.regression import Limits

STEADY_RUNS = Limits().least_runs + 4
# The second of two such runs in a row is critical.
STEADY_MS, SLOW_MS = 10.0, 20.0


class Suite:
    """A project of results of which two thirds become worse together.

    `names` are those. The others show that the machine did not change. Each run is a minute after
    the one before it.
    """

    def __init__(self, folder: Path, project: str, regressions: int) -> None:
        self.project = project
        self.names = frozenset(f"{project}-{number}" for number in range(regressions))
        self._folder = folder
        self._runs = 0
        self._files = 0
        self._began = datetime.now(UTC) - timedelta(hours=20)

    def history(self) -> None:
        """Write what a regression is judged by: steady runs, and the first slow one."""
        for number in range(STEADY_RUNS):
            self._write(self._run(STEADY_MS * (1, 1.01, 0.99)[number % 3]), "good")
        self._write(self._run(SLOW_MS), "bad")

    def regress(self, *, one_file: bool) -> float:
        """Write the run that confirms the regressions; return when (seconds since 1970).

        As one file, or as a file of each result.
        """
        values = self._run(SLOW_MS)
        parts = [values] if one_file else [{name: value} for name, value in values.items()]
        for part in parts:
            self._write(part, "worse")
        return time.time()

    def _run(self, milliseconds: float) -> Mapping[str, float]:
        self._runs += 1
        values: dict[str, float] = {}
        for number, name in enumerate(sorted(self.names)):
            values[name] = milliseconds
            if number % 2 == 0:
                values[f"{name}-steady"] = STEADY_MS
        return values

    def _write(self, values: Mapping[str, float], commit: str) -> None:
        self._files += 1
        at = self._began + timedelta(minutes=self._runs)
        document = {
            "schema": "strataregula.result/1",
            "timestamp": at.isoformat(),
            "project": self.project,
            "environment": "ci",
            "commit": commit,
            "results": [
                {"benchmark": name, "unit": "milliseconds", "samples": [value]}
                for name, value in values.items()
            ],
        }
        aside = self._folder / f".{self.project}-{self._files}"
        aside.write_text(json.dumps(document), encoding="utf-8")
        aside.rename(self._folder / f"{self.project}-{self._files}.json")
