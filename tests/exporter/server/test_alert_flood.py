"""A running exporter that anybody sends alerts to: what it shows, and what it writes."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from tests.support.process import Exporter

ALERTS = "/api/v1/alerts"
COUNTER = "benchmark_exporter_notifications_received_total"


def alert(name: str, number: int = 0, severity: str = "critical", text: str = "") -> object:
    return {
        "status": "firing",
        "labels": {"alertname": name, "severity": severity},
        "annotations": {"summary": text or f"{name} fires"},
        "fingerprint": f"{name}{number}",
    }


def send(exporter: Exporter, alerts: Sequence[object]) -> None:
    body = json.dumps({"version": "4", "alerts": alerts}).encode()
    assert exporter.status_of(ALERTS, body) == (200, "ok\n")


def test_a_flood_hides_no_alert_and_fills_no_ledger(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    (tmp_path / "PerformanceRegression.md").write_text("# PerformanceRegression\n")  # its runbook
    exporter = Exporter(tmp_path, free_port())
    send(exporter, [alert("Own"), alert("PerformanceRegression", severity="warning")])
    for start in range(0, 5000, 500):
        send(exporter, [alert(f"Forged{number}") for number in range(start, start + 500)])
    send(exporter, [alert("Watchdog", severity="none"), alert("PerformanceRegression", 1)])
    status = json.loads(exporter.get("/api/v1/status"))
    names = [each["alertname"] for each in status["alerts"] if each["status"] == "firing"]
    assert {"Own", "PerformanceRegression"} <= set(names)
    assert len(names) <= 200
    # The most severe first, and among them those that the stack has rules for.
    assert names[0] == "PerformanceRegression"
    page = exporter.get("/").decode()
    assert page.index("PerformanceRegression fires") < page.index("Forged")
    assert "Own fires" in page
    exporter.until(lambda: exporter.value(f'{COUNTER}{{alertname="Watchdog"}}') == 1)
    assert exporter.value(f'{COUNTER}{{alertname="(other)"}}') == 5000 - 199
    assert exporter.get("/metrics").decode().count(f"\n{COUNTER}{{") < 220
    # Every message of the flood is the same to the log.
    assert exporter.log.read_text().count("too many different names") == 1
    assert exporter.stop() == 0


def test_one_message_is_limited(tmp_path: Path, free_port: Callable[[], int]) -> None:
    exporter = Exporter(tmp_path, free_port())
    many = [alert("Own", number) for number in range(1500)]
    send(exporter, [alert("N" * 10_000, text="T" * 100_000), *many])
    alerts = json.loads(exporter.get("/api/v1/status"))["alerts"]
    longest = max(alerts, key=lambda each: len(each["alertname"]))
    assert (len(longest["alertname"]), len(longest["summary"])) == (500, 2000)
    exporter.until(lambda: exporter.value(f'{COUNTER}{{alertname="Own"}}') == 999)
    assert exporter.value(f'{COUNTER}{{alertname="(other)",status="firing"}}') == 501
    page = exporter.get("/").decode()
    assert "more</summary>" in page
    assert exporter.stop() == 0


def test_publishing_stays_fast(tmp_path: Path, free_port: Callable[[], int]) -> None:
    """A second and more before there was a limit, with far more names."""
    exporter = Exporter(tmp_path, free_port())
    for start in range(0, 20_000, 1000):
        send(exporter, [alert(f"Forged{number}") for number in range(start, start + 1000)])
    process = psutil.Process(exporter.process.pid)
    before = process.cpu_times()
    for _ in range(10):
        send(exporter, [alert("Watchdog", severity="none")])
    after = process.cpu_times()
    # CPU time, which other load on the machine does not change.
    assert after.user + after.system - before.user - before.system < 5
    assert (exporter.folder / "ledger.sqlite3").stat().st_size < 2_000_000
    assert exporter.stop() == 0
