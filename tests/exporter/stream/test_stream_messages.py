"""What a running exporter's stream sends, with real WebSockets and files."""

import asyncio
import json
import sys
import time
from http import HTTPStatus
from typing import Any

import aiohttp
import pytest

from benchmark_exporter.stream.live_folder import SCAN_SECONDS
from tests.support.documents import perf_suite, result
from tests.support.following import follow, until
from tests.support.histories import LEAST
from tests.support.live_files import RUN_ID, LiveFile
from tests.support.process import COMMAND, Exporter


async def test_a_line_soon_becomes_a_message(exporter: Exporter) -> None:
    file = LiveFile(exporter.results)
    async with follow(exporter) as following:
        hello = await following()
        assert hello["type"] == "hello"
        if not hello["metrics"]["snapshot"]["running"]:
            await following("progress")
        seconds = []
        for number in range(20):
            await asyncio.sleep(0.03)
            started = time.monotonic()
            file.iteration(number)
            progress = await following("progress")
            seconds.append(time.monotonic() - started)
            assert (progress["metrics"]["run_id"], progress["metrics"]["iteration"]) == (
                RUN_ID,
                number,
            )
    # Not only when the folder is scanned. benchmarks/stream.py measures how soon.
    assert sorted(seconds)[10] < SCAN_SECONDS, seconds


async def test_any_command_is_followed_from_its_start_to_its_result(exporter: Exporter) -> None:
    async with follow(exporter) as following:
        await following("hello")
        program = "import time; time.sleep(1.5); raise SystemExit(3)"
        command = [
            *COMMAND,
            "run",
            "--name=sleeper",
            f"--results-dir={exporter.results}",
            "--",
            sys.executable,
            "-c",
            program,
        ]
        running = await asyncio.create_subprocess_exec(*command)
        statuses: list[str] = []
        memory_mb = None
        while not statuses or statuses[-1] == "running":
            progress = (await following("progress"))["metrics"]
            statuses.append(progress["status"])
            memory_mb = progress["memory_mb"] or memory_mb
        run = (await following("run"))["metrics"]
        assert await running.wait() == 3
    assert (statuses[0], statuses[-1]) == ("running", "failed")
    assert memory_mb is not None
    assert memory_mb > 1
    assert (run["benchmark"], run["run_id"], run["failed"]) == (
        "run/sleeper",
        progress["run_id"],
        True,
    )


async def test_a_run_its_gate_outcome_and_a_rejected_file(exporter: Exporter) -> None:
    async with follow(exporter) as following:
        await following("hello")
        (exporter.results / "a.json").write_text(
            json.dumps(perf_suite(project="orbit", speedup=5.0))
        )
        run = (await following("run"))["metrics"]
        assert (run["benchmark"], run["commit_hash"], run["failed"]) == ("orbit", "a1b2c3d", False)
        assert run["p50_ms"] == {"compiled": 0.05, "fallback": 0.25}
        gate = (await following("gate"))["metrics"]
        assert (gate["benchmark"], gate["passed"], gate["severity"]) == (
            "orbit",
            False,
            "critical",
        )
        assert (gate["speedup_p50"], gate["run_id"]) == (5.0, run["run_id"])
        (exporter.results / "odd.json").write_text('{"keys": "of no format"}')
        rejected = (await following("rejected"))["metrics"]
        assert (rejected["count"], rejected["files"][0]["reason"]) == (1, "unknown_format")
    async with follow(exporter) as following:
        snapshot = (await following("hello"))["metrics"]["snapshot"]
    assert ([run], [gate], rejected) == (
        snapshot["runs"],
        snapshot["gates"],
        snapshot["rejected"],
    )


async def test_an_ingest_failure_is_sent_until_results_are_ingested_again(
    exporter: Exporter,
) -> None:
    away = exporter.folder / "away"
    async with follow(exporter, path="/stream?benchmark=router") as following:
        assert (await following("hello"))["metrics"]["snapshot"]["ingest"] == {"failure": None}
        exporter.results.rename(away)
        failing = (await following("ingest"))["metrics"]
        assert failing == {"failure": f"[Errno 2] No such file or directory: '{exporter.results}'"}
        async with follow(exporter) as second:
            assert (await second("hello"))["metrics"]["snapshot"]["ingest"] == failing
        away.rename(exporter.results)
        # Each retry fails, but is not sent again.
        assert (await following("ingest"))["metrics"] == {"failure": None}


async def test_a_run_is_sent_with_its_verdict(exporter: Exporter) -> None:
    for number in range(LEAST):
        (exporter.results / f"{number}.json").write_text(json.dumps(result(number, {"parse": 1.0})))
    await until(
        lambda: exporter.value('benchmark_exporter_files_ingested_total{format="result"}') == LEAST
    )
    async with follow(exporter) as following:
        await following("hello")
        (exporter.results / "worse.json").write_text(json.dumps(result(LEAST, {"parse": 1.5})))
        (verdict,) = (await following("run"))["metrics"]["verdicts"]
    assert verdict == {"name": "parse", "state": "suspect", "worsening_ratio": 0.5}


