"""Levels that are expected until a date: accepted, left, exceeded, withdrawn, and their end."""

import pytest

from benchmark_exporter.commands.pinning import set_baseline
from benchmark_exporter.ingest.triaging import TriageError
from benchmark_exporter.ledger import Pin
from tests.support.histories import STEADY, take, value, verdict
from tests.support.triaged import (
    DAY,
    LIMITS,
    counts,
    end_due,
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


def test_an_expected_level_is_accepted_until_its_date(regressed: Wired) -> None:
    until = regressed.now + 30 * DAY
    said(regressed, "expected", until_seconds=until, why="larger input")
    assert verdict(regressed) == "ok"
    labels = shown(regressed)
    assert labels is not None
    assert labels["state"] == "expected"
    assert value(regressed, "benchmark_regression_expected_until_timestamp_seconds") == until
    take_together(regressed, [1.5] * 12, start=200)
    assert verdict(regressed) == "ok"
    assert counts(regressed) == [1, 1, 0, 0, 1]
    assert end_due(regressed) == []
    regressed.now = until
    assert end_due(regressed) == ["parsing"]
    assert shown(regressed) is None
    take(regressed, [1.5] * 3, start=300)
    assert verdict(regressed) == "critical"
    assert regression(regressed).state == "new"


def test_an_expected_level_that_was_left_is_not_pinned_at_its_end(regressed: Wired) -> None:
    said(regressed, "expected", until_seconds=regressed.now + DAY)
    take_together(regressed, [1.0] * 12, start=200)
    regressed.now += 2 * DAY
    assert end_due(regressed) == ["parsing"]
    assert value(regressed, "benchmark_baseline_info") is None
    take(regressed, [1.0] * 3, start=300)
    assert verdict(regressed) == "ok"


def test_worse_than_expected_is_another_regression(regressed: Wired) -> None:
    said(regressed, "expected", until_seconds=regressed.now + 30 * DAY)
    take_together(regressed, [1.5] * 12, start=200)
    take(regressed, [2.2, 2.2], start=300)
    assert verdict(regressed) == "critical"
    assert regression(regressed).state == "new"
    assert counts(regressed) == [2, 1, 0, 0, 1]
    said(regressed, "fixing")
    take_together(regressed, [1.5] * 12, start=400)
    assert regression(regressed).state == "expected"
    assert counts(regressed) == [2, 2, 0, 0, 2]
    regressed.now += 31 * DAY
    assert end_due(regressed) == ["parsing"]
    assert states(regressed) == ["new", "expected", "new", "fixing", "expected", "ended"]


def test_an_expectation_can_be_withdrawn_and_gives_back_what_was_pinned(wired: Wired) -> None:
    take_together(wired, STEADY)
    (labels,) = wired.samples()["benchmark_run_info"]
    set_baseline(wired.ledger, dict(labels)["run_id"], Pin("v1", "ann", wired.now, ""), LIMITS)
    take(wired, [1.5, 1.5], start=100)
    said(wired, "expected", until_seconds=wired.now + DAY)
    assert value(wired, "benchmark_baseline_info", baseline_version="v1") is None
    with pytest.raises(TriageError, match="set its state to new"):
        said(wired, "acknowledged")
    take(wired, [1.0] * 3, start=200)
    said(wired, "new")
    assert shown(wired) is None
    assert value(wired, "benchmark_baseline_info", baseline_version="v1") == 1


def test_a_baseline_that_a_person_has_pinned_since_stays(regressed: Wired) -> None:
    said(regressed, "expected", until_seconds=regressed.now + DAY)
    take(regressed, [1.5], start=200)
    (labels,) = regressed.samples()["benchmark_run_info"]
    pin = Pin("mine", "bob", regressed.now + 1, "")
    set_baseline(regressed.ledger, dict(labels)["run_id"], pin, LIMITS)
    regressed.now += 2 * DAY
    end_due(regressed)
    assert value(regressed, "benchmark_baseline_info", baseline_version="mine") == 1
