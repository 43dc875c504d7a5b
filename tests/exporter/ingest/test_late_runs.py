"""A late run is judged at its own place, and then the later runs that this changes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from benchmark_exporter.ingest import scope_judging, standing
from benchmark_exporter.ledger.history import History
from benchmark_exporter.ledger.selection import RunSelection
from tests.support.documents import result
from tests.support.histories import STEADY, take, value, verdict
from tests.support.wired import START_SECONDS, Wired

# So many runs that those in the end do not depend on those in the beginning.
QUIET = STEADY * 6


def history_of(wired: Wired) -> dict[str, str]:
    """The verdict on each run's result by its commit."""
    with History(wired.ledger_path) as history:
        return {
            run.commit_hash: run.verdicts["parsing"].state
            for run in history.oldest_first(RunSelection())
            if "parsing" in run.verdicts
        }


def late(
    wired: Wired, number: int, milliseconds: float, *, seconds: int = 30, branch: str = "main"
) -> None:
    """A run between two of the minutes."""
    document = result(number, {"parsing": milliseconds})
    document |= {"commit": f"{branch}-{number}", "branch": branch}
    document["timestamp"] = str(document["timestamp"]).replace(":00Z", f":{seconds:02}Z")
    wired.take(f"late-{number}-{seconds}.json", document)


def test_a_late_second_run_confirms_a_regression_which_is_counted_once(wired: Wired) -> None:
    take(wired, [*STEADY, 1.5])
    assert verdict(wired) == "suspect"
    late(wired, len(STEADY) - 1, 1.5)
    assert verdict(wired) == "critical"
    assert value(wired, "benchmark_regressions_confirmed_total") == 1
    (labels,) = wired.samples()["benchmark_regression_info"]
    assert dict(labels)["previous_commit_hash"] == f"commit-{len(STEADY) - 1}"
    late(wired, len(STEADY) - 1, 1.5, seconds=40)
    assert verdict(wired) == "critical"
    assert value(wired, "benchmark_regressions_confirmed_total") == 2
    found = wired.samples()["performance_regression_detected_total"].values()
    assert sorted(found) == [1, 1]


