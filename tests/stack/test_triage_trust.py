"""How far alerts can be trusted, by what was said of them: to Slack, through the whole stack.

What was said, the exporter's counters, the expression with its weeks, the texts and Alertmanager's
waits are the real ones. Two intervals of the checkout are shortened to a second: that of the rule
(5 minutes), and that of the job which scrapes the counters (30 s). The weeks are in
tests/rules/test_alert_trust.py, with past samples.

The counters are shown as 0 until they have been scraped. So this file comes after the others of the
stack, the one that makes the regressions among them.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from stack.settings import PROMETHEUS
from tests.stack.backends import Backend, get, query, until
from tests.stack.channels import Channels, configured_channels
from tests.stack.taken import (
    DEADLINE_SECONDS,
    NOISY_BENCHMARKS,
    NOISY_PROJECT,
    Taken,
    call_noise,
)

COUNT = len(NOISY_BENCHMARKS)
# A scrape, an evaluation, and the 10 s that Alertmanager waits; the rest is for a busy machine.
MOST_SECONDS = 2 * DEADLINE_SECONDS
SUMMARY = f"of the regressions of {NOISY_PROJECT} that were triaged in four weeks are noise"


@contextmanager
def shortened(file: Path, begins: str, interval: str) -> Iterator[None]:
    """Has what begins so in a file of the checkout happen each second; restores it at the end."""
    before = file.read_text(encoding="utf-8")
    assert before.count(begins + interval) == 1
    file.write_text(before.replace(begins + interval, f"{begins}1s"), encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(before, encoding="utf-8")


@pytest.fixture(scope="module")
def channels(backend: Backend) -> Iterator[Channels]:
    """Has the stack send to servers of the test, and report noise within seconds."""
    call_noise(Taken(backend))
    folder = backend.settings.root / "prometheus"
    job = (
        "  - job_name: benchmark-exporter-slow\n    basic_auth: *credential\n    scrape_interval: "
    )
    with ExitStack() as files:
        files.enter_context(
            shortened(folder / "rules/performance.yml", "  - name: trust\n    interval: ", "5m")
        )
        files.enter_context(shortened(folder / "prometheus.yml", job, "30s"))
        with configured_channels(backend) as channels:
            yield channels
            files.close()  # before the channels' last reload


@pytest.fixture
def noisy(backend: Backend, channels: Channels) -> Backend:
    assert channels.slack.url
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


def test_noise_is_reported_to_slack(noisy: Backend, channels: Channels) -> None:
    groups = get(PROMETHEUS.url(noisy.settings, "/api/v1/rules"))["data"]["groups"]
    (rule,) = (
        each
        for group in groups
        for each in group["rules"]
        if each["name"] == "RegressionAlertsNoisy"
    )
    # The real windows, as Prometheus writes them: only the interval is another one.
    assert "[4w]" in rule["query"]
    assert "[1w]" in rule["query"]

    def is_reported() -> bool | None:
        # `increase` extrapolates, by other amounts for counters whose samples have other times.
        answers = query(noisy.settings, rule["query"])
        assert len(answers) <= 1
        return [
            (each["metric"]["project"], float(each["value"][1]) == pytest.approx(1.0, abs=0.3))
            for each in answers
        ] == [(NOISY_PROJECT, True)] or None

    until(is_reported, DEADLINE_SECONDS, "all of it is noise, as RegressionAlertsNoisy reports")
    _, message = channels.slack.inbox.wait(lambda each: is_of_noise(each, "WARNING"), MOST_SECONDS)
    text = message["attachments"][0]["text"]
    assert "At least 80% should be real. Most noise comes from noisy-" in text


def test_it_ends_once_it_is_noise_no_longer(noisy: Backend, channels: Channels) -> None:
    taken = Taken(noisy)
    for benchmark in NOISY_BENCHMARKS:
        taken.say(state="fixed", benchmark_name=benchmark, project=NOISY_PROJECT)
    channels.slack.inbox.wait(lambda each: is_of_noise(each, "RESOLVED"), MOST_SECONDS)
    assert not query(noisy.settings, 'ALERTS{alertname="RegressionAlertsNoisy"}')
    assert not [each for each in channels.pagerduty.inbox.all() if SUMMARY in str(each)]


def is_of_noise(message: dict[str, Any], word: str) -> bool:
    """Whether a message of Slack is about the noise of the project, with this word in front."""
    title: str = message["attachments"][0]["title"]
    return title.startswith(f"[{word}]") and SUMMARY in title
