"""From a file in the folder to the notification, on a whole stack.

The tests of a backend share one stack, in this order; test_stack_operation.py follows.
"""

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp

from stack.demo_documents import pipeline_document, with_verdict
from stack.settings import EXPORTER, PROMETHEUS, STREAM
from tests.stack.backends import Backend, get, get_text, until
from tests.stack.orbit import FAST, SLOW, counter, drop, run_of, value
from tests.support.live_files import LiveFile

# Generous: the machine may be busy. What was measured stands at the end of the output.
MINUTE_SECONDS = 60.0
METRIC_SECONDS, ALERT_SECONDS = 60.0, 120.0
ALERT = "CriticalPerformanceRegression"
Measured = Callable[[str], None]


def test_every_target_is_up(backend: Backend) -> None:
    def healthy() -> bool | None:
        targets = get(PROMETHEUS.url(backend.settings, "/api/v1/targets"))["data"]["activeTargets"]
        jobs = {
            target["labels"]["job"]: target["health"]
            for target in targets
            if target["labels"]["job"] != "grafana"
        }
        return (len(jobs) == 5 and set(jobs.values()) == {"up"}) or None

    until(healthy, 40, "every target is up")  # 15 s between two scrapes of most


def test_what_runs_is_on_the_stream_and_its_page(backend: Backend) -> None:
    address = STREAM.url(backend.settings)
    assert "<title>Start · Benchmarks</title>" in get_text(f"{address}/")
    file = LiveFile(backend.settings.results_dir, "orbit-live", benchmark="orbit")

    async def follow() -> None:
        async with (
            asyncio.timeout(METRIC_SECONDS),
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{address}/stream") as socket,
        ):
            number = 0
            while True:
                number += 1
                file.iteration(number, benchmark="orbit")
                message = json.loads(await socket.receive_str())
                if message["type"] == "progress" and message["metrics"]["iteration"] is not None:
                    assert message["metrics"]["benchmark"] == "orbit"
                    return

    asyncio.run(follow())
    file.end()


