"""Results that all move alike are a change of the machine; the extent of both kinds is shown."""

from datetime import UTC, datetime

import pytest

from benchmark_exporter.commands.pinning import set_baseline
from benchmark_exporter.ledger import Pin
from benchmark_exporter.regression import Limits
from tests.support.documents import result
from tests.support.histories import LEAST, STEADY, confirmed, take_suite, verdicts
from tests.support.wired import Wired


def is_shifted(wired: Wired) -> float | None:
    return wired.value("benchmark_environment_shift_active", project="router", environment="ci")


def of_scope(wired: Wired, name: str) -> float | None:
    return wired.value(name, project="router", environment="ci")


def test_if_a_whole_suite_moves_alike_it_is_a_shift(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    assert is_shifted(wired) == 0
    assert of_scope(wired, "benchmark_environment_shift_ratio") is None
    for number, shifted in ((100, 0), (101, 1), (102, 1)):
        take_suite(wired, number, 1.5)
        assert is_shifted(wired) == shifted
    assert verdicts(wired.samples())["a"] == "critical"
    assert confirmed(wired) == 0
    assert of_scope(wired, "benchmark_environment_shift_ratio") == pytest.approx(0.5, abs=0.02)
    assert of_scope(wired, "benchmark_environment_shift_moved_results") == 6
    assert of_scope(wired, "benchmark_environment_shift_judged_results") == 6
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


@pytest.mark.parametrize("slower", ["ab", "abc", "abcd"])
def test_what_leaves_other_benchmarks_alone_is_not_a_shift(wired: Wired, slower: str) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    for number in (100, 101):
        take_suite(wired, number, 1.5, slower=slower)
    assert is_shifted(wired) == 0
    assert confirmed(wired) == len(slower)


def common(wired: Wired, name: str) -> dict[tuple[str, ...], float]:
    """A metric of common regressions by the last good commit, and the extent where it has one."""
    shown = wired.samples().get(f"benchmark_common_regression_{name}", {})
    labels = ("last_good_commit", "extent")
    return {
        tuple(dict(each)[label] for label in labels if label in dict(each)): value
        for each, value in shown.items()
    }


def test_four_regressions_since_one_commit_are_shown_as_one(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    for number in (100, 101):
        assert not common(wired, "results")
        take_suite(wired, number, 1.5, slower="abcd")
    commit = dict(next(iter(wired.samples()["benchmark_regression_info"])))["previous_commit_hash"]
    assert common(wired, "results") == {(commit, "some"): 4}
    assert common(wired, "confirmed_results") == {(commit,): 4}
    assert common(wired, "judged_results") == {(commit,): 6}
    assert common(wired, "worsening_ratio") == {(commit,): pytest.approx(0.5, abs=0.05)}
    take_suite(wired, 102, 1.5, slower="abc")
    assert not common(wired, "results")


def test_three_of_three_that_regressed_are_shown_as_one_that_leaves_it_open(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
        steady = STEADY[number % len(STEADY)]
        wired.take(f"few-{number}.json", result(number, dict.fromkeys("xyz", steady)))
    for number in (100, 101):
        wired.take(f"few-{number}.json", result(number, dict.fromkeys("xyz", 1.5)))
    assert [(extent, value) for (_, extent), value in common(wired, "results").items()] == [
        ("all", 3)
    ]
    assert list(common(wired, "judged_results").values()) == [3]  # not those of the other suite
    assert is_shifted(wired) == 0
    assert confirmed(wired) == 3


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
    accepted = {
        each: of_scope(wired, f"benchmark_environment_shift_accepted_{each}")
        for each in ("timestamp_seconds", "ratio", "results")
    }
    assert accepted == {
        "timestamp_seconds": datetime(2026, 3, 1, 1, 48, tzinfo=UTC).timestamp(),
        "ratio": pytest.approx(0.5, abs=0.02),
        "results": 6,
    }
    assert wired.samples()["benchmark_unaccepted_level_info"]
    for number in (201, 202):
        take_suite(wired, number, 2.1, slower="a", others=1.5)
    assert verdicts(wired.samples())["a"] == "critical"
    assert confirmed(wired) == 1


def test_that_a_shift_became_the_level_is_logged_once_with_the_way_to_reject_it(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    for number in range(100, 112):
        take_suite(wired, number, 1.5)
    said = [each.getMessage() for each in caplog.records if "shift" in each.getMessage()]
    assert len(said) == 1
    assert "6 of 6 50" in said[0]
    assert "benchmark-exporter baseline set RUN" in said[0]


def test_pinning_a_run_from_before_a_shift_reports_all_of_its_results(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    for number in range(100, 112):
        take_suite(wired, number, 1.5)
    assert set(verdicts(wired.samples()).values()) == {"ok"}
    pin = Pin("before", "tester", wired.now, "it was the code")
    set_baseline(wired.ledger, "5", pin, wired.config.limits_for)  # the row of the fifth run
    for number in range(112, 116):
        take_suite(wired, number, 1.5)
    assert set(verdicts(wired.samples()).values()) == {"critical"}
    assert is_shifted(wired) == 0
    assert shifted(wired) == set()
    assert list(common(wired, "results").values()) == [6]


def test_results_below_their_limits_follow_a_shift_that_lasts(wired: Wired) -> None:
    """Six per cent is no regression of three runs; afterwards it is no change at all."""
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    for number in range(100, 100 + Limits().least_runs + 2):
        take_suite(wired, number, 1.06)
    assert of_scope(wired, "benchmark_environment_shift_accepted_results") == 6
    take_suite(wired, 120, 1.06)
    worsening = wired.samples()["benchmark_worsening_ratio"].values()
    assert max(map(abs, worsening)) < 0.03
    assert is_shifted(wired) == 0


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
    for number in (100, 101):
        take_suite(wired, number, 1.5)
    assert shifted(wired) == set("abcdef")
    for number in (102, 103, 104):
        take_other(wired, number, 2.0)
    shown = wired.samples()
    assert verdicts(shown)["solo"] == "critical"
    assert shifted(wired) == set("abcdef")
    counted = shown["benchmark_regressions_confirmed_total"].items()
    assert {dict(labels)["benchmark_name"] for labels, value in counted if value} == {"solo"}


def test_muting_ends_for_a_result_with_its_next_verdict(wired: Wired) -> None:
    for number in range(LEAST + 2):
        take_suite(wired, number, 1.0)
    for number in (100, 101):
        take_suite(wired, number, 1.5)
    wired.take("few.json", result(102, {"a": 1.5}))
    assert verdicts(wired.samples())["a"] == "critical"
    assert shifted(wired) == set("bcdef")
    assert confirmed(wired) == 1


def test_what_got_worse_in_a_shift_to_the_better_did_not_move_with_it(wired: Wired) -> None:
    names = "abcdefgh"
    for number in range(LEAST + 2):
        steady = STEADY[number % len(STEADY)]
        wired.take(f"{number}.json", result(number, dict.fromkeys(names, steady)))
    for number in (100, 101):
        wired.take(f"{number}.json", result(number, dict.fromkeys(names, 0.5) | {"a": 1.5}))
    assert is_shifted(wired) == 1
    ratio = of_scope(wired, "benchmark_environment_shift_ratio")
    assert ratio == pytest.approx(-0.5, abs=0.02)
    assert verdicts(wired.samples())["a"] == "critical"
    assert shifted(wired) == set()
    assert confirmed(wired) == 1
