"""The benchmarks run, with small numbers, and report which targets are met."""

import re
from pathlib import Path

import pytest

from benchmarks.report import Figure, p50_and_p99, percentile, table
from tests.support.measuring import figures, run
from tests.support.paths import REPOSITORY


def test_ingest_measures_the_running_exporter(tmp_path: Path) -> None:
    output = tmp_path / "ingest.md"
    done = run(
        "benchmarks.ingest",
        "--files=120",
        "--benchmarks=3",
        "--singles=3",
        "--no-peers",
        f"--output={output}",
    )
    assert done.returncode == 0, done.stderr
    measured = figures(output)
    assert "burst of 120 files, first drop to last commit" in measured
    assert "start with 123 files and no ledger, until all are committed" in measured
    assert (
        measured["file → /metrics, 3 single files, p50"]
        <= measured["file → /metrics, 3 single files, p99"]
    )
    assert all(value > 0 for value in measured.values())


def test_burst_measures_each_order_and_version(tmp_path: Path) -> None:
    output = tmp_path / "burst.md"
    sizes = ("--files=60", "--benchmarks=2", "--times=1", f"--against={REPOSITORY}")
    done = run("benchmarks.burst", *sizes, f"--output={output}")
    assert done.returncode == 0, done.stderr
    measured = figures(output)
    for name in ("in the order of the runs", "before: in any order"):
        assert measured[f"{name}: files/s"] > 0
        assert measured[f"{name}: CPU"] > 0
        assert measured[f"{name}: peak memory"] > 30


def test_stream_accounts_for_every_message(tmp_path: Path) -> None:
    output = tmp_path / "stream.md"
    sizes = ("--clients=6", "--stuck=1", "--rate=50", "--seconds=1", "--overflow=6000")
    done = run("benchmarks.stream", *sizes, f"--output={output}")
    assert done.returncode == 0, done.stderr
    measured = figures(output)
    assert (
        0
        < measured["live line → 5 clients at 50 lines/s, p50"]
        <= measured["live line → 5 clients at 50 lines/s, p99"]
    )
    assert measured["messages missed unannounced, all clients"] == 0
    assert measured["missed by the 5 that read"] == 0


def test_scrape_measures_at_least_as_many_series_as_asked_for(tmp_path: Path) -> None:
    output = tmp_path / "scrape.md"
    sizes = (
        "--series=300",
        "--rendered=300",
        "--scrapes=5",
        "--renderings=3",
        "--idle-seconds=1",
        "--idle-benchmarks=2",
    )
    done = run("benchmarks.scrape", *sizes, "--no-peers", f"--output={output}")
    assert done.returncode == 0, done.stderr
    text = output.read_text(encoding="utf-8")
    scraped, rendered = (
        re.search(r"scrape of ([0-9]+) series, unchanged, gzip", text),
        re.search(r"one change made of ([0-9]+) series", text),
    )
    assert scraped is not None
    assert int(scraped[1]) >= 300
    assert rendered is not None
    assert int(rendered[1]) >= 300
    assert figures(output)["prometheus_client's generate_latest, the same series, p50"] > 0


def test_publishing_compares_sizes_and_checkouts(tmp_path: Path) -> None:
    output = tmp_path / "publishing.md"
    sizes = ("--benchmarks=2", "--benchmarks=6", "--files=3", "--rounds=1")
    against = f"--against={REPOSITORY}"
    done = run("benchmarks.publishing", *sizes, against, f"--output={output}")
    assert done.returncode == 0, done.stderr
    measured = figures(output)
    for number in (2, 6):
        file = measured[f"a file of one of {number} benchmarks: CPU"]
        assert 0 < measured["publishing it, of that"] < file
        assert measured[f"the other checkout: a file of one of {number} benchmarks: CPU"] > 0
        assert measured[f"resident memory with {number} benchmarks, peak"] > 20
    assert measured["series of both parts"] > 100


@pytest.mark.usefixtures("programs")
def test_alert_latency_measures_every_stage_in_its_order(tmp_path: Path) -> None:
    output = tmp_path / "alert_latency.md"
    done = run("benchmarks.alert_latency", "--repeats=1", f"--output={output}")
    assert done.returncode == 0, done.stderr
    measured = figures(output)
    stages = [
        measured[f"critical, file → {stage}, p95"]
        for stage in ("/metrics", "Prometheus", "firing", "webhook")
    ]
    assert stages == sorted(stages)
    assert stages[0] > 0
    assert measured["warning (group_wait 10 s), file → webhook, p95"] > 10


