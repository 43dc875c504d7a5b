"""So many results of a run that move at once are a change of the machine."""

from tests.support.documents import result
from tests.support.histories import LEAST, STEADY, confirmed, take_suite, verdicts
from tests.support.wired import Wired


def is_shifted(wired: Wired) -> float | None:
    return wired.value("benchmark_environment_shift_active", project="router", environment="ci")


def test_if_half_a_suite_moves_at_once_it_is_a_shift(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    assert is_shifted(wired) == 0
    for number in (100, 101):
        take_suite(wired, number, 1.5, slower="abc")
        assert is_shifted(wired) == 1
    assert verdicts(wired.samples())["a"] == "critical"
    assert confirmed(wired) == 0
    take_suite(wired, 102, 1.0)
    assert is_shifted(wired) == 0
    assert set(verdicts(wired.samples()).values()) == {"ok"}


def test_a_run_of_few_benchmarks_neither_starts_nor_ends_a_shift(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    take_suite(wired, 100, 1.5)
    assert is_shifted(wired) == 1
    wired.take("few.json", result(101, {"a": 1.5}))
    assert is_shifted(wired) == 1
    take_suite(wired, 102, 1.0)
    wired.take("few-more.json", result(103, {"a": 1.0}))
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
    for number in range(100, 100 + LEAST):
        take_suite(wired, number, 1.5)
        assert is_shifted(wired) == 1
    take_suite(wired, 200, 1.5)
    assert is_shifted(wired) == 0
    assert set(verdicts(wired.samples()).values()) == {"ok"}
    for number in (201, 202):
        take_suite(wired, number, 2.1, slower="a", others=1.5)
    assert verdicts(wired.samples())["a"] == "critical"
    assert confirmed(wired) == 1


def shifted(wired: Wired) -> set[str]:
    """The results whose newest verdict moved with a shift."""
    shown = wired.samples().get("benchmark_regression_shifted", {})
    return {dict(labels)["benchmark_name"] for labels in shown}


def take_other(wired: Wired, number: int, milliseconds: float) -> None:
    """A run of another suite of the same project and machine, which has one benchmark."""
    wired.take(f"other-{number}.json", result(number, {"solo": milliseconds}))


def test_a_shift_mutes_the_results_that_moved_with_it_and_no_others(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
        take_other(wired, number, STEADY[number % len(STEADY)])
    take_suite(wired, 100, 1.5, slower="abcde")
    assert shifted(wired) == set("abcde")
    for number in (101, 102):
        take_other(wired, number, 2.0)
    shown = wired.samples()
    assert verdicts(shown)["solo"] == "critical"
    assert shifted(wired) == set("abcde")
    counted = shown["benchmark_regressions_confirmed_total"].items()
    assert {dict(labels)["benchmark_name"] for labels, value in counted if value} == {"solo"}


def test_muting_ends_for_a_result_with_its_next_verdict(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    take_suite(wired, 100, 1.5)
    wired.take("few.json", result(101, {"a": 1.5}))
    assert verdicts(wired.samples())["a"] == "critical"
    assert shifted(wired) == set("bcdef")
    assert confirmed(wired) == 1


def test_what_got_worse_in_a_shift_to_the_better_did_not_move_with_it(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    for number in (100, 101):
        take_suite(wired, number, 1.5, slower="a", others=0.5)
    assert is_shifted(wired) == 1
    assert verdicts(wired.samples())["a"] == "critical"
    assert shifted(wired) == set()
    assert confirmed(wired) == 1
