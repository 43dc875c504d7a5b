"""So many results of a run that move at once are a change of the machine."""

from benchmark_exporter.regression import Limits
from tests.support.documents import result
from tests.support.histories import LEAST, confirmed, take_suite, verdicts
from tests.support.wired import Wired


def is_shifted(wired: Wired) -> float | None:
    return wired.value("benchmark_environment_shift_active", project="router", environment="ci")


def test_if_half_a_suite_moves_at_once_it_is_a_shift(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    assert is_shifted(wired) == 0
    for number, shifted in ((100, 0), (101, 1), (102, 1)):
        take_suite(wired, number, 1.5, slower="abc")
        assert is_shifted(wired) == shifted
    assert verdicts(wired.samples())["a"] == "critical"
    assert confirmed(wired) == 0
    take_suite(wired, 103, 1.0)
    assert is_shifted(wired) == 0
    assert set(verdicts(wired.samples()).values()) == {"ok"}


def test_a_run_of_few_benchmarks_neither_starts_nor_ends_a_shift(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    for number in (100, 101):
        take_suite(wired, number, 1.5)
    assert is_shifted(wired) == 1
    wired.take("few.json", result(102, {"a": 1.5}))
    assert is_shifted(wired) == 1
    take_suite(wired, 103, 1.0)
    wired.take("few-more.json", result(104, {"a": 1.0}))
    assert is_shifted(wired) == 0


def test_a_regression_of_a_few_benchmarks_is_not_a_shift(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    for number in (100, 101):
        take_suite(wired, number, 1.5, slower="ab")
    assert is_shifted(wired) == 0
    assert confirmed(wired) == 2


def test_a_shift_that_lasts_becomes_the_new_normal(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    take_suite(wired, 100, 1.5)
    for number in range(101, 101 + Limits().least_runs):
        take_suite(wired, number, 1.5)
        assert is_shifted(wired) == 1
    take_suite(wired, 200, 1.5)
    assert is_shifted(wired) == 0
    assert set(verdicts(wired.samples()).values()) == {"ok"}
    for number in (201, 202):
        take_suite(wired, number, 2.1, slower="a", others=1.5)
    assert verdicts(wired.samples())["a"] == "critical"
    assert confirmed(wired) == 1
