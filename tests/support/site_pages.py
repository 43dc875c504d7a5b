"""The site's pages, and an exporter with something of everything on them."""

import json

from tests.support.browsing import drop
from tests.support.documents import perf_suite, result
from tests.support.histories import LEAST
from tests.support.live_files import LiveFile
from tests.support.process import Exporter

BROKEN = [f"bench-{number:02}" for number in range(14)]
BROKEN_BY = "0123456789abcdef0123456789abcdef01234567"
PAGES = (
    *("/", "/files", "/addresses", "/live", "/runbooks/PerformanceRegression"),
    *("/benchmarks", f"/benchmark?name={BROKEN[0]}"),
    f"/commit?hash={BROKEN_BY}&project=router",
)
# Enough that the code has changed, and not the machine.
STEADY = [f"steady-{number:02}" for number in range(40)]


def alert(name: str, severity: str, **labels: str) -> dict[str, object]:
    fingerprint = "-".join((name, *labels.values()))
    return {
        "status": "firing",
        "labels": {"alertname": name, "severity": severity, **labels},
        "annotations": {"summary": f"{name} of 428.5us"},
        "fingerprint": fingerprint,
    }


def send(exporter: Exporter, *alerts: dict[str, object]) -> None:
    body = json.dumps({"alerts": alerts}).encode()
    assert exporter.status_of("/api/v1/alerts", body)[0] == 200


def break_all(exporter: Exporter) -> None:
    """One commit makes 14 results worse, each with an alert; and other things are wrong too."""
    for number in range(LEAST + 2):
        value = 1.0 if number < LEAST else 2.0
        results = dict.fromkeys(BROKEN, value) | dict.fromkeys(STEADY, 1.0)
        document = result(number, results)
        if number > LEAST:
            document["commit"] = BROKEN_BY
        drop(exporter, f"{number}.json", document)
    drop(exporter, "orbit.json", perf_suite(project="orbit", speedup=5.0))
    drop(exporter, "venus.json", perf_suite("r2", project="venus", speedup=30.0))
    drop(exporter, "odd.json", {"keys": "of no format"})
    (exporter.results / "half.json").write_text('{"a":')
    where = {"project": "router", "environment": "ci", "branch": "main"}
    send(
        exporter,
        *(
            alert("PerformanceRegression", "critical", benchmark_name=name, **where)
            for name in BROKEN
        ),
        alert("CommonRegression", "critical", **where),
        alert("IngestLagging", "warning"),
        alert("BenchmarkDrifting", "warning", benchmark_name="venus/compiled"),
    )
    exporter.until(lambda: len(regressed(exporter)) == len(BROKEN))
    # The start page follows within a second.
    shown = (b"14 results are worse", b"1 gate failed", b'"benchmark?name=venus"')
    exporter.until(lambda: all(text in exporter.get("/") for text in shown))


def regressed(exporter: Exporter) -> list[str]:
    """The results that are critical now."""
    runs = json.loads(exporter.get("/api/v1/status"))["runs"]
    return [
        verdict["name"]
        for run in runs
        for verdict in run["verdicts"]
        if verdict["state"] == "critical"
    ]


def run_two(exporter: Exporter) -> None:
    """Two benchmarks are running."""
    LiveFile(exporter.results, "first").iteration(3)
    LiveFile(exporter.results, "second").iteration(4)