def test_every_rule_evaluates(backend: Backend) -> None:
    groups = get(PROMETHEUS.url(backend.settings, "/api/v1/rules"))["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert {ALERT, "Watchdog", "BenchmarkExporterDown"} <= {rule["name"] for rule in rules}

    def healthy() -> bool | None:
        groups = get(PROMETHEUS.url(backend.settings, "/api/v1/rules"))["data"]["groups"]
        return all(is_healthy(group, rule) for group in groups for rule in group["rules"]) or None

    def is_healthy(group: dict[str, Any], rule: dict[str, Any]) -> bool:
        # Some are evaluated once in five minutes.
        is_slow = float(group["interval"]) > MINUTE_SECONDS
        return rule["health"] in (("ok", "unknown") if is_slow else ("ok",))

    until(healthy, 3 * MINUTE_SECONDS, "every rule has been evaluated without an error")


def test_a_passing_result_is_a_metric_within_seconds(backend: Backend, measured: Measured) -> None:
    dropped = drop(backend, "orbit-1.json", run_of(FAST, 1))
    speedup = 'speedup_ratio{benchmark_name="orbit",percentile="p50"} > 19.99 < 20.01'
    until(lambda: value(backend, speedup), METRIC_SECONDS, "the speedup")
    measured(f"{backend.name}: result file to Prometheus {time.time() - dropped:.2f} s")
    assert (
        value(backend, 'performance_regression_active{benchmark_name="orbit",severity="critical"}')
        == 0
    )


def test_a_failing_result_is_an_alert_and_a_notification_within_a_minute(
    backend: Backend, measured: Measured
) -> None:
    document = run_of(SLOW, 2)
    dropped = drop(backend, "orbit-2.json", with_verdict(document))
    labels = {"alertname": ALERT, "benchmark_name": "orbit"}

    def firing() -> bool | None:
        alerts = get(PROMETHEUS.url(backend.settings, "/api/v1/alerts"))["data"]["alerts"]
        return (
            any(
                alert["state"] == "firing" and labels.items() <= alert["labels"].items()
                for alert in alerts
            )
            or None
        )

    def delivered() -> float | None:
        for alert in get(EXPORTER.url(backend.settings, "/api/v1/status"))["alerts"]:
            if labels.items() <= alert.items() and alert["status"] == "firing":
                received: float = alert["received_timestamp_seconds"]
                return received
        return None

    until(
        lambda: value(backend, 'speedup_ratio{benchmark_name="orbit",percentile="p50"} < 5.01'),
        METRIC_SECONDS,
        "the speedup",
    )
    metric = time.time() - dropped
    until(firing, ALERT_SECONDS, "the alert")
    alert = time.time() - dropped
    received, _ = until(delivered, ALERT_SECONDS - alert, "the notification")
    notified = received - dropped
    measured(
        f"{backend.name}: failing result to metric {metric:.2f} s, to alert {alert:.2f} s, "
        f"to notification {notified:.2f} s"
    )


def test_the_notification_is_counted_where_it_was_received(backend: Backend) -> None:
    labels = f'alertname="{ALERT}",severity="critical",status="firing"'
    series = f"benchmark_exporter_notifications_received_total{{{labels}}}"
    until(
        lambda: counter(backend, series) or None, ALERT_SECONDS, "the count"
    )  # a new counter is shown as 0 for some seconds
    until(lambda: value(backend, f"sum({series})"), 10, "the count in Prometheus")


def test_a_regression_that_is_fixed_resolves(backend: Backend, measured: Measured) -> None:
    dropped = drop(backend, "orbit-3.json", run_of(FAST, 3))

    def resolved() -> float | None:
        for alert in get(EXPORTER.url(backend.settings, "/api/v1/status"))["alerts"]:
            if (alert["alertname"], alert["benchmark_name"], alert["status"]) == (
                ALERT,
                "orbit",
                "resolved",
            ):
                received: float = alert["received_timestamp_seconds"]
                return received
        return None

    received, _ = until(resolved, ALERT_SECONDS, "the resolved notification")
    measured(f"{backend.name}: passing result to resolved notification {received - dropped:.2f} s")


def test_bad_files_are_named_and_lose_nothing_else(backend: Backend) -> None:
    good = json.dumps(run_of(FAST, 4)).encode()
    drop(backend, "bad-truncated.json", good[:100])
    drop(backend, "bad-number.json", good.replace(b'"p50_ms": ', b'"p50_ms": NaN, "was": ', 1))
    drop(backend, "bad-bytes.json", b"\xff{}")
    (backend.settings.results_dir / "bad-folder.json").mkdir()
    os.mkfifo(backend.settings.results_dir / "bad-fifo.json")
    (backend.settings.results_dir / "bad-link.json").symlink_to("/etc/hostname")
    drop(backend, "orbit-4.json", good)

    def rejected() -> Mapping[str, str] | None:
        status = get(EXPORTER.url(backend.settings, "/api/v1/status"))
        reasons = {file["file"]: file["reason"] for file in status["rejected_files"]}
        incomplete = {file["file"] for file in status["incomplete_files"]}
        return reasons if len(reasons) == 5 and incomplete == {"bad-truncated.json"} else None

    what = "five rejected files, and an incomplete one"
    reasons, _ = until(rejected, ALERT_SECONDS, what)
    assert reasons == {
        "bad-number.json": "not_finite",
        "bad-bytes.json": "not_utf8",
        "bad-folder.json": "not_a_file",
        "bad-fifo.json": "not_a_file",
        "bad-link.json": "link_outside",
    }
    # Its counter, which is held at 0 for a minute first, is waited for in test_stack_operation.py.
    until(
        lambda: len(backend.history("--project=orbit")) == 4 or None,
        ALERT_SECONDS,
        "the good file among them",
    )
    log = backend.command("logs", "exporter", "--no-follow").stdout
    assert all(name in log for name in reasons)


def test_a_rejected_file_is_an_alert_until_it_is_removed(backend: Backend) -> None:
    firing = 'count(ALERTS{alertname="ResultFileRejected",alertstate="firing"})'
    until(lambda: value(backend, firing), ALERT_SECONDS, "ResultFileRejected")
    for path in backend.settings.results_dir.glob("bad-*.json"):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    until(lambda: value(backend, f"{firing} or vector(0)") == 0 or None, ALERT_SECONDS, "its end")


def test_a_pipeline_that_fails_too_often_is_an_alert(backend: Backend) -> None:
    for number in range(5):
        drop(
            backend,
            f"ci-{number}.json",
            pipeline_document("nightly", str(number), datetime.now(UTC), passed=number > 1),
        )
    firing = 'ALERTS{alertname="HighCIFailureRate",pipeline="nightly",alertstate="firing"}'
    until(lambda: value(backend, firing), ALERT_SECONDS, "HighCIFailureRate")
    assert value(backend, 'ci_pipeline_failure_ratio{pipeline="nightly"}') == 0.4
    assert value(backend, 'ci_pipeline_status{pipeline="nightly"}') == 1
