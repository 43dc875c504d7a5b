"""Alerts that are mostly noise: from past samples through the real Prometheus and Alertmanager."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmark_exporter.commands.remote_write import Point, RemoteWriter
from tests.rules.delivery import running_alertmanager
from tests.rules.prometheus_server import PROMETHEUS, prometheus, wait_until
from tests.rules.test_regression_alerts import Exposition

# The rule is evaluated each second here, and Alertmanager waits for ten.
DEADLINE_SECONDS = 120.0
HOUR_SECONDS, DAYS = 3600.0, 8
TRIAGED = 8
NOISY = 'ALERTS{alertname="RegressionAlertsNoisy", alertstate="firing"}'
TARGET = "benchmark_exporter_alerts_real_target_ratio"
SLOW = {"job": "benchmark-exporter-slow", "instance": "benchmark-exporter"}


def counters(
    project: str, at: float, *, triaged: float, noise: float, withdrawn: float
) -> list[Point]:
    """The counters of one benchmark of a project at a time, as they are scraped."""
    labels = {"benchmark_name": "parse", "environment": "ci", "branch": "main", "project": project}
    return [
        Point(
            tuple(sorted({"__name__": f"benchmark_alerts_{name}_total", **labels, **SLOW}.items())),
            round(at * 1000),
            value,
        )
        for name, value in (("triaged", triaged), ("noise", noise), ("noise_withdrawn", withdrawn))
    ]


def past(now: float) -> Iterator[Point]:
    """Each hour of the last days. What was triaged grew evenly; in one project all is noise."""
    hours = DAYS * 24
    for hour in range(hours + 1):
        triaged = round(TRIAGED * hour / hours)
        at = now - (hours - hour) * HOUR_SECONDS
        yield from counters("router", at, triaged=triaged, noise=triaged, withdrawn=0)
        yield from counters("parser", at, triaged=triaged, noise=0, withdrawn=0)


def quick_rules(folder: Path) -> Path:
    """The rules, of which those on trust are evaluated each second instead of every 5 minutes."""
    folder.mkdir()
    for rules in (PROMETHEUS / "rules").glob("*.yml"):
        text = rules.read_text(encoding="utf-8")
        slow = "  - name: trust\n    interval: 5m\n"
        assert text.count(slow) == (rules.name == "performance.yml")
        (folder / rules.name).write_text(text.replace(slow, slow.replace("5m", "1s")), "utf-8")
    return folder


def test_noise_is_reported_until_it_is_withdrawn(
    tmp_path: Path, programs: Mapping[str, Sequence[str]], free_port: Callable[[], int]
) -> None:
    exposition = Exposition()
    exposition.text = f"{TARGET} 0.8\n"
    with (
        exposition.served() as exporter,
        running_alertmanager(tmp_path, programs, free_port) as alertmanager,
        prometheus(
            programs["prometheus"],
            tmp_path / "server",
            free_port(),
            "--web.enable-remote-write-receiver",
            rules=quick_rules(tmp_path / "rules"),
            exporter=exporter,
            alertmanager=alertmanager.url.removeprefix("http://"),
        ) as server,
    ):
        wait_until(lambda: server.value(TARGET) == 0.8, "a scrape of the exporter")
        assert server.value(NOISY) is None
        now = time.time()
        with RemoteWriter(server.url) as writer:
            writer.write(list(past(now)))
        wait_until(lambda: server.value(NOISY) == 1, "the alert", DEADLINE_SECONDS)
        channels = alertmanager.channels
        title = "[WARNING] 100% of the regressions of router that were triaged in four weeks"
        _, message = channels.slack.inbox.wait(
            lambda each: title in each["attachments"][0]["title"], DEADLINE_SECONDS
        )
        text = message["attachments"][0]["text"]
        assert f"At least 80% should be real. Most noise comes from parse ({TRIAGED})." in text
        firing = server.at(time.time(), NOISY)
        assert [dict(labels)["project"] for labels in firing] == ["router"]

        later = counters("router", now + 1, triaged=TRIAGED, noise=TRIAGED, withdrawn=TRIAGED)
        with RemoteWriter(server.url) as writer:
            writer.write(later)
        wait_until(lambda: server.value(NOISY) is None, "its end", DEADLINE_SECONDS)
        paged = [each["payload"]["summary"] for each in channels.pagerduty.inbox.all()]
        assert not [summary for summary in paged if "are noise" in summary]
