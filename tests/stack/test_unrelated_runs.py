"""What has nothing to do with a benchmark neither raises its alert, nor ends or hides one.

Other branches, projects and suites, and a wrong clock, in the documents of pytest-benchmark and
Google Benchmark, on a running stack. All tests share its channels and the quiet runs before.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from benchmark_exporter.config import Config
from stack.settings import ALERTMANAGER, EXPORTER
from tests.rules.endpoints import pagerduty, slack
from tests.stack.backends import Backend, get, get_text, query, until
from tests.stack.channels import Channels, configured_channels
from tests.support.documents import Json
from tests.support.process import shown_value
from tests.support.tool_documents import google_benchmark, pytest_benchmark

DEADLINE_SECONDS = 60.0
TEST = "test_parser.py::test_parse"
STEADY = (1.0, 1.002, 0.998, 1.003, 0.997, 1.001, 0.999, 1.0, 1.002, 0.998, 1.001, 1.0)
BRANCHES, CLOCK, ONE, TWO = "branches", "wrong-clock", "project-one", "project-two"
SUITE, SOLO = tuple(f"suite_a/{letter}" for letter in "abcdef"), "suite_b/solo"
# The first run was made so long ago, and each one so long after the one before at least. Together
# they stay in the past.
BEGAN, APART = timedelta(minutes=60), timedelta(seconds=3)


@dataclass(frozen=True)
class Stage:
    """A stack with channels and a quiet history; `began` is when its first run was made."""

    backend: Backend
    channels: Channels
    began: datetime
    numbers: Iterator[int]

    @property
    def environment(self) -> str:
        return self.backend.settings["BENCHMARK_ENVIRONMENT"]

    def drop(self, document: Json) -> None:
        """Drops a document under a name that no other has."""
        results, name = self.backend.settings.results_dir, f"unrelated-{next(self.numbers):03}"
        (results / f".{name}").write_text(json.dumps(document), encoding="utf-8")
        (results / f".{name}").rename(results / f"{name}.json")

    def run(
        self,
        project: str,
        seconds: float,
        *,
        branch: str = "main",
        made: datetime | None = None,
    ) -> str:
        """Drops a run of the one test of a project, the newest unless it says when; its commit."""
        commit = f"{next(self.numbers):040}"
        made = self.later() if made is None else made
        self.drop(pytest_benchmark(project, branch, commit, made, {TEST: seconds}))
        return commit

    def later(self) -> datetime:
        """A time after those of all runs before."""
        return self.began + next(self.numbers) * APART

    def verdicts(self, project: str) -> Mapping[str, str]:
        """By commit: what history says of each run of the test."""
        runs = self.backend.history(f"--project={project}", "--limit=100")
        return {
            run["commit_hash"]: verdict["state"]
            for run in runs
            for verdict in run["verdicts"].values()
        }

    def until_judged(self, project: str, commit: str) -> str:
        """Waits until a run is in history, and gives its verdict."""
        state, _ = until(
            lambda: self.verdicts(project).get(commit), DEADLINE_SECONDS, f"{commit} is judged"
        )
        return state

    def shown(self, series: str) -> float | None:
        return shown_value(get_text(EXPORTER.url(self.backend.settings, "/metrics")), series)

    def until_shown(self, series: str, value: float) -> None:
        until(lambda: self.shown(series) == value or None, DEADLINE_SECONDS, f"{series} {value}")

    def alerts(self, selector: str) -> list[dict[str, str]]:
        """The labels of what has been firing since the stack is up."""
        expression = f'count_over_time(ALERTS{{alertstate="firing",{selector}}}[10m])'
        return [series["metric"] for series in query(self.backend.settings, expression)]

    def is_firing(self, selector: str) -> bool:
        expression = f'ALERTS{{alertstate="firing",{selector}}}'
        return bool(query(self.backend.settings, expression))

    def pages(self, action: str, text: str) -> list[Any]:
        """The events of PagerDuty with this text in their summary."""
        return [
            page for page in self.channels.pagerduty.inbox.all() if pagerduty(action, text)(page)
        ]

    def until_paged(self, action: str, text: str) -> None:
        self.channels.pagerduty.inbox.wait(pagerduty(action, text), DEADLINE_SECONDS)


@pytest.fixture(scope="module")
def stage(backend: Backend) -> Iterator[Stage]:
    with configured_channels(backend) as channels:
        stage = Stage(backend, channels, datetime.now(UTC) - BEGAN, count())
        for factor in STEADY:
            for project in (BRANCHES, CLOCK, ONE, TWO):
                stage.run(project, factor)
            stage.drop(google_benchmark(stage.later(), dict.fromkeys(SUITE, 100 * factor)))
            stage.drop(google_benchmark(stage.later(), {SOLO: 100 * factor}))
        for project in (BRANCHES, CLOCK, ONE, TWO):
            stage.until_shown(f'benchmark_verdict{{project="{project}",state="ok"}}', 1)
        for name in (SUITE[0], SOLO):
            stage.until_shown(f'benchmark_verdict{{benchmark_name="{name}",state="ok"}}', 1)
        yield stage


def test_slow_runs_of_a_feature_branch_raise_nothing_and_fast_ones_hide_nothing(
    stage: Stage,
) -> None:
    slow = [stage.run(BRANCHES, 1.6, branch="feature/slow") for _ in range(2)]
    # Each is compared with main alone, so neither confirms the other.
    assert [stage.until_judged(BRANCHES, commit) for commit in slow] == ["suspect", "suspect"]
    for _ in range(12):
        fast = stage.run(BRANCHES, 0.6, branch="feature/fast")
    assert stage.until_judged(BRANCHES, fast) == "ok"

    for _ in range(2):
        stage.run(BRANCHES, 1.65)
    worse = f"{TEST} of {BRANCHES} became 65% worse"
    stage.until_paged("trigger", worse)
    # The branches were judged before, and would have been reported before.
    assert [alert["branch"] for alert in stage.alerts(f'project="{BRANCHES}"')] == ["main"]
    assert len(stage.pages("trigger", BRANCHES)) == 1
    exposition = get_text(EXPORTER.url(stage.backend.settings, "/metrics"))
    assert "feature/" not in exposition


def test_a_run_dated_2031_does_not_stop_later_ones_from_being_judged(stage: Stage) -> None:
    ahead = stage.run(CLOCK, 1.0, made=datetime(2031, 3, 1, tzinfo=UTC))
    stage.until_judged(CLOCK, ahead)
    states = [stage.until_judged(CLOCK, stage.run(CLOCK, 2.0)) for _ in range(4)]
    assert states[-1] == "critical"
    assert "ok" not in states
    stage.until_paged("trigger", f"{TEST} of {CLOCK} became 100% worse")
    assert stage.is_firing(f'alertname="PerformanceRegression",project="{CLOCK}"')


def test_a_sound_run_of_another_project_does_not_end_an_alert(stage: Stage) -> None:
    for _ in range(2):
        stage.run(ONE, 1.8)
    worse = f"{TEST} of {ONE} became 80% worse"
    stage.until_paged("trigger", worse)
    sound = stage.run(TWO, 1.0)
    assert stage.until_judged(TWO, sound) == "ok"
    # What comes after it on the same way has arrived, so an end of the alert would have, too.
    for _ in range(2):
        stage.run(TWO, 1.5)
    stage.until_paged("trigger", f"{TEST} of {TWO} became 50% worse")
    stage.run(TWO, 1.0)
    stage.until_paged("resolve", f"{TEST} of {TWO} became")
    assert not stage.pages("resolve", f"of {ONE} ")
    assert stage.is_firing(f'alertname="PerformanceRegression",project="{ONE}"')


def test_a_shift_of_one_suite_mutes_no_regression_of_another(stage: Stage) -> None:
    for _ in range(2):
        stage.drop(google_benchmark(stage.later(), dict.fromkeys(SUITE, 160.0)))
    shift = (
        f"[WARNING] The results of {Config().project} in {stage.environment} on main moved together"
    )
    stage.channels.slack.inbox.wait(slack(shift), DEADLINE_SECONDS)
    # The shifted suite does not run again.
    for _ in range(2):
        stage.drop(google_benchmark(stage.later(), {SOLO: 200.0}))
    # Its two results, real and CPU time, are all that ran, so one message is about both.
    stage.until_paged("trigger", f"2 of 2 results of {Config().project} became worse")
    counter = "benchmark_regressions_confirmed_total"
    stage.until_shown(f'{counter}{{benchmark_name="{SOLO}"}}', 1)
    assert not stage.alerts('alertname="PerformanceRegression",benchmark_name=~"suite_a/.*"')
    assert not stage.pages("trigger", "suite_a/")
    [alert] = get(
        ALERTMANAGER.url(stage.backend.settings, f'/api/v2/alerts?filter=benchmark_name="{SOLO}"')
    )
    [common] = get(
        ALERTMANAGER.url(
            stage.backend.settings,
            '/api/v2/alerts?filter=alertname="CommonRegression"'
            f'&filter=project="{Config().project}"',
        )
    )
    assert alert["status"]["inhibitedBy"] == [common["fingerprint"]]
