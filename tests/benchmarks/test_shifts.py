"""The benchmark of shifts is reproducible, and counts what it says."""

from pathlib import Path

import numpy as np

from benchmark_exporter.config import Config
from benchmark_exporter.judge import SeriesState
from benchmarks.noise import KINDS
from benchmarks.suites import ALL, SOME, Cell, Suite, follow, measure
from tests.support.measuring import figures, run

LIMITS = Config().judgement


def test_the_command_writes_the_same_table_for_the_same_seed(tmp_path: Path) -> None:
    outputs = [tmp_path / "one.md", tmp_path / "other.md"]
    for output in outputs:
        done = run("benchmarks.shifts", "--cases=1", "--sizes=4,3", f"--output={output}")
        assert done.returncode == 0, done.stderr
    one, other = (output.read_text(encoding="utf-8") for output in outputs)
    assert one == other
    assert 0 <= figures(outputs[0])["shifts among quiet runs, all sizes"] <= 1000
    assert one.count("| all +8% | 4 |") == 3


def test_a_plain_shift_is_called_and_a_plain_regression_of_some_is_not() -> None:
    cell = measure(Cell(10, "log-normal", 0.01), 1, LIMITS, 5)
    shift, some = cell.forks[ALL.format(0.15)], cell.forks[SOME.format(0.5)]
    assert (shift.cases, shift.called, shift.quiet) == (1, 1, 1)
    assert (some.ever, some.reported, some.before_ever) == (0, 5, 1)


def test_a_fork_leaves_its_suite_as_it_was() -> None:
    values = KINDS["log-normal"](np.random.default_rng(5), 4, 40, 0.02)
    suite = Suite(LIMITS, [SeriesState()] * 4)
    for number in range(30):
        suite.step(values[:, number].tolist())
    once = follow(suite.fork(), values[:, 30:], np.full(4, 1.3), LIMITS)
    again = follow(suite.fork(), values[:, 30:], np.full(4, 1.3), LIMITS)
    assert once == again
