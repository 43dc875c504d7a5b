"""The whole stack on real results: from a file in the folder to the notification. The tests of a backend share one stack, in this order."""

import asyncio
import json
import os
import re
import stat
import time
import urllib.parse
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from benchmark_exporter.commands.delivery import DeliveryError, Exporter
from benchmark_exporter.commands.push import push
from stack.demo_documents import (
    PerfSuiteBenchmark,
    perf_suite_document,
    pipeline_document,
    with_verdict,
)
from stack.settings import ALERTMANAGER, EXPORTER, NODE_EXPORTER, PARTS, PROMETHEUS, STREAM, Part
from tests.grafana.queries import Query, queries
from tests.stack.backends import Backend, Compose, get, get_text, is_back, query, until
from tests.support.delivering import SECRET, completed, deliver
from tests.support.live_files import LiveFile
from tests.support.paths import REPOSITORY

# Generous: the machine may be busy. What was measured stands at the end of the output.
METRIC_SECONDS, ALERT_SECONDS, RESTART_SECONDS = 20.0, 60.0, 30.0
ALERT = "CriticalPerformanceRegression"
FAST = PerfSuiteBenchmark("orbit", 0.05, 1.0, 0.0)  # 20 times faster than its reference
SLOW = PerfSuiteBenchmark("orbit", 0.20, 1.0, 0.0)  # 5 times
Measured = Callable[[str], None]


def drop(backend: Backend, name: str, document: Mapping[str, Any] | bytes) -> float:
    """Writes a result the way perf_suite does, in place; gives the time it was complete, in seconds since 1970."""
    data = document if isinstance(document, bytes) else json.dumps(document, indent=2).encode()
    (backend.settings.results_dir / name).write_bytes(data)
    return time.time()


def run_of(benchmark: PerfSuiteBenchmark, number: int) -> dict[str, Any]:
    """A run whose samples are all alike."""
    return perf_suite_document(
        benchmark, f"{number:07x}", datetime.now(UTC), lambda _mean, _sigma: 1.0
    )


def value(backend: Backend, expression: str) -> float | None:
    """The value of the one series of an instant query."""
    series = query(backend.settings, expression)
    return float(series[0]["value"][1]) if len(series) == 1 else None


def counter(backend: Backend, series: str) -> float:
    """What the exporter itself shows for a series, 0 if it has none."""
    found = re.search(
        rf"^{re.escape(series)} (\S+)$",
        get_text(EXPORTER.url(backend.settings, "/metrics")),
        re.MULTILINE,
    )
    return float(found[1]) if found else 0.0


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
    assert "Benchmarks, live" in get_text(f"{address}/")
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
        return all(rule["health"] == "ok" for group in groups for rule in group["rules"]) or None

    until(healthy, 90, "every rule has been evaluated without an error")


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
    measured(
        f"{backend.name}: failing result to metric {metric:.2f} s, to alert {alert:.2f} s, to notification {received - dropped:.2f} s"
    )


def test_the_notification_is_counted_where_it_was_received(backend: Backend) -> None:
    series = f'benchmark_exporter_notifications_received_total{{alertname="{ALERT}",severity="critical",status="firing"}}'
    until(
        lambda: counter(backend, series) or None, 10, "the count"
    )  # a new counter is shown as 0 for some seconds
    until(lambda: value(backend, f"sum({series})"), 10, "the count in Prometheus")


def test_a_regression_that_is_mended_resolves(backend: Backend, measured: Measured) -> None:
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
    drop(backend, "bad-number.json", good.replace(b'"cv": 0.0', b'"cv": NaN'))
    drop(backend, "bad-bytes.json", b"\xff\xfe{}")
    (backend.settings.results_dir / "bad-folder.json").mkdir()
    os.mkfifo(backend.settings.results_dir / "bad-fifo.json")
    (backend.settings.results_dir / "bad-link.json").symlink_to("/etc/hostname")
    drop(backend, "orbit-4.json", good)

    def rejected() -> Mapping[str, str] | None:
        status = get(EXPORTER.url(backend.settings, "/api/v1/status"))
        reasons = {file["file"]: file["reason"] for file in status["rejected_files"]}
        return reasons if len(reasons) == 6 else None

    reasons, _ = until(rejected, 15, "six rejected files")
    assert reasons == {
        "bad-truncated.json": "truncated",
        "bad-number.json": "not_finite",
        "bad-bytes.json": "not_utf8",
        "bad-folder.json": "not_a_file",
        "bad-fifo.json": "not_a_file",
        "bad-link.json": "link_outside",
    }
    runs = 'benchmark_runs_total{benchmark_name="orbit",environment="demo"}'
    until(lambda: counter(backend, runs) == 4 or None, 70, "the good file beside them")
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


