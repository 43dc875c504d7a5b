"""The weekly digest: from result files through the exporter and the real Alertmanager to people."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.rules.delivery import Alertmanager, links_of, running_alertmanager
from tests.rules.endpoints import mail, slack
from tests.support.documents import Json, result
from tests.support.process import Exporter

# A few seconds on a quiet machine, after the ten that Alertmanager waits for more alerts.
SENT_SECONDS = 120.0
RUNS, CHANGED = 40, 20
HOSTILE = "parser <b>&\n@here: x"
GRAFANA = "http://grafana.example.org:3000"
LOG = "the weekly digest is due"


@dataclass(frozen=True)
class Week:
    """An exporter whose digest was due an hour ago, and an Alertmanager that got it."""

    exporter: Exporter
    alertmanager: Alertmanager
    due: datetime

    @property
    def title(self) -> str:
        return f"Benchmarks, week to {self.due:%Y-%m-%d}, 2 projects"

    def alerts(self) -> Any:
        """What Alertmanager has, by project."""
        found = requests.get(f"{self.alertmanager.url}/api/v2/alerts", timeout=60).json()
        return {each["labels"]["project"]: each for each in found}


def document(number: int, project: str, milliseconds: float, due: datetime) -> Json:
    """One of RUNS runs, of which the last was made an hour before the digest is due."""
    made = due - timedelta(hours=RUNS - number)
    stated = {"project": project, "timestamp": made.isoformat()}
    return result(number, {"route": milliseconds}) | stated


@pytest.fixture(scope="module")
def week(
    tmp_path_factory: pytest.TempPathFactory,
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
) -> Iterator[Week]:
    due = (datetime.now(UTC) - timedelta(hours=1)).replace(second=0, microsecond=0)
    folder = tmp_path_factory.mktemp("digest")
    (folder / "results").mkdir()
    for project, level in (("router", 1.5), (HOSTILE, 0.5)):
        for number in range(RUNS):
            milliseconds = (1.0 if number < CHANGED else level) * (1 + number % 5 / 100)
            path = folder / "results" / f"{number}-{level}.json"
            path.write_text(json.dumps(document(number, project, milliseconds, due)))
    with running_alertmanager(folder, programs, free_port) as alertmanager:
        (folder / "config.yaml").write_text("alert_keeping: {report_after_seconds: 3600}\n")
        exporter = Exporter(
            folder,
            free_port(),
            f"--config={folder / 'config.yaml'}",
            f"--alertmanager-api-url={alertmanager.url}",
            f"--grafana-url={GRAFANA}",
            f"--weekly-digest={due:%a %H:%M}",
        )
        yield Week(exporter, alertmanager, due)
        assert exporter.stop() == 0, exporter.log.read_text()


def test_it_reaches_slack_with_what_changed_and_what_is_open(week: Week) -> None:
    _, message = week.alertmanager.channels.slack.inbox.wait(slack(week.title), SENT_SECONDS)
    (attachment,) = message["attachments"]
    paragraphs = attachment["text"].split("\n\n")
    better, worse = sorted(paragraphs, key=lambda each: "Worse" in each)
    assert worse.startswith(
        f"*router, 1 worse, 0 better, 1 open, week to {week.due:%Y-%m-%d}*\nWorse\n- route +50."
    )
    assert "\nOpen the longest\n- route for " in worse
    assert f"<{GRAFANA}/d/overview?var-project=router|Dashboard>" in worse
    assert better.startswith("*parser &lt;b&gt;&amp; @here:x, 0 worse, 1 better, 0 open, week to ")
    assert "Better\n- route -5" in better
    assert "/d/overview?var-project=parser%20%3Cb%3E%26%0A%40here%3A%20x|" in better


def test_it_reaches_mail(week: Week) -> None:
    _, received = week.alertmanager.channels.email.inbox.wait(mail(week.title), SENT_SECONDS)
    text, html = (received.message.get_body([kind]) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    assert "router, 1 worse, 0 better, 1 open" in text.get_content()
    assert "- route +50." in text.get_content()
    assert "parser &lt;b&gt;&amp; @here:x" in html.get_content()
    assert f"{GRAFANA}/d/overview?var-project=router" in links_of(html)


def test_it_is_one_message_for_a_restarted_exporter_and_pages_nobody(week: Week) -> None:
    channels = week.alertmanager.channels
    channels.slack.inbox.wait(slack(week.title), SENT_SECONDS)
    before = week.alerts()
    assert week.exporter.stop() == 0
    week.exporter.start()
    deadline = time.monotonic() + SENT_SECONDS
    while any(week.alerts()[each]["updatedAt"] == before[each]["updatedAt"] for each in before):
        assert time.monotonic() < deadline, week.exporter.log.read_text()
        time.sleep(0.2)
    after = week.alerts()
    for project, alert in before.items():
        for part in ("fingerprint", "startsAt", "endsAt", "annotations"):
            assert after[project][part] == alert[part]
    assert week.exporter.log.read_text().count(LOG) == 2
    assert [slack(week.title)(each) for each in channels.slack.inbox.all()] == [True]
    assert channels.pagerduty.inbox.all() == []
    assert channels.exporter.inbox.all() == []


def test_it_ends_a_day_after_it_was_due(week: Week) -> None:
    week.alertmanager.channels.slack.inbox.wait(slack(week.title), SENT_SECONDS)
    for alert in week.alerts().values():
        assert datetime.fromisoformat(alert["endsAt"]) == week.due + timedelta(days=1)
        assert alert["labels"]["severity"] == "info"
