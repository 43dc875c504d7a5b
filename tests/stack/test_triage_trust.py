"""How far alerts can be trusted, by what was said of them: in the stack's Prometheus.

The counters are shown as 0 until they have been scraped, by a job that does so every 30 s. So this
file comes after the others of the stack, the one that makes the regressions among them.
"""

import pytest

from stack.settings import PROMETHEUS
from tests.stack.backends import Backend, get, query, until
from tests.stack.taken import (
    DEADLINE_SECONDS,
    NOISY_BENCHMARKS,
    NOISY_PROJECT,
    Taken,
    call_noise,
)

COUNT = len(NOISY_BENCHMARKS)


@pytest.fixture(scope="module")
def noisy(backend: Backend) -> Backend:
    call_noise(Taken(backend))
    return backend


@pytest.mark.parametrize(
    ("counter", "count"),
    [
        ("", COUNT),
        ("triaged_", COUNT),
        ("noise_", COUNT),
        ("closed_", COUNT),
        ("noise_withdrawn_", 0),
    ],
)
def test_what_was_said_is_counted(noisy: Backend, counter: str, count: int) -> None:
    name = f"benchmark_alerts_{counter}total"
    counted = f'sum({name}{{project="{NOISY_PROJECT}"}})'
    until(
        lambda: (
            [float(each["value"][1]) for each in query(noisy.settings, counted)] == [count] or None
        ),
        DEADLINE_SECONDS,
        f"{counted} = {count}",
    )


def test_noise_spends_the_budget_of_the_rule(noisy: Backend) -> None:
    # The rule is evaluated every five minutes; this is its expression, asked now.
    groups = get(PROMETHEUS.url(noisy.settings, "/api/v1/rules"))["data"]["groups"]
    (rule,) = (
        each
        for group in groups
        for each in group["rules"]
        if each["name"] == "RegressionAlertsNoisy"
    )

    def is_reported() -> bool | None:
        # `increase` extrapolates, by other amounts for counters whose samples have other times.
        answers = query(noisy.settings, rule["query"])
        assert len(answers) <= 1
        return [
            (each["metric"]["project"], float(each["value"][1]) == pytest.approx(1.0, abs=0.3))
            for each in answers
        ] == [(NOISY_PROJECT, True)] or None

    until(is_reported, DEADLINE_SECONDS, "all of it is noise, as RegressionAlertsNoisy reports")
