"""Past runs, as `benchmark-exporter history` lists them from a real ledger."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from benchmark_exporter.__main__ import EXIT_OK, EXIT_UNUSABLE, main
from benchmark_exporter.commands.history import moment
from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.history import PAGE_RUNS, History, Selection
from tests.exporter.ledger.test_ledger import fill
from tests.support.documents import golden, perf_suite, pipeline, result
from tests.support.wired import Wired


@pytest.fixture
def ledger(wired: Wired) -> Path:
    """Three runs of router, of which the last fails its gate, and one of the format of our own with a failure."""
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
    assert lines == [
        "RUN TIME (UTC) PROJECT BENCHMARK ENVIRONMENT COMMIT P50 GATE VERDICT",
        "4 2026-03-03 12:00:00 router router/compiled self-hosted 31b2c3d4e5f6 50 µs warning regression insufficient data",
        "4 2026-03-03 12:00:00 router router/fallback self-hosted 31b2c3d4e5f6 600 µs warning regression insufficient data",
        "3 2026-03-02 12:00:00 router router/compiled self-hosted 21b2c3d4e5f6 50 µs passed insufficient data",
        "3 2026-03-02 12:00:00 router router/fallback self-hosted 21b2c3d4e5f6 900 µs passed insufficient data",
    ]


@pytest.fixture
def judged(wired: Wired) -> Path:
    """Ten runs of two results that are the same, two of which one became slower, and one that was made before all of these."""
    for number in range(1, 13):
        wired.take(
            f"{number}.json",
            result(number, {"parsing": 1.0, "routing": 1.0 if number < 11 else 1.5}),
        )
    wired.take("0.json", result(0, {"parsing": 2.0}))
    return wired.folder / "ledger.sqlite3"


def test_the_table_has_the_verdict_of_each_result_beside_its_history(
    judged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", f"--ledger={judged}", "--limit=13"]) == EXIT_OK
    heading, *lines = capsys.readouterr().out.splitlines()
    verdicts = [line[heading.index("VERDICT") :] for line in lines]
    assert verdicts[:5] == ["ok", "critical, 50.0% worse", "ok", "warning, 50.0% worse", "ok"]
    assert verdicts[-3:] == ["insufficient data", "insufficient data", "-"]


def test_json_has_the_judgements_of_a_run_by_the_names_of_its_results(
    judged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(["history", f"--ledger={judged}", "--format=json", "--limit=1", "--benchmark=routing"])
        == EXIT_OK
    )
    (run,) = json.loads(capsys.readouterr().out)
    judgement = run["verdicts"].pop("routing")
    assert not run["verdicts"]
    assert (judgement["state"], judgement["value"], judgement["rolling"], judgement["pinned"]) == (
        "critical",
        0.0015,
        0.001,
        None,
    )
    assert judgement["worsening_ratio"] == pytest.approx(0.5)
    assert judgement["suppressed"] is False


def test_columns_are_aligned_and_no_name_speaks_to_the_terminal(
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
        (["--branch=main"], ["ci-17"]),
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
        (run,) = history.newest_first(Selection(benchmark="router/compiled"), limit=1)
    assert [result.name for result in run.results] == ["router/compiled"]
    assert [verdict.severity for verdict in run.gate_outcomes] == ["warning"]


def test_json_has_all_that_is_kept(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", f"--ledger={ledger}", "--format=json", "--limit=1"]) == EXIT_OK
    (run,) = json.loads(capsys.readouterr().out)
    assert run["timestamp_seconds"] == 1772539200.0
    assert run["results"][0]["statistics"]["p50"] == 5e-05
    assert run["gate_outcomes"][0]["criteria"] == {"p50": False, "p95": False, "absolute": True}
    assert run["failures"] == []


def test_no_run_is_said_and_is_no_error(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", f"--ledger={ledger}", "--project=nobody"]) == EXIT_OK
    assert capsys.readouterr() == ("", "no such run\n")


def test_pages_join_without_a_gap_in_either_order(wired: Wired) -> None:
    fill(wired.ledger, range(2 * PAGE_RUNS + 1))
    with History(wired.folder / "ledger.sqlite3") as history:
        forward = [run.run_id for run in history.oldest_first(Selection())]
        assert forward == [str(number) for number in range(2 * PAGE_RUNS + 1)]
        assert [run.run_id for run in history.newest_first(Selection(), limit=10**9)] == forward[
            ::-1
        ]
        assert len(list(history.newest_first(Selection(), limit=PAGE_RUNS + 1))) == PAGE_RUNS + 1
        assert history.count(Selection(since_seconds=1.0, until_seconds=3.0)) == 2
        assert [
            run.run_id
            for run in history.oldest_first(Selection(since_seconds=1.0, until_seconds=3.0))
        ] == ["1", "2"]
        assert len(list(history.pipeline_runs())) == 2 * PAGE_RUNS + 1
        assert [run.run_id for run in history.pipeline_runs(1.0, 3.0)] == ["1", "2"]


def test_runs_of_one_moment_are_all_listed(wired: Wired) -> None:
    for number in range(3):
        wired.drop(f"{number}.json", perf_suite(f"{number}"))
    wired.settle()
    with History(wired.folder / "ledger.sqlite3") as history:
        assert len(list(history.newest_first(Selection(), limit=10))) == 3
        assert len(list(history.oldest_first(Selection()))) == 3


def test_a_pipelines_run_is_read_back(wired: Wired) -> None:
    wired.take("1.json", pipeline("101", status="fail"))
    with History(wired.folder / "ledger.sqlite3") as history:
        (run,) = history.pipeline_runs()
    assert (run.pipeline, run.branch, run.trigger, run.passed) == (
        "nightly",
        "main",
        "schedule",
        False,
    )
    assert run.timestamp_seconds == 1772366400.0


def test_reading_and_writing_do_not_wait_for_each_other(wired: Wired) -> None:
    fill(wired.ledger, range(PAGE_RUNS + 1))
    wired.ledger._connection.execute("PRAGMA busy_timeout = 0")
    with (
        wired.ledger.transaction() as transaction,
        History(wired.folder / "ledger.sqlite3") as history,
    ):
        runs = history.oldest_first(Selection())
        assert next(runs).run_id == "0"
        transaction.count("runs", ("a", "local"), 1e9)
        assert len(list(runs)) == PAGE_RUNS


def test_nothing_is_written(ledger: Path) -> None:
    with History(ledger) as history, pytest.raises(sqlite3.OperationalError, match="readonly"):
        history._connection.execute("DELETE FROM runs")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def no_database(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to be taken for one" * 100)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (
            Path.unlink,
            "there is no such ledger; name the file that `serve` was given with --ledger",
        ),
        (
            newer,
            r"schema 99 was written by a newer version of the exporter, this one knows \d+; use that version's benchmark-exporter",
        ),
        (
            empty,
            r"is no ledger yet, or one of an older version \(schema 0, .*start `benchmark-exporter serve` of this version with it",
        ),
        (no_database, "file is not a database; is it a ledger"),
    ],
)
def test_what_is_wrong_with_a_ledger_is_said(
    wired: Wired, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None], reason: str
) -> None:
    path = wired.folder / "ledger.sqlite3"
    wired.ledger.close()
    damage(path)
    with pytest.raises(LedgerError, match=rf"^{path}: {reason}"):
        History(path)
    assert main(["history", f"--ledger={path}"]) == EXIT_UNUSABLE
    assert capsys.readouterr().err.startswith(f"benchmark-exporter: {path}: ")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7d", 1e9 - 604800),
        ("90m", 1e9 - 5400),
        ("2026-03-01", 1772323200.0),
        ("2026-03-01T12:00+09:00", 1772334000.0),
    ],
)
def test_times_are_told_in_words_that_people_use(text: str, seconds: float) -> None:
    assert moment(text, 1e9) == seconds


@pytest.mark.parametrize("text", ["", "yesterday", "7", "-7d", "2026-13-01", "99999999999999d"])
def test_a_time_that_is_none_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time like 7d, 12h, 2026-11-01"):
        moment(text, 1e9)
