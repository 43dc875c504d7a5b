"""From a result file to PagerDuty, Slack and Email: the real exporter, Prometheus and Alertmanager by this repository's configuration."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from benchmark_exporter.config import JudgementLimits
from tests.exporter.documents import result
from tests.rules.test_alertmanager_delivery import Alertmanager, Channels, mail, pagerduty, running_alertmanager, slack, wait_until
from tests.rules.test_prometheus_config import lay_out

# A critical alert is to arrive within seconds, a warning after group_wait, what joins or leaves a group after group_interval.
DEADLINE_SECONDS = 60.0
GOOD = dict.fromkeys(("parsing", "routing", "caching", "matching", "printing"), 1.0)
SLOWER = {**GOOD, "parsing": 1.5}
# Three of five at once.
SHIFTED = {**GOOD, "routing": 1.6, "caching": 1.6, "matching": 1.6}
WORSE = "parsing became 50% worse in ci, 1ms → 1.5ms"


@dataclass
class Stage:
    """A stack whose benchmarks have run often enough to be judged."""

    alertmanager: Alertmanager
    exporter_url: str
    results: Path
    runs: int = 0

    @property
    def channels(self) -> Channels:
        return self.alertmanager.channels

    def run(self, milliseconds: Mapping[str, float]) -> str:
        """Drops the results of another run, a minute after the one before; gives its commit."""
        self.runs += 1
        document = result(self.runs, dict(milliseconds))
        document["timestamp"] = (datetime.now(UTC) + timedelta(minutes=self.runs - 60)).isoformat()
        aside = self.results / f".{self.runs:03}"
        aside.write_text(json.dumps(document), encoding="utf-8")
        aside.rename(self.results / f"{self.runs:03}.json")
        commit: str = document["commit"]
        return commit

    def shows(self, series: str) -> bool:
        try:
            return series in requests.get(f"{self.exporter_url}/metrics", timeout=5).text.splitlines()
        except requests.ConnectionError:
            return False


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, programs: Mapping[str, Sequence[str]], free_port: Callable[[], int]) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("regressions")
    exporter, prometheus = (f"127.0.0.1:{free_port()}" for _ in range(2))
    (folder / "results").mkdir()
    (folder / "alertmanager").mkdir()
    with ExitStack() as stack:
        alertmanager = stack.enter_context(running_alertmanager(folder / "alertmanager", programs, free_port))
        addresses = {"exporter": exporter, "prometheus": prometheus, "alertmanager": alertmanager.url.removeprefix("http://")}
        path = lay_out(folder / "prometheus", addresses)
        for command in (
            [sys.executable, "-m", "benchmark_exporter", "serve", f"--listen={exporter}"],
            [
                *programs["prometheus"],
                f"--config.file={path}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={prometheus}",
            ],
        ):
            process = stack.enter_context(subprocess.Popen(command, cwd=folder))
            stack.callback(process.terminate)
        stage = Stage(alertmanager, f"http://{exporter}", folder / "results")
        for number in range(JudgementLimits().least_runs + 4):
            stage.run(dict.fromkeys(GOOD, 1.0 + 0.01 * (number % 3 - 1)))
            ingested = f'benchmark_runs_total{{benchmark_name="parsing",environment="ci"}} {number + 1}'
            wait_until(lambda series=ingested: stage.shows(series), DEADLINE_SECONDS)  # type: ignore[misc]
        yield stage


def pages(stage: Stage, action: str) -> list[Any]:
    return [page for page in stage.channels.pagerduty.inbox.all() if page["event_action"] == action]


def test_a_regression_is_told_then_confirmed_and_its_end_is_told_too(stage: Stage) -> None:
    channels = stage.channels
    last_good = f"commit-{stage.runs}"
    first = stage.run(SLOWER)
    _, message = channels.slack.inbox.wait(slack(f"[FIRING] {WORSE}"), DEADLINE_SECONDS)
    [attachment] = message["attachments"]
    assert attachment["color"] == "warning"
    assert f"The last good run was of commit {last_good}. The newest run is of commit {first}. Project router." in attachment["text"]
    channels.email.inbox.wait(mail(f"[FIRING] {WORSE}"), DEADLINE_SECONDS)
    assert not pages(stage, "trigger")

    second = stage.run(SLOWER)
    _, page = channels.pagerduty.inbox.wait(pagerduty("trigger", WORSE), DEADLINE_SECONDS)
    assert (
        f"The last good run was of commit {last_good}. The newest run is of commit {second}." in page["payload"]["custom_details"]["firing"]
    )
    channels.slack.inbox.wait(lambda sent: sent["attachments"][0]["color"] == "danger", DEADLINE_SECONDS)

    # Another slow run is no other alert.
    stage.run(SLOWER)
    stage.run(GOOD)
    channels.pagerduty.inbox.wait(pagerduty("resolve", WORSE), DEADLINE_SECONDS)
    channels.slack.inbox.wait(slack(f"[RESOLVED] {WORSE}"), DEADLINE_SECONDS)
    channels.email.inbox.wait(mail(f"[RESOLVED] {WORSE}"), DEADLINE_SECONDS)
    assert {page["dedup_key"] for page in channels.pagerduty.inbox.all()} == {page["dedup_key"]}


def test_what_moves_at_once_is_a_shift_and_no_regression(stage: Stage) -> None:
    before = len(pages(stage, "trigger"))
    stage.run(SHIFTED)
    stage.run(SHIFTED)
    stage.channels.slack.inbox.wait(slack("[FIRING] The results of router in ci moved all at once"), DEADLINE_SECONDS)

    def muted() -> bool:
        alerts = requests.get(f"{stage.alertmanager.url}/api/v2/alerts", timeout=5).json()
        found = [alert["status"]["state"] for alert in alerts if alert["labels"]["alertname"] == "PerformanceRegression"]
        # Three benchmarks, each a warning and, from the second run on, critical.
        return found == ["suppressed"] * 6

    wait_until(muted, DEADLINE_SECONDS)
    stage.run(GOOD)
    stage.channels.slack.inbox.wait(slack("[RESOLVED] The results of router in ci moved all at once"), DEADLINE_SECONDS)
    assert len(pages(stage, "trigger")) == before
    assert not [message for message in stage.channels.slack.inbox.all() if "routing" in message["attachments"][0]["title"]]