async def test_scopes_with_a_benchmark_of_one_name_do_not_overwrite_each_other(
    exporter: Exporter,
) -> None:
    scopes = [("one", "main", 2), ("two", "main", 2), ("one", "main", 4), ("one", "release/2", 2)]
    scopes.append(("one", "feature/x", 2))
    messages = set()
    async with follow(exporter) as following:
        await following("hello")
        for number, (project, branch, cpus) in enumerate(scopes):
            document = result(number, {"parsing": 1.0 + number}, cpus=cpus)
            (exporter.results / f"{number}.json").write_text(
                json.dumps(document | {"project": project, "branch": branch})
            )
            messages.add(origin((await following("run"))["metrics"]))
    async with follow(exporter) as following:
        snapshot = (await following("hello"))["metrics"]["snapshot"]
    async with follow(exporter, "?branch=rel*&branch=feat*") as following:
        selected = (await following("hello"))["metrics"]["snapshot"]
    expected = {
        (project, branch, f"linux x86_64 {cpus} cpus", "main" if "feature" in branch else branch)
        for project, branch, cpus in scopes
    }
    assert messages == expected
    assert set(map(origin, snapshot["runs"])) == expected
    assert set(map(origin, json.loads(exporter.get("/api/v1/status"))["runs"])) == expected
    assert {run["branch"] for run in selected["runs"]} == {"release/2", "feature/x"}


def origin(run: dict[str, Any]) -> tuple[str, ...]:
    """Where a run comes from, and what it is compared with."""
    return tuple(run[key] for key in ("project", "branch", "machine_class", "base_branch"))


def message(status: str = "firing", severity: str = "critical") -> bytes:
    labels = {
        "alertname": "CriticalPerformanceRegression",
        "benchmark_name": "orbit",
        "project": "saturn",
        "branch": "release/2",
        "machine_class": "2 cpus",
        "severity": severity,
    }
    alert = {
        "status": status,
        "labels": labels,
        "annotations": {"summary": "orbit is slow"},
        "fingerprint": "f1",
    }
    return json.dumps({"alerts": [alert]}).encode()


async def test_alerts(exporter: Exporter) -> None:
    async with follow(exporter) as following:
        await following("hello")
        messages = []
        for status in ("firing", "resolved"):
            for _ in range(2):  # Alertmanager repeats it
                assert exporter.status_of("/api/v1/alerts", message(status))[0] == HTTPStatus.OK
            messages.append((await following("alert"))["metrics"])
    assert [message["status"] for message in messages] == ["firing", "resolved"]
    assert (messages[0]["benchmark"], messages[0]["summary"]) == ("orbit", "orbit is slow")
    keys = ("project", "environment", "machine_class", "branch")
    assert [messages[0][key] for key in keys] == ["saturn", "", "2 cpus", "release/2"]
    (alert,) = json.loads(exporter.get("/api/v1/status"))["alerts"]
    assert [alert[key] for key in keys] == ["saturn", "", "2 cpus", "release/2"]


async def test_a_snapshot_has_firing_alerts_except_the_watchdog(exporter: Exporter) -> None:
    async with follow(exporter) as following:
        await following("hello")
        exporter.status_of("/api/v1/alerts", message(severity="none"))
        exporter.status_of("/api/v1/alerts", message().replace(b"f1", b"f2"))
        assert (await following("alert"))["metrics"]["fingerprint"] == "f2"
    async with follow(exporter) as following:
        snapshot = (await following("hello"))["metrics"]["snapshot"]
    assert [each["fingerprint"] for each in snapshot["alerts"]] == ["f2"]


async def test_running_benchmarks_are_in_the_snapshot_also_after_a_restart(
    exporter: Exporter,
) -> None:
    file = LiveFile(exporter.results)
    file.iteration(17)
    async with follow(exporter) as following:
        first = await following("hello")
    await until(lambda: exporter.value("benchmark_live_runs") == 1)
    assert exporter.stop() == 0
    exporter.start()
    await until(lambda: exporter.value("benchmark_live_runs") == 1)
    query = f"?since={first['seq']}&stream={first['metrics']['stream']}"
    async with follow(exporter, query) as following:
        hello = (await following("hello"))["metrics"]
        assert hello["stream"] != first["metrics"]["stream"]
        assert hello["resumed"] is False
        assert [running["iteration"] for running in hello["snapshot"]["running"]] == [17]


async def test_the_usage_of_a_running_process_is_on_metrics(exporter: Exporter) -> None:
    file = LiveFile(exporter.results)
    file.line(
        "sample",
        process="bench",
        phase="warmup",
        memory_mb=64.0,
        cpu_percent=150.0,
        cores={"0": 100.0},
    )
    await until(lambda: exporter.value('memory_usage_mb{process="bench",phase="warmup"}') == 64.0)
    assert exporter.value('cpu_utilization_percent{core="0",process="bench"}') == 100.0


async def test_trends(exporter: Exporter) -> None:
    for number in range(3):
        document = perf_suite(
            f"r{number}",
            project="orbit",
            speedup=20.0 + number,
            timestamp=f"2026-03-01T12:00:0{number}Z",
        )
        (exporter.results / f"{number}.json").write_text(json.dumps(document))
    await until(
        lambda: exporter.value('benchmark_exporter_files_ingested_total{format="perf_suite"}') == 3
    )
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{exporter.stream_port}/api/v1/trends") as answered,
    ):
        trends = {
            (trend["name"], trend["quantity"]): trend["values"] for trend in await answered.json()
        }
    assert trends == {
        ("orbit", "speedup_p50"): [20.0, 21.0, 22.0],
        ("orbit/compiled", "p50_ms"): pytest.approx([0.05] * 3),
        ("orbit/fallback", "p50_ms"): pytest.approx([1.0, 1.05, 1.1]),
    }
