"""The states of regressions in the ledger: how they begin, get worse, end, and what is counted."""

import msgspec
import pytest

from benchmark_exporter.ingest.triaging import TriageError, TriageSelection, triage
from benchmark_exporter.triage.rule import ITSELF, Saying, TriageState
from tests.support.documents import result
from tests.support.histories import STEADY, take, value, verdict
from tests.support.triaged import (
    COUNTERS,
    DAY,
    LIMITS,
    counts,
    history,
    regress,
    regression,
    said,
    shown,
    states,
    take_together,
)
from tests.support.wired import Wired


@pytest.fixture
def regressed(wired: Wired) -> Wired:
    return regress(wired)


def test_a_regression_is_new_until_it_ends(regressed: Wired) -> None:
    labels = shown(regressed)
    assert labels is not None
    assert (labels["state"], labels["who"], labels["ticket"]) == ("new", ITSELF, "")
    assert value(regressed, "benchmark_regression_triage_timestamp_seconds") == pytest.approx(
        regressed.now, abs=300
    )
    take_together(regressed, STEADY, start=200)
    assert verdict(regressed) == "ok"
    assert shown(regressed) is None
    assert states(regressed) == ["new", "ended"]
    assert counts(regressed) == [1, 0, 0, 0, 1]


def test_a_result_that_never_regressed_has_no_row_and_no_counter(wired: Wired) -> None:
    take_together(wired, STEADY)
    assert history(wired) == []
    assert counts(wired) == [None] * len(COUNTERS)


def test_what_a_person_says_is_shown_and_kept_with_its_history(regressed: Wired) -> None:
    regressed.now += 600
    said(regressed, "acknowledged", why="looking into it", ticket="T-1")
    regressed.now += 600
    said(regressed, "fixing")
    labels = shown(regressed)
    assert labels is not None
    assert (labels["state"], labels["who"], labels["ticket"]) == ("fixing", "ann", "T-1")
    assert [(each.state, each.who, each.why) for each in history(regressed)] == [
        ("new", ITSELF, ""),
        ("acknowledged", "ann", "looking into it"),
        ("fixing", "ann", ""),
    ]
    assert counts(regressed) == [1, 1, 0, 0, 0]
    seconds = value(regressed, "benchmark_alerts_triage_seconds_total")
    assert seconds is not None
    assert 600 <= seconds < 900


def test_a_later_regression_is_new_again(regressed: Wired) -> None:
    said(regressed, "acknowledged", ticket="T-1")
    take_together(regressed, STEADY * 2, start=200)  # so that its level is not one of two modes
    take(regressed, [1.5] * 3, start=300)
    assert regression(regressed).state == "new"
    assert regression(regressed).ticket == ""
    assert counts(regressed) == [2, 1, 0, 0, 1]


def test_a_state_outlives_a_restart(regressed: Wired) -> None:
    said(regressed, "acknowledged")
    regressed.restart()
    take(regressed, [1.5], start=200)
    assert regression(regressed).state == "acknowledged"


def test_it_is_new_again_when_it_becomes_critical(wired: Wired) -> None:
    take_together(wired, STEADY * 2)
    take_together(wired, [1.05] * 6, start=100)
    assert verdict(wired) == "warning"
    said(wired, "acknowledged")
    take(wired, [1.08] * 4, start=200)
    assert verdict(wired) == "critical"
    assert (regression(wired).state, regression(wired).who) == ("new", ITSELF)
    assert history(wired)[-1].why == "became critical"
    assert counts(wired)[0] == 1  # the same regression


def test_it_is_new_again_with_a_step_when_two_runs_show_it_grown(regressed: Wired) -> None:
    said(regressed, "acknowledged")
    take(regressed, [1.9], start=200)  # one run may be chance
    assert regression(regressed).state == "acknowledged"
    take(regressed, [1.9], start=300)
    assert (regression(regressed).state, regression(regressed).step) == ("new", 1)
    assert history(regressed)[-1].why == "became worse"
    assert value(regressed, "benchmark_regression_info", step="1") == 1
    # From here on the new level is what it is compared with.
    said(regressed, "acknowledged")
    take(regressed, [1.9] * 3, start=400)
    assert regression(regressed).state == "acknowledged"


def test_single_worse_runs_among_others_are_not_growth(regressed: Wired) -> None:
    said(regressed, "acknowledged")
    take(regressed, [1.9, 1.5, 1.9, 1.5, 1.9], start=200)
    assert regression(regressed).state == "acknowledged"


@pytest.mark.parametrize("factor", [1.45, 1.55])
def test_what_a_person_has_seen_is_not_growth(regressed: Wired, factor: float) -> None:
    take(regressed, [1.9], start=200)
    said(regressed, "acknowledged")
    take(regressed, [1 + 0.9 * factor] * 2, start=300)
    assert (regression(regressed).state == "new") == (factor > 1.5)


def test_fixed_holds_for_runs_made_before_it_was_said(regressed: Wired) -> None:
    said(regressed, "fixed")
    take(regressed, [1.5], start=200)  # made before START_SECONDS
    assert regression(regressed).state == "fixed"


def say_fixed_before_all_runs(wired: Wired) -> None:
    """As if it had been said before the runs that follow, which are made at START_SECONDS."""
    with wired.ledger.transaction() as transaction:
        saying = Saying("fixed", "ann", wired.now - 400 * DAY)
        triage(transaction, TriageSelection("parsing"), saying, LIMITS)