@pytest.mark.parametrize(
    "part", [EXPORTER, PROMETHEUS, ALERTMANAGER, NODE_EXPORTER], ids=lambda part: part.name
)
def test_a_killed_process_is_back(backend: Backend, part: Part, measured: Measured) -> None:
    before, killed = backend.process_ids()[part.name], time.monotonic()
    backend.kill(part)
    until(
        lambda: backend.process_ids().get(part.name, before) not in (before, 0) or None,
        RESTART_SECONDS,
        f"another {part.name}",
    )
    until(is_back(part, backend.settings), RESTART_SECONDS, f"{part.name} is ready")
    seconds = time.monotonic() - killed
    assert seconds < RESTART_SECONDS
    measured(f"{backend.name}: {part.name} killed, ready again after {seconds:.2f} s")


def test_a_killed_exporter_shows_the_same_numbers(backend: Backend) -> None:
    def state() -> list[str]:
        lines = get_text(
            EXPORTER.url(backend.settings, "/metrics?collect[]=state&collect[]=distributions")
        ).splitlines()
        # Notifications go on coming in; what is pending is of the process.
        passing = (
            "benchmark_exporter_notifications",
            "benchmark_exporter_ledger_commits",
            "benchmark_exporter_files_pending",
        )
        return [line for line in lines if not line.startswith(passing)]

    observations = 'benchmark_execution_time_ms_count{benchmark_name="orbit/compiled",iteration="median",environment="demo"}'
    until(
        lambda: counter(backend, observations) == 4 or None,
        60,
        "the histogram, which is held at 0 the longest,",
    )
    before = state()
    backend.kill(EXPORTER)
    until(is_back(EXPORTER, backend.settings), RESTART_SECONDS, "the exporter is ready")
    assert state() == before


def test_up_again_is_harmless(backend: Backend) -> None:
    before = backend.process_ids()
    again = backend.command("up")
    assert again.returncode == 0, again.stdout + again.stderr
    assert str(backend.settings.port(PROMETHEUS)) in again.stdout
    assert backend.process_ids() == before


def test_status_tells_that_all_is_ready(backend: Backend) -> None:
    status = backend.command("status")
    assert status.returncode == 0, status.stdout + status.stderr
    assert all(f"{part.name} " in status.stdout for part in backend.parts)
    assert "NOT READY" not in status.stdout


def test_a_new_secret_is_taken_in_by_reload(backend: Backend) -> None:
    secret = backend.settings.secrets_dir / "slack_webhook_url"
    secret.write_text("http://127.0.0.1:9/hook\n")
    try:
        reloaded = backend.command("reload")
        assert reloaded.returncode == 0, reloaded.stdout + reloaded.stderr
        assert stat.S_IMODE(secret.stat().st_mode) == 0o640
        configuration = get(ALERTMANAGER.url(backend.settings, "/api/v2/status"))["config"][
            "original"
        ]
        assert "slack_webhook_url" in configuration
        assert get(PROMETHEUS.url(backend.settings, "/api/v1/alertmanagers"))["data"][
            "activeAlertmanagers"
        ]
    finally:
        secret.unlink()
    assert backend.command("reload").returncode == 0
    assert (
        "slack_webhook_url"
        not in get(ALERTMANAGER.url(backend.settings, "/api/v2/status"))["config"]["original"]
    )


def test_a_result_can_be_uploaded_once_there_is_a_token(backend: Backend, tmp_path: Path) -> None:
    path, token = tmp_path / "orbit-upload.json", "made-up-token-of-the-tests"
    path.write_text(json.dumps(run_of(PerfSuiteBenchmark("uploaded", 0.05, 1.0, 0.0), 1)))
    exporter = Exporter(EXPORTER.url(backend.settings), token, timeout_seconds=30.0)
    with pytest.raises(DeliveryError, match="uploads are off"):
        push([path], exporter, {})
    tokens = backend.settings.secrets_dir / "exporter" / "upload_tokens"
    before = tokens.read_text()
    # As an editor does it, which a file that is mounted by itself would not show.
    written = tokens.with_suffix(".new")
    written.write_text(f"{before}ci {token}\n")
    written.chmod(0o640)
    written.replace(tokens)
    try:
        assert push([path], exporter, {})
        until(
            lambda: value(backend, 'speedup_ratio{benchmark_name="uploaded",percentile="p50"}'),
            METRIC_SECONDS,
            "the speedup",
        )
    finally:
        tokens.write_text(before)