def test_client_measures_each_way_of_observing(tmp_path: Path) -> None:
    output = tmp_path / "client.md"
    done = run("benchmarks.client", "--iterations=20000", "--seconds=1", f"--output={output}")
    assert done.returncode == 0, done.stderr
    measured = figures(output)
    ways = [
        value for what, value in measured.items() if what.endswith("live file and result included")
    ]
    assert len(ways) == 3
    assert min(ways) > measured["bare loop, one iteration, CPU time"]
    assert measured["live lines a second, of iterations of 1 ms"] > 1


@pytest.mark.usefixtures("programs")
def test_storage_weighs_every_rhythm_of_scraping(tmp_path: Path) -> None:
    output = tmp_path / "storage.md"
    done = run(
        "benchmarks.storage",
        "--benchmarks=2",
        "--hours=0.5",
        "--live-seconds=31",
        f"--output={output}",
    )
    assert done.returncode == 0, done.stderr
    measured = figures(output)
    months = {what: value for what, value in measured.items() if what.endswith("blocks of a month")}
    assert len(months) == 7
    before = months.pop(
        "the exporter's state, if every scrape had all of it, every 1 s: blocks of a month"
    )
    slow_before = months.pop(
        "the rest of the exporter, and the machine, if every scrape had all of it, every 30 s: "
        "blocks of a month"
    )
    slow = [month for what, month in months.items() if what.startswith("the rest of the exp")]
    assert measured["the rest as every scrape had it, to the rest now"] == pytest.approx(
        slow_before / sum(slow), rel=0.05
    )
    state = [month for what, month in months.items() if what.startswith("the exporter's state")]
    assert len(state) == 2
    ratio = measured["the state as every scrape had it, to the state now"]
    assert ratio == pytest.approx(before / sum(state), rel=0.05)
    log = measured["6 hours of it, the most that is kept"]
    assert measured["a month of the whole stack"] == pytest.approx(
        sum(months.values()) + log, rel=0.02
    )
    assert measured["the exporter's state, sparse series, every 60 s: series"] > 2 * 7
    assert 0.3 < measured["the exporter's state, dense series, every 1 s: blocks"] < 3
    assert 1 < measured["write-ahead log of real scrapes"] < 60


@pytest.mark.parametrize(
    "name", ["ingest", "scrape", "alert_latency", "alert_keeping", "client", "storage"]
)
def test_help_names_the_output(name: str) -> None:
    done = run(f"benchmarks.{name}", "--help")
    assert done.returncode == 0
    assert "--output" in done.stdout


def test_a_missed_target_is_reported_as_missed() -> None:
    text = table(
        [
            Figure("fast enough", 5.0, "ms", at_most=5.0),
            Figure("too slow", 5.1, "ms", at_most=5.0),
            Figure("enough", 5000.0, "files/s", at_least=5000.0),
            Figure("too few", 4999.0, "files/s", at_least=5000.0),
        ]
    )
    outcomes = [line.split(" | ")[2] for line in text.splitlines()[2:]]
    assert outcomes == [
        "≤ 5 ms: kept",
        "≤ 5 ms: **missed**",
        "≥ 5,000 files/s: kept",
        "≥ 5,000 files/s: **missed**",
    ]


def test_a_peer_is_compared_with_ours_as_a_ratio() -> None:
    ours = Figure("ours", 4.0, "ms")
    assert (
        table([Figure("theirs", 100.0, "ms", ours=ours)]).splitlines()[-1]
        == "| theirs | 100 ms |  | 25 × |"
    )


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert (percentile(values, 50), percentile(values, 99), percentile(values, 100)) == (
        50.0,
        99.0,
        100.0,
    )
    assert percentile([3.0], 99) == 3.0
    assert [figure.value for figure in p50_and_p99("x", [0.001, 0.002, 0.003])] == [2.0, 3.0]


def test_ledger_size_measures_runs_of_both_sizes(tmp_path: Path) -> None:
    output = tmp_path / "ledger_size.md"
    done = run("benchmarks.ledger_size", "--runs=200", f"--output={output}")
    assert done.returncode == 0, done.stderr
    measured = figures(output)
    small, large = (value for name, value in measured.items() if name.endswith("ledger"))
    assert 0 < small < large
