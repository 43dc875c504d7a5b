"""The allowance for the exporter's memory, on what a real soak of 20 minutes measured of it.

soak_exporter.csv has the exporter's process after the last kill, every 5 s.
"""

import csv
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.growth import Allowance, Point, measure
from benchmarks.soak_checks import ALLOWANCES
from benchmarks.soak_samples import FILES, LEDGER_BYTES, MESSAGES, SERIES
from stack.settings import EXPORTER

MEASURED = Path(__file__).with_name("soak_exporter.csv")
ALLOWANCE = ALLOWANCES[EXPORTER.name]["rss_bytes"]
DATA = (FILES, LEDGER_BYTES, MESSAGES, SERIES)
HOUR_SECONDS = 3600.0
MEGABYTE = 1e6


def measured() -> list[Point]:
    with MEASURED.open(encoding="utf-8", newline="") as file:
        return [
            Point(
                float(row["seconds"]),
                float(row["rss_bytes"]),
                {name: float(row[name]) for name in DATA},
            )
            for row in csv.DictReader(file)
        ]


def leaking(leak: Callable[[Point], float]) -> list[Point]:
    """The same process with a leak, in bytes since its start."""
    return [replace(each, value=each.value + leak(each)) for each in measured()]


def of_the_time(each: Point) -> float:
    return 30 * MEGABYTE * each.seconds / HOUR_SECONDS


def of_each(name: str, leaked_bytes: float) -> Callable[[Point], float]:
    return lambda each: leaked_bytes * each.data[name]


def test_the_exporter_does_not_leak() -> None:
    growth = measure(measured(), ALLOWANCE)
    assert growth is not None
    assert not growth.is_leak


@pytest.mark.parametrize(
    "leak",
    [of_the_time, of_each(FILES, 1000), of_each(MESSAGES, 300), of_each(LEDGER_BYTES, 1.0)],
    ids=["30 MB an hour", "1 kB a file", "300 bytes a message", "each byte of the ledger"],
)
def test_a_leak_is_found(leak: Callable[[Point], float]) -> None:
    growth = measure(leaking(leak), ALLOWANCE)
    assert growth is not None
    assert growth.is_leak


@pytest.mark.parametrize("name", [FILES, SERIES])
def test_each_need_explains_some_of_the_growth(name: str) -> None:
    """The page cache and the messages do not: they were full by then."""
    needs: Mapping[str, object] = ALLOWANCE.needs
    fewer = Allowance(ALLOWANCE.total, {key: ALLOWANCE.needs[key] for key in needs if key != name})
    whole, without = measure(measured(), ALLOWANCE), measure(measured(), fewer)
    assert whole is not None
    assert without is not None
    assert without.growth > whole.growth
