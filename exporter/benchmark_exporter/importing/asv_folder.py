"""What a folder of asv's results says as a whole: the units of its benchmarks.

`results/benchmarks.json` has what each benchmark measures, next to a folder for each machine with
`machine.json` and a file for each commit. These files alone are in a format of their own; what they
state of the machine they state themselves.
https://asv.readthedocs.io/en/stable/dev.html#benchmarks-json
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from benchmark_exporter.formats.units import quantity
from benchmark_exporter.model import BASE_UNITS, Result, Run, Statistics

FORMAT = "asv"
BENCHMARKS, MACHINE = "benchmarks.json", "machine.json"
_STATISTICS = Statistics.__struct_fields__


class AsvFolders:
    """The units of benchmarks by the folder that has `benchmarks.json`, each read once."""

    def __init__(self) -> None:
        self._units: dict[Path, Mapping[str, str]] = {}

    def describes(self, path: Path) -> bool:
        """Whether a file is no result, but says something of those next to it or below."""
        if path.name == BENCHMARKS:
            return bool(self._of(path.parent))
        return path.name == MACHINE and bool(self._of(path.parent.parent))

    def with_units(self, run: Run, path: Path) -> Run:
        """A run with the units that its folder states for results whose own say nothing."""
        units = self._of(path.parent.parent) if run.format == FORMAT else {}
        if not units:
            return run
        return replace(run, results=tuple(_with_unit(each, units) for each in run.results))

    def _of(self, folder: Path) -> Mapping[str, str]:
        if folder not in self._units:
            self._units[folder] = _read(folder / BENCHMARKS)
        return self._units[folder]


def _read(path: Path) -> Mapping[str, str]:
    """The unit of each benchmark; nothing where there is no such file."""
    try:
        document = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    if not isinstance(document, dict) or not isinstance(document.get("version"), int):
        return {}
    return {
        name: each["unit"]
        for name, each in document.items()
        if isinstance(each, dict) and isinstance(each.get("unit"), str)
    }


def _with_unit(result: Result, units: Mapping[str, str]) -> Result:
    # Parameters follow the name in parentheses.
    unit = units.get(result.benchmark) or units.get(result.benchmark.partition("(")[0])
    if unit is None or result.unit in BASE_UNITS:
        return result
    measured = quantity(unit)
    statistics = Statistics(
        **{
            name: None if value is None else value * measured.factor
            for name in _STATISTICS
            for value in [getattr(result.statistics, name)]
        }
    )
    return replace(
        result,
        unit=measured.unit,
        better=measured.better or result.better,
        statistics=statistics,
        samples=tuple(value * measured.factor for value in result.samples),
    )
