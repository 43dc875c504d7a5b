"""`benchmark-exporter history` with real ledgers."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from benchmark_exporter.__main__ import EXIT_OK, EXIT_UNUSABLE, main
from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.history import History
from benchmark_exporter.ledger.selection import RunSelection
from tests.support.documents import golden, perf_suite, result
from tests.support.wired import Wired


@pytest.fixture
def ledger(wired: Wired) -> Path:
    """Three runs of router, the last of which fails its gate, and one with a failure."""
    for day, speedup in ((1, 20.0), (2, 18.0), (3, 12.0)):
        wired.drop(
            f"{day}.json",
            perf_suite(
                f"2026030{day}T120000Z",
                speedup=speedup,
                commit=f"{day}1b2c3d4e5f60718",
                timestamp=f"2026-03-0{day}T12:00:00Z",
                verdict="FAIL" if speedup < 15 else "PASS",
            ),
        )
    failures = [{"benchmark": "rendering\x1b[31m\n", "error": "TypeError"}]
    wired.drop(
        "4.json",
        golden("result/1-run")
        | {"failures": failures, "timestamp": "2026-02-28T12:00:00Z", "environment": "ci"},
    )
    wired.settle()
    return wired.folder / "ledger.sqlite3"


def listed(ledger: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """The run ids that a command lists, in its order."""
    assert main(["history", f"--ledger={ledger}", "--format=json", *words]) == EXIT_OK
    return [run["run_id"] for run in json.loads(capsys.readouterr().out)]


def test_the_table_has_a_line_for_each_result(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", f"--ledger={ledger}", "--limit=2"]) == EXIT_OK
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    failed, passed = "4 2026-03-03 12:00:00 router", "3 2026-03-02 12:00:00 router"
    gate = "warning regression"
    assert lines == [
        "RUN TIME (UTC) PROJECT BENCHMARK BRANCH ENVIRONMENT COMMIT P50 GATE VERDICT",
        f"{failed} router/compiled main self-hosted 31b2c3d4e5f6 50 µs {gate} insufficient data",
        f"{failed} router/fallback main self-hosted 31b2c3d4e5f6 600 µs {gate} insufficient data",
        f"{passed} router/compiled main self-hosted 21b2c3d4e5f6 50 µs passed insufficient data",
        f"{passed} router/fallback main self-hosted 21b2c3d4e5f6 900 µs passed insufficient data",
    ]


@pytest.fixture
def judged(wired: Wired) -> Path:
    """Twelve equal runs of two results, two with one slower, and one made before all of these."""
    for number in range(1, 15):
        wired.take(
            f"{number}.json",
            result(number, {"parsing": 1.0, "routing": 1.0 if number < 13 else 1.5}),
        )
    wired.take("0.json", result(0, {"parsing": 2.0}))
    return wired.folder / "ledger.sqlite3"


def test_the_table_has_the_verdict_on_each_result(
    judged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", f"--ledger={judged}", "--limit=15"]) == EXIT_OK
    heading, *lines = capsys.readouterr().out.splitlines()
    end = heading.index("DETECTABLE")
    verdicts = [line[heading.index("VERDICT") : end].rstrip() for line in lines]
    assert verdicts[:5] == ["ok", "critical, 50.0% worse", "ok", "suspect, 50.0% worse", "ok"]
    assert verdicts[-3:] == ["insufficient data"] * 3  # the last one is late


def test_json_has_the_verdicts_of_a_run_by_the_names_of_its_results(
    judged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["history", f"--ledger={judged}", "--format=json", "--limit=1", "--benchmark=routing"])
        == EXIT_OK
    )
    (run,) = json.loads(capsys.readouterr().out)
    verdict = run["verdicts"].pop("routing")
    assert not run["verdicts"]
    assert (verdict["state"], verdict["value"], verdict["rolling"], verdict["alarm_runs"]) == (
        "critical",
        0.0015,
        0.001,
        1,
    )
    assert verdict["worsening_ratio"] == pytest.approx(0.5)
    assert verdict["suppressed"] is False


def test_columns_are_aligned_and_no_name_controls_the_terminal(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", f"--ledger={ledger}", "--environment=ci"]) == EXIT_OK
    output = capsys.readouterr().out
    assert r"rendering\x1b[31m\n" in output
    assert "\x1b" not in output
    heading, *lines = output.splitlines()
    assert len({line.index("ci") for line in lines}) == 1
    assert {line[heading.index("VERDICT") :] for line in lines} == {
        "insufficient data",
        "error: TypeError",
    }


@pytest.fixture
def failing(wired: Wired) -> Path:
    """Runs of six benchmarks that pass and two that fail."""
    for number in range(1, 7):
        passing = {f"passing-{each}": 1.0 for each in range(6)}
        failures = [{"benchmark": f"failing-{each}", "error": "TypeError"} for each in "ab"]
        wired.take(f"{number}.json", result(number, passing) | {"failures": failures})
    return wired.folder / "ledger.sqlite3"


def table_of(ledger: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[list[str]]:
    """The rows of the table, without its headings."""
    assert main(["history", f"--ledger={ledger}", *words]) == EXIT_OK
    return [line.split() for line in capsys.readouterr().out.splitlines()[1:]]


def test_failed_lists_failures_only_and_its_limit_counts_them(
    failing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = table_of(failing, capsys, "--failed", "--limit=5")
    # A run's number, its benchmark.
    assert [(row[0], row[4]) for row in rows] == [
        ("6", "failing-a"),
        ("6", "failing-b"),
        ("5", "failing-a"),
        ("5", "failing-b"),
        ("4", "failing-a"),
    ]
    assert all(row[-2:] == ["error:", "TypeError"] for row in rows)
    assert len(table_of(failing, capsys, "--limit=5")) == 5 * 8
    assert not table_of(failing, capsys, "--failed", "--benchmark=passing*")


def test_failed_lists_the_results_whose_gate_was_not_passed(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = table_of(ledger, capsys, "--failed", "--project=router", "--environment=self-hosted")
    assert [row[4] for row in rows] == ["router/compiled", "router/fallback"]
    assert all("warning regression" in " ".join(row) for row in rows)


@pytest.mark.parametrize(
    ("words", "run_ids"),
    [
        ([], ["20260303T120000Z", "20260302T120000Z", "20260301T120000Z", "ci-17"]),
        (["--limit=1"], ["20260303T120000Z"]),
        (["--failed"], ["20260303T120000Z", "ci-17"]),
        (["--environment=ci"], ["ci-17"]),
        (["--project=nobody"], []),
        (["--commit=21b2c3d4"], ["20260302T120000Z"]),
        (["--commit=1b2c3d4"], []),
        (["--branch=main"], ["20260303T120000Z", "20260302T120000Z", "20260301T120000Z", "ci-17"]),
        (["--branch=feature*"], []),
        (["--machine-class="], ["ci-17"]),
        (
            ["--machine-class=linux x86_64 4*"],
            ["20260303T120000Z", "20260302T120000Z", "20260301T120000Z"],
        ),
        (
            ["--benchmark=router/fall*"],
            ["20260303T120000Z", "20260302T120000Z", "20260301T120000Z"],
        ),
        (["--benchmark=pars[i]ng"], ["ci-17"]),
        (["--benchmark=rendering*"], ["ci-17"]),
        (
            ["--since=2026-03-01T21:00+09:00", "--until=2026-03-03T12:00"],
            ["20260302T120000Z", "20260301T120000Z"],
        ),
        (["--until=2026-03-01"], ["ci-17"]),
    ],
)
def test_runs_are_selected(
    ledger: Path, capsys: pytest.CaptureFixture[str], words: Sequence[str], run_ids: list[str]
) -> None:
    assert listed(ledger, capsys, *words) == run_ids


def test_of_a_selected_benchmark_only_its_results_are_shown(ledger: Path) -> None:
    with History(ledger) as history:
        (run,) = history.newest_first(RunSelection(benchmark="router/compiled"), limit=1)
    assert [result.name for result in run.results] == ["router/compiled"]
    assert [verdict.severity for verdict in run.gate_outcomes] == ["warning"]


def test_json_has_everything_that_is_kept(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", f"--ledger={ledger}", "--format=json", "--limit=1"]) == EXIT_OK
    (run,) = json.loads(capsys.readouterr().out)
    assert run["timestamp_seconds"] == 1772539200.0
    assert run["results"][0]["statistics"]["p50"] == 5e-05
    assert run["gate_outcomes"][0]["criteria"] == {"p50": False, "p95": False, "absolute": True}
    assert run["failures"] == []


def test_no_run_is_reported_but_not_an_error(
    ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", f"--ledger={ledger}", "--project=nobody"]) == EXIT_OK
    assert capsys.readouterr() == ("", "no such run\n")


@pytest.fixture
def branches(wired: Wired) -> Path:
    """Twelve runs of main, then one of a branch that is not tracked, on another machine each."""
    for number in range(13):
        branch = "refs/heads/main" if number < 12 else "feature/slow"
        for cpus in (2, 4):
            usual = 2.0 / cpus
            document = result(number, {"parsing": usual if number < 12 else 1.5 * usual}, cpus=cpus)
            wired.take(f"{number}-{cpus}.json", document | {"branch": branch})
    return wired.folder / "ledger.sqlite3"


def test_a_branch_that_is_not_tracked_is_marked_with_its_base(
    branches: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", f"--ledger={branches}", "--limit=4"]) == EXIT_OK
    heading, *lines = capsys.readouterr().out.splitlines()
    assert [line[heading.index("BRANCH") : heading.index("ENVIRON")].strip() for line in lines] == [
        *["feature/slow (against main)"] * 2,
        *["main"] * 2,
    ]
    machines = [line[heading.index("MACHINE") : heading.index("COMMIT")].strip() for line in lines]
    assert sorted(machines) == sorted(["linux x86_64 2 cpus", "linux x86_64 4 cpus"] * 2)
    verdicts = slice(heading.index("VERDICT"), heading.index("DETECTABLE"))
    assert [line[verdicts].rstrip() for line in lines] == [
        *["suspect, 50.0% worse"] * 2,
        *["ok"] * 2,
    ]


def test_json_says_which_history_a_run_was_compared_with(
    branches: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--format=json", "--limit=2", "--machine-class=*2 cpus"]
    assert main(["history", f"--ledger={branches}", *words]) == EXIT_OK
    keys = ("branch", "base_branch", "tracked", "machine_class")
    assert [[run[key] for key in keys] for run in json.loads(capsys.readouterr().out)] == [
        ["feature/slow", "main", False, "linux x86_64 2 cpus"],
        ["main", "main", True, "linux x86_64 2 cpus"],
    ]


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def no_database(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to be read as one" * 100)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (Path.unlink, ".*--ledger"),
        (newer, r"schema 99 .*newer version.*"),
        (empty, r".*\(schema 0, .*`benchmark-exporter serve` of this version"),
        (no_database, "file is not a database; is it a ledger"),
    ],
)
def test_what_is_wrong_with_a_ledger_is_reported(
    wired: Wired, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None], reason: str
) -> None:
    path = wired.folder / "ledger.sqlite3"
    wired.ledger.close()
    damage(path)
    with pytest.raises(LedgerError, match=rf"^{path}: {reason}"):
        History(path)
    assert main(["history", f"--ledger={path}"]) == EXIT_UNUSABLE
    assert capsys.readouterr().err.startswith(f"benchmark-exporter: {path}: ")
