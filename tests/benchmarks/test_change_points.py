"""The benchmark of change points counts what is plain to see, and the same for the same seed."""

import random
from pathlib import Path

import pytest

from benchmarks.change_points import Finder, hindsight, main, ours, put_in, simulated
from benchmarks.histories import Series, Stretch

NOBODY = Finder("finds nothing", lambda _: [])
EVERYONE = Finder("finds a change at every run", lambda values: range(1, len(values)))


def noise(runs: int) -> list[float]:
    drawn = random.Random(2026)  # noqa: S311 - simulation
    return [100 * drawn.gauss(1, 0.005) for _ in range(runs)]


@pytest.fixture
def series() -> Series:
    """100 quiet runs, then 30 that take a third less, and 30 a fifth more than that."""
    values = noise(160)
    values[100:] = [value * 0.66 for value in values[100:]]
    values[130:] = [value * 1.2 for value in values[130:]]
    steps = [{"at": 100, "certain": True}, {"at": 130, "certain": True}]
    return Series("project", values, [(0, 100)], steps)


@pytest.mark.parametrize(
    ("finder", "certain", "known", "quiet"),
    [
        (Finder("ours", ours), "100 %", "100 %", "0.00"),
        (NOBODY, "0 %", "–", "0.00"),
        (EVERYONE, "100 %", "6 %", "950.00"),
    ],
    ids=lambda each: each.name if isinstance(each, Finder) else "",
)
def test_steps_that_happened(
    series: Series, finder: Finder, certain: str, known: str, quiet: str
) -> None:
    assert list(hindsight(finder, [series]).values()) == [certain, known, quiet]


def test_steps_put_in() -> None:
    stretch = Stretch("project", noise(100), 0.005)
    false, quiet, *_ = put_in(Finder("ours", ours), [stretch], seed=1).values()
    assert (false, quiet) == ("0.00", "100 · 100 · 100 · 100 · 100")
    false, quiet, *_ = put_in(NOBODY, [stretch], seed=1).values()
    assert (false, quiet) == ("0.00", "0 · 0 · 0 · 0 · 0")


def test_simulated_noise() -> None:
    rows = simulated(EVERYONE, 2, seed=1)
    assert rows["log-normal: false per 1,000 runs"] == "995.00 · 995.00 · 995.00 · 995.00"
    assert rows["log-normal: steps of 10%, %"] == "100 · 100 · 100 · 100"


def test_the_command_works_without_real_series(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "change_points.md"
    assert main([str(tmp_path), "--series=2", f"--output={output}"]) == 0
    text = output.read_text()
    assert text in capsys.readouterr().out
    assert "| figure | this project |" in text
    assert "Real histories" not in text
