"""The benchmark of other tools' rules on real series has their formulas, and counts right."""

import math
import os
import random
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.histories import Series
from benchmarks.online import Judge
from benchmarks.peers import PEERS, Otava
from benchmarks.real_alarms import Alarms, Histories, Scored, at_most, judged
from benchmarks.real_peers import main, report

BY_NAME = {peer.name.partition(" ")[0]: peer for peer in PEERS}
OTAVA = os.environ.get("BENCHMARKS_OTAVA_PYTHON", "")


def series(count: int = 4, runs: int = 120, cv_ratio: float = 0.01) -> list[Series]:
    drawn = random.Random(5)  # noqa: S311 - simulation
    return [
        Series(
            f"project {number % 2}",
            [100 * drawn.gauss(1, cv_ratio) for _ in range(runs)],
            [(0, runs)],
            [],
        )
        for number in range(count)
    ]


def last_score(name: str, values: Sequence[float]) -> float:
    (score,) = BY_NAME[name].scores(values, len(values) - 1)
    return float(score)


def test_benchers_boundary_is_that_of_one_more_run() -> None:
    before = [100.0, 101.0, 99.0, 102.0, 98.0] * 4
    boundary = statistics.fmean(before) + 3 * statistics.stdev(before) * math.sqrt(1 + 1 / 20)
    assert last_score("t-test", [*before, boundary]) == pytest.approx(3)


def test_log_normal_is_in_deviations_of_the_logarithms() -> None:
    before = [100.0, 110.0, 90.0, 120.0, 80.0] * 4
    logarithms = [math.log(value) for value in before]
    boundary = math.exp(statistics.fmean(logarithms) + 2 * statistics.stdev(logarithms))
    assert last_score("log-normal", [*before, boundary]) == pytest.approx(2)


def test_github_action_benchmark_compares_with_the_run_before() -> None:
    assert last_score("previous", [1.0, 5.0, 4.0, 10.0]) == 2.5


def test_cusum_adds_what_runs_exceed_the_slack_by() -> None:
    before = [100.0, 101.0, 99.0, 102.0, 98.0] * 10
    mean, deviation = statistics.fmean(before), statistics.stdev(before)
    quiet = last_score("CUSUM", before)
    assert last_score("CUSUM", [*before, mean + 2 * deviation]) == pytest.approx(quiet + 1.5)
    assert last_score("CUSUM", [*before, mean - 20 * deviation]) == 0


@pytest.mark.parametrize("name", BY_NAME)
def test_a_score_needs_only_the_runs_that_a_rule_remembers(name: str) -> None:
    (one,) = series(1, 400)
    peer = BY_NAME[name]
    whole = peer.scores(one.values, 0)
    known = one.values[-peer.memory - 5 :]
    assert peer.scores(known, peer.memory) == pytest.approx(whole[-5:], rel=1e-6)


def test_runs_with_too_few_before_them_have_no_score() -> None:
    assert np.isneginf(BY_NAME["t-test"].scores([1.0] * 10, 0)).all()


def test_onsets_are_alarms_that_begin_among_the_runs_that_count() -> None:
    alarms = np.zeros(128, dtype=bool)
    alarms[[5, 40, 41, 60, 125]] = True  # the first and the last are not counted
    found = Alarms([alarms], np.zeros(0, dtype=bool), {}, 0.0)
    assert found.onsets([0]) == pytest.approx(1000 * 2 / 100)


def test_the_setting_at_our_rate_is_the_last_one_that_keeps_it() -> None:
    settings = [Alarms([], np.zeros(0, dtype=bool), {}, share) for share in (0.1, 0.2, 0.3)]
    assert at_most(settings, [1.0, 2.0, 3.0], 2.5).in_alarm == 0.2
    assert at_most(settings, [1.0, 2.0, 3.0], 0.5).in_alarm == 0.1


def test_large_steps_of_quiet_series_are_found_by_the_judge_and_by_thresholds() -> None:
    histories = Histories(series(), places=30, seed=1)
    ours = judged(Judge(), histories)
    everywhere = histories.at(range(len(histories.stretches)))
    assert ours.share(0.5, everywhere) == 100
    scored = Scored(BY_NAME["t-test"], histories)
    assert scored.at(5.0).share(0.5, everywhere) == 100
    assert scored.at(math.inf).share(0.5, everywhere) == 0
    rising = [scored.at(each).in_alarm for each in scored.thresholds()]
    assert rising == sorted(rising)
    text = report(histories, [ours] * 9, ours, [scored])
    assert text.count("| **judge** |") == 3
    assert "| t-test (Bencher) |" in text


def test_a_folder_without_series_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path)])


@pytest.mark.skipif(not OTAVA, reason="BENCHMARKS_OTAVA_PYTHON names no Python with apache-otava")
def test_otava_reports_a_step_among_the_newest_runs() -> None:
    (one,) = series(1, 60)
    otava = Otava(Path(OTAVA))
    try:
        quiet = otava.scores(one.values, 55)
        stepped = otava.scores([*one.values, *[130.0, 131.0, 129.0, 130.5]], 60)
    finally:
        otava.close()
    assert quiet.tolist() == [0.0] * 5
    assert stepped[-1] == pytest.approx(0.3, abs=0.02)