@pytest.mark.parametrize(
    ("levels", "state"),
    [
        ([1.5], "fixed"),  # one run may be chance
        ([1.5, 1.5], "new"),
        # A busy machine: less than half of the way back up.
        ([1.2, 1.2, 1.2, 1.2], "fixed"),
        ([1.5, 1.2, 1.5, 1.2], "fixed"),
        # Or a fix that helps only a little.
        ([1.2, 1.2, 1.2, 1.2, 1.2], "new"),
    ],
)
def test_fixed_is_refuted_by_later_runs(
    regressed: Wired, levels: list[float], state: TriageState
) -> None:
    say_fixed_before_all_runs(regressed)
    take(regressed, levels, start=200)
    assert regression(regressed).state == state
    if state == "new":
        assert history(regressed)[-1].why == (
            f"is still worse in {len(levels)} runs after it was said to be fixed"
        )


def test_a_run_that_is_read_again_counts_once(regressed: Wired) -> None:
    say_fixed_before_all_runs(regressed)
    take(regressed, [1.5], start=200)
    regressed.restart()
    with regressed.ledger.transaction() as transaction:
        where = next(iter(transaction.triage.listed()))
        transaction.triage.note((*where.scope.key, where.name), "critical", regressed.now)
    assert regression(regressed).state == "fixed"


def test_more_runs_of_the_commit_that_was_known_do_not_refute(regressed: Wired) -> None:
    say_fixed_before_all_runs(regressed)
    where = regression(regressed)
    with regressed.ledger.transaction() as transaction:
        newest = transaction.triage.newest((*where.scope.key, where.name))
    assert newest is not None
    for number in range(200, 206):
        document = result(number, {"parsing": 1.5}) | {"commit": newest.commit_hash}
        regressed.take(f"{number}.json", document)
    assert regression(regressed).state == "fixed"
    take(regressed, [1.5] * 2, start=300)
    assert regression(regressed).state == "new"


def test_what_is_said_again_begins_the_count_again(regressed: Wired) -> None:
    say_fixed_before_all_runs(regressed)
    take(regressed, [1.5], start=200)
    say_fixed_before_all_runs(regressed)
    take(regressed, [1.5], start=300)
    assert regression(regressed).state == "fixed"
    take(regressed, [1.5], start=400)
    assert regression(regressed).state == "new"


def test_noise_may_be_said_after_the_end_and_be_withdrawn(regressed: Wired) -> None:
    take_together(regressed, STEADY, start=200)
    with pytest.raises(TriageError, match="of one that has ended, only fixed or noise"):
        said(regressed, "acknowledged")
    said(regressed, "noise")
    assert counts(regressed) == [1, 1, 1, 0, 1]
    assert shown(regressed) is None
    said(regressed, "fixed")
    assert counts(regressed) == [1, 1, 1, 1, 1]


def test_noise_counts_once_however_often_it_is_said(regressed: Wired) -> None:
    for _ in range(3):
        said(regressed, "noise")
    assert counts(regressed) == [1, 1, 1, 0, 0]
    assert states(regressed) == ["new", "noise", "noise", "noise"]


def test_a_regression_that_passed_in_its_batch_can_be_called_noise(wired: Wired) -> None:
    take_together(wired, STEADY)
    take_together(wired, [1.5, 1.5, 1.0, 1.0], start=100)
    assert verdict(wired) == "ok"
    assert counts(wired) == [1, 0, 0, 0, 1]
    said(wired, "noise")
    assert counts(wired) == [1, 1, 1, 0, 1]


@pytest.mark.parametrize(
    ("state", "more", "error"),
    [
        ("nonsense", {}, "state must be one of new, acknowledged"),
        ("expected", {}, "until when"),
        ("expected", {"until_seconds": 1.0}, "in the future"),
        ("expected", {"until_seconds": float("inf")}, "in the future"),
        ("expected", {"until_seconds": float("nan")}, "in the future"),
        ("expected", {"until_seconds": 5e9}, "within 366 days"),
        ("fixing", {"until_seconds": 5e9}, "only an expected level has an end"),
        ("fixing", {"who": " \n"}, "who says so is missing"),
        ("fixing", {"why": "x" * 501}, "why has 501 characters, at most 500"),
        ("fixing", {"ticket": "x" * 201}, "ticket has 201 characters"),
        ("fixing", {"who": "x" * 101}, "who has 101 characters"),
    ],
)
def test_what_cannot_be_said_changes_nothing(
    regressed: Wired, state: TriageState, more: dict[str, str | float], error: str
) -> None:
    with pytest.raises(TriageError, match=error):
        said(regressed, state, **more)  # type: ignore[arg-type]  # Saying's own
    assert states(regressed) == ["new"]


@pytest.mark.parametrize(
    ("commit", "given", "is_it"),
    [
        ("a1b2c3d4e5", "a1b2c3d4e5", True),
        ("a1b2c3d4e5", "a1b2c3d", True),
        ("a1b2c3d4e5", "a1b2c3", False),  # shorter than git writes them
        ("a1b2c3d4e5", "b2c3d4e", False),
        ("commit-13", "commit-1", False),
        ("a1b2c3d4e5", "", False),
        ("", "", True),
    ],
)
def test_a_commit_is_given_by_the_beginning_of_its_hash(
    commit: str, given: str, *, is_it: bool, regressed: Wired
) -> None:
    known = msgspec.structs.replace(regression(regressed), began_commit=commit)
    assert TriageSelection(since_commit=given).selects(known) is is_it


def test_regressions_are_selected_by_all_that_is_given(regressed: Wired) -> None:
    since = regression(regressed).began_commit
    assert since
    for selection in (
        TriageSelection("other"),
        TriageSelection("parsing", environment="other"),
        TriageSelection("parsing", project="other"),
        TriageSelection(since_commit="other"),
    ):
        with pytest.raises(TriageError, match="no such open regression"):
            said(regressed, "fixing", selection=selection)
    said(regressed, "fixing", selection=TriageSelection(since_commit=since, environment="ci"))
    assert regression(regressed).state == "fixing"
