"""From a regression to its end, while somebody has taken it: through the real Alertmanager."""

import pytest

from benchmark_exporter.regression import Limits
from tests.stack.backends import Backend, until
from tests.stack.taken import (
    BENCHMARK,
    DEADLINE_SECONDS,
    NOISY_PROJECT,
    PROJECT,
    QUIET_RUNS,
    Taken,
    call_noise,
)


@pytest.fixture(scope="module")
def taken(backend: Backend) -> Taken:
    stage = Taken(backend)
    for _ in range(QUIET_RUNS):
        stage.run(1.0)
    until(
        lambda: len(backend.history(f"--project={PROJECT}", "--limit=100")) == QUIET_RUNS or None,
        DEADLINE_SECONDS,
        "the quiet runs",
    )
    for _ in range(2):
        stage.run(1.5)
    stage.until_inhibited_by([])
    return stage


def test_what_is_confirmed_on_the_page_mutes_it(taken: Taken) -> None:
    assert taken.confirm("acknowledged", Origin="http://evil.example") == 403
    assert taken.state() == "new"
    assert taken.confirm("acknowledged") == 200
    assert taken.state() == "acknowledged"
    taken.until_inhibited_by(["RegressionTriaged"])


def test_what_gets_worse_is_sent_again(taken: Taken) -> None:
    for number in range(2):
        taken.run(2.2)
        wanted = QUIET_RUNS + 3 + number
        until(
            lambda wanted=wanted: (  # type: ignore[misc]  # bound now, not when it is called
                len(taken.backend.history(f"--project={PROJECT}", "--limit=100")) == wanted or None
            ),
            DEADLINE_SECONDS,
            "a run that is worse",
        )
    taken.until_inhibited_by([], step="1")
    assert taken.state() == "new"


def test_a_program_says_it_with_a_token(taken: Taken) -> None:
    taken.say(state="fixing", benchmark_name=BENCHMARK, project=PROJECT)
    taken.until_inhibited_by(["RegressionTriaged"], step="1")


def test_it_ends_with_the_regression(taken: Taken) -> None:
    for _ in range(2 * Limits().least_runs):
        taken.run(1.0)
    until(
        lambda: (
            all(each["labels"]["alertname"] != "RegressionTriaged" for each in taken.alerts())
            or None
        ),
        DEADLINE_SECONDS,
        "the end of what mutes it",
    )
    assert taken.state() is None


def test_what_is_said_to_be_noise_ends_as_noise(taken: Taken) -> None:
    # test_triage_trust.py asks for the counters, which the slow job scrapes twice by then.
    call_noise(taken)
    assert taken.states(NOISY_PROJECT) == []
