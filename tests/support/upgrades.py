"""What earlier versions left behind: tests/upgrades/, made by tools/make_upgrade_fixture.py."""

import json
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import REPOSITORY

FOLDER = REPOSITORY / "tests" / "upgrades"
NAMES = sorted(path.name.removesuffix(".tar.xz") for path in FOLDER.glob("*.tar.xz"))
SERIES = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Earlier:
    """An earlier version's ledger, configuration, `.env` and /metrics, in a folder of its own."""

    folder: Path
    version: str
    schema: int

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.sqlite3"

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def env(self) -> Path:
        return self.folder / "env"

    @property
    def metrics(self) -> str:
        return (self.folder / "metrics.txt").read_text(encoding="utf-8")


def unpack(name: str, folder: Path) -> Earlier:
    """Unpacks a fixture into a folder."""
    with tarfile.open(FOLDER / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    about = json.loads((folder / "version.json").read_text(encoding="utf-8"))
    return Earlier(folder, about["version"], about["schema"])


def series(exposition: str) -> dict[tuple[str, Labels], float]:
    """The value of each series of a page of /metrics, by name and labels."""
    return {
        (name, frozenset(LABEL.findall(labels))): float(value)
        for name, labels, value in SERIES.findall(exposition)
    }


# What is of a process and not of the ledger: it begins again with each.
_OF_PROCESS = re.compile(
    r"process_|benchmark_stream_|benchmark_exporter_(config|scan|series$|ledger_commits|build)"
)
# Their files were in a folder that is not in the fixture.
_OF_FOLDER = ("benchmark_exporter_rejected_files", "benchmark_exporter_rejected_file")
_OWN_PROCESS = ("memory_usage_mb", "cpu_utilization_percent")


def changed_figures(earlier: str, now: str) -> dict[tuple[str, Labels], list[float]]:
    """The series of an earlier version's /metrics that have other values now, and these.

    A series may have more labels now.
    """
    shown: dict[str, list[tuple[Labels, float]]] = {}
    for (name, labels), value in series(now).items():
        shown.setdefault(name, []).append((labels, value))
    changed = {}
    for (name, labels), value in series(earlier).items():
        if _OF_PROCESS.match(name) or name in (*_OF_FOLDER, *_OWN_PROCESS):
            continue
        found = [other for more, other in shown.get(name, []) if labels <= more]
        if found != [value]:
            changed[name, labels] = found
    return changed