def test_githubs_webhook_is_counted_once_there_is_a_secret(backend: Backend) -> None:
    port = backend.settings.port(EXPORTER)
    assert deliver(port, completed()).status == 403
    secrets = backend.settings.secrets_dir / "exporter" / "github_webhook_secret"
    before = secrets.read_text()
    secrets.write_text(f"{before}router {SECRET}\n")
    try:
        assert deliver(port, completed()).status == 201
        until(
            lambda: value(backend, 'ci_pipeline_duration_seconds{pipeline="octo/router/CI"}'),
            METRIC_SECONDS,
            "the duration",
        )
    finally:
        secrets.write_text(before)


def test_the_demo_sees_everything_arrive(backend: Backend, measured: Measured) -> None:
    demo = backend.command("demo")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert len(re.findall(r"s after the file$", demo.stdout, re.MULTILINE)) == 3
    measured(
        f"{backend.name}, demo: "
        + ", ".join(
            " ".join(line.split()) for line in demo.stdout.splitlines() if "after the file" in line
        )
    )


# Panels that may be empty on a stack as young as this, or on this machine, and why.
MAY_BE_EMPTY = {
    "Availability, 30 days": "is not measured in the first five minutes of a part",
    "Error budget burn rate": "is not measured in the first five minutes of a part",
    "Waiting for memory": "not every kernel has pressure stall information",
    "Waiting for resources": "not every kernel has pressure stall information",
    "Throttled": "virtual processors do not count it",
}
# A query that may be empty beside others of its panel that may not.
MAY_BE_MISSING = {
    "max(prometheus_tsdb_wal_storage_size_bytes)": "older versions of Prometheus do not have it"
}


def answer(backend: Backend, asked: Query) -> list[Any]:
    """What Prometheus answers to a query as Grafana sends it."""
    if asked.step_seconds is None:
        return query(backend.settings, asked.expr)
    end = time.time() // asked.step_seconds * asked.step_seconds
    values = {
        "query": asked.expr,
        "start": end - asked.range_seconds,
        "end": end,
        "step": asked.step_seconds,
    }
    series: list[Any] = get(
        PROMETHEUS.url(backend.settings, f"/api/v1/query_range?{urllib.parse.urlencode(values)}")
    )["data"]["result"]
    return series


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "grafana/dashboards").glob("*.json")), ids=lambda path: path.stem
)
def test_every_query_of_a_dashboard_has_data(backend: Backend, path: Path) -> None:
    asked = [
        each for each in queries(json.loads(path.read_text())) if each.expr not in MAY_BE_MISSING
    ]
    assert asked

    def empty() -> list[str]:
        return [
            f"{each.panel}: {each.expr}"
            for each in asked
            if each.panel not in MAY_BE_EMPTY and not answer(backend, each)
        ]

    # The newest points are as far apart as their steps: five minutes of a week, and so of what is known from now on alone.
    until(lambda: None if empty() else True, 120, "\n".join(empty()))


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "grafana/dashboards").glob("*.json")), ids=lambda path: path.stem
)
def test_every_variable_of_a_dashboard_has_values(backend: Backend, path: Path) -> None:
    for variable in json.loads(path.read_text())["templating"]["list"]:
        series, label = re.fullmatch(
            r"label_values\((.+), (\w+)\)", variable["definition"]
        ).groups()  # type: ignore[union-attr]
        values = urllib.parse.urlencode({"match[]": series.replace("$project", ".*")})
        assert get(PROMETHEUS.url(backend.settings, f"/api/v1/label/{label}/values?{values}"))[
            "data"
        ]


def test_containers_may_do_no_more_than_they_need(backend: Backend) -> None:
    if not isinstance(backend, Compose):
        pytest.skip("the stack as processes has no containers")
    for part in backend.parts:
        assert backend.inspect(part, "{{.State.Health.Status}}") == "healthy", part.name
        assert backend.inspect(part, "{{.HostConfig.ReadonlyRootfs}}") == "true", part.name
        assert backend.inspect(part, "{{.HostConfig.CapDrop}}") == "[ALL]", part.name
        assert backend.inspect(part, "{{.HostConfig.SecurityOpt}}") == "[no-new-privileges:true]", (
            part.name
        )
        assert backend.inspect(part, "{{.Config.User}}") not in ("", "root", "0"), part.name
        assert backend.inspect(part, "{{.HostConfig.Memory}}") != "0", part.name
        assert '"HostIp":"127.0.0.1"' in backend.inspect(
            part, "{{json .HostConfig.PortBindings}}"
        ), part.name
    mounts = json.loads(backend.inspect(EXPORTER, "{{json .Mounts}}"))
    assert [mount["RW"] for mount in mounts if mount["Destination"] == "/results"] == [False]


def test_the_parts_under_test_are_all_there_are(backend: Backend) -> None:
    assert {part.name for part in PARTS} - {part.name for part in backend.parts} <= {"grafana"}