def test_a_late_good_run_takes_a_verdict_back_and_what_was_counted_stays(wired: Wired) -> None:
    take(wired, [*STEADY, 1.5, 1.5])
    assert verdict(wired) == "critical"
    late(wired, len(STEADY), 1.0)
    assert verdict(wired) == "suspect"
    assert value(wired, "benchmark_regressions_confirmed_total") == 1
    take(wired, [1.5], start=len(STEADY) + 2)
    assert verdict(wired) == "critical"
    assert value(wired, "benchmark_regressions_confirmed_total") == 2


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The ranks of what is judged."""
    ranks: list[float] = []
    judge_result = standing.judge_result

    def counted(known: Any, measured: Any, at_seconds: float, *more: Any, **how: Any) -> Any:
        ranks.append(at_seconds)
        return judge_result(known, measured, at_seconds, *more, **how)

    monkeypatch.setattr(scope_judging, "judge_result", counted)
    monkeypatch.setattr(standing, "judge_result", counted)
    return ranks


def test_a_run_in_order_is_one_judgement(wired: Wired, judged: list[float]) -> None:
    take(wired, QUIET)
    assert len(judged) == len(QUIET)


def test_a_late_run_costs_at_most_the_runs_after_it_and_those_since_a_checkpoint(
    wired: Wired, judged: list[float]
) -> None:
    take(wired, QUIET)
    judged.clear()
    number = len(QUIET) - 5
    late(wired, number, 1.0)
    (moment,) = wired.query("SELECT rank_seconds FROM runs ORDER BY id DESC LIMIT 1")[0]
    assert len([rank for rank in judged if rank >= moment]) <= 5
    checkpoints = wired.query("SELECT rank_seconds FROM checkpoints JOIN runs ON id = run")
    assert min(judged) > max(rank for (rank,) in checkpoints if rank < moment)


def test_it_stops_where_what_was_judged_and_what_is_judged_now_agree(
    wired: Wired, judged: list[float]
) -> None:
    """The window of a series ends after 68 runs, and no run before it matters any longer."""
    take(wired, STEADY * 14)
    judged.clear()
    late(wired, 20, 1.0)
    (moment,) = wired.query("SELECT rank_seconds FROM runs ORDER BY id DESC LIMIT 1")[0]
    assert 60 <= len([rank for rank in judged if rank > moment]) <= 70
    assert len(STEADY * 14) - 21 > 100


def test_a_run_of_another_branch_is_compared_with_its_base_at_its_own_place(wired: Wired) -> None:
    take(wired, STEADY)
    take(wired, [1.5] * 12, start=100)
    number = len(STEADY)
    late(wired, number, 1.5, branch="feature")
    assert history_of(wired)[f"feature-{number}"] == "suspect"
    late(wired, number, 1.0, branch="feature", seconds=31)
    assert history_of(wired)[f"feature-{number}"] == "ok"
    # What it is compared with changes with late runs of its base.
    for second in range(12):
        late(wired, number, 0.7, seconds=second)
    assert history_of(wired)[f"feature-{number}"] == "suspect"


def test_a_late_result_of_a_suite_changes_whether_a_run_is_a_shift(wired: Wired) -> None:
    names = "abcdef"
    for number, milliseconds in enumerate(STEADY):
        wired.take(f"{number}.json", result(number, dict.fromkeys(names, milliseconds)))
    wired.take("100.json", result(100, dict.fromkeys(names, 1.5)))
    shift = "benchmark_environment_shift_active"
    assert wired.value(shift) == 0
    wired.take("99.json", result(99, dict.fromkeys(names, 1.5)))
    assert wired.value(shift) == 1
    assert len(wired.samples()["benchmark_regression_shifted"]) == len(names)
    assert sum(wired.samples()["benchmark_regressions_confirmed_total"].values()) == 0
    wired.take("98.json", result(98, dict.fromkeys("abc", 1.0)))
    assert wired.value(shift) == 1


def test_a_run_older_than_what_is_kept_is_judged_alone(wired: Wired) -> None:
    take(wired, QUIET[:40])
    at = wired.now
    take(wired, QUIET[40:], start=40)
    for _ in wired.ledger.prune(at):
        pass
    before = wired.query("SELECT * FROM verdicts ORDER BY run")
    late(wired, 39, 1.5)
    *others, (state, digest) = wired.query("SELECT state, standing_digest FROM verdicts")
    assert (state, digest) == ("insufficient_data", None)
    assert wired.query("SELECT * FROM verdicts ORDER BY run")[: len(before)] == before
    assert len(others) == len(QUIET) - 40
    assert verdict(wired) == "ok"


def test_runs_of_a_clock_that_was_ahead_do_not_make_others_late(wired: Wired) -> None:
    day_seconds = 86_400.0
    for number, milliseconds in enumerate([*STEADY, 1.5, 1.5, 1.5]):
        ahead = number < len(STEADY)
        wired.now = START_SECONDS + number * 60.0 + (day_seconds if ahead else 0.0)
        made = datetime.fromtimestamp(wired.now, UTC).isoformat()
        document = result(number, {"parsing": milliseconds}) | {"timestamp": made}
        wired.drop(f"{number}.json", document)
        wired.ingest.scan()
    assert verdict(wired) == "critical"
    assert value(wired, "benchmark_regressions_confirmed_total") == 2
    between = START_SECONDS + (len(STEADY) + 1.5) * 60.0
    made = datetime.fromtimestamp(between, UTC).isoformat()
    wired.take("late.json", result(200, {"parsing": 1.0}) | {"timestamp": made})
    assert verdict(wired) == "suspect"
