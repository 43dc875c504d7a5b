"""`benchmark-exporter import`: each run of a history once, in order, and waking nobody."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmark_exporter.__main__ import EXIT_OK, EXIT_REJECTED, EXIT_UNUSABLE, main
from benchmark_exporter.commands import EXIT_INTERRUPTED
from benchmark_exporter.importing import recording
from benchmark_exporter.importing.past import PastRun
from benchmark_exporter.ingest.recording import Recorder
from tests.support.action_history import DAY_SECONDS, bench, commit, entry, history, times_of, write
from tests.support.documents import result
from tests.support.importing import RUNS, imported
from tests.support.wired import START_SECONDS, Wired

VERDICTS = (
    "SELECT r.timestamp_seconds, v.name, v.state, v.worsening_ratio, v.standing_digest "
    "FROM verdicts v JOIN runs r ON r.id = v.run ORDER BY 1, 2"
)


def noisy(levels: Sequence[tuple[int, float]]) -> Iterable[float]:
    """So many values about each level, which differ by up to 1 %."""
    number = 0
    for count, level in levels:
        for _ in range(count):
            number += 1
            yield round(level * (1 + 0.01 * ((number * 7919) % 101 / 101 - 0.5)), 6)


def years(*levels: tuple[int, float], end: float = START_SECONDS - DAY_SECONDS) -> bytes:
    return history(Benchmark=times_of(noisy(levels), end))


def test_a_history_is_recorded_with_its_own_times_and_commits(
    wired: Wired, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(wired.folder / "data.js", years((30, 100)))
    assert imported(wired, data) == EXIT_OK
    out = capsys.readouterr().out.splitlines()
    assert out == [
        "found 30 runs in 1 file, made between 2026-04-28 20:26 and 2026-05-27 20:26 UTC",
        "imported 30 runs; 0 were known already",
    ]
    rows = wired.query(RUNS)
    assert [(row[0], row[2]) for row in rows] == [("orbit", commit(each)) for each in range(30)]
    assert rows[-1][3] == START_SECONDS - DAY_SECONDS
    assert wired.value("benchmark_time_seconds", benchmark_name="bench_fib", statistic="mean")


def test_it_is_judged_as_if_its_runs_had_come_one_by_one(wired: Wired, tmp_path: Path) -> None:
    entries = times_of(noisy([(60, 100), (20, 130), (40, 100), (10, 160)]), START_SECONDS - 60)
    for count in (*range(1, len(entries), 9), len(entries)):  # as the action goes on writing
        data = write(tmp_path / "data.js", history(Benchmark=entries[:count]))
        assert imported(wired, data) == EXIT_OK
    one_by_one = wired.query(RUNS), wired.query(VERDICTS)
    (tmp_path / "other").mkdir()
    other = Wired(tmp_path / "other")
    assert imported(other, data) == EXIT_OK
    assert (other.query(RUNS), other.query(VERDICTS)) == one_by_one
    assert {row[2] for row in one_by_one[1]} >= {"ok", "critical"}
    other.ledger.close()


def test_it_comes_before_the_runs_that_are_there(wired: Wired, tmp_path: Path) -> None:
    """A late history is judged at its place, and the runs after it by it."""
    entries = times_of(noisy([(60, 100), (10, 150)]), START_SECONDS - 60)
    (tmp_path / "other").mkdir()
    other = Wired(tmp_path / "other")
    whole = write(tmp_path / "whole.js", history(Benchmark=entries))
    end = write(tmp_path / "end.js", history(Benchmark=entries[50:]))
    assert imported(other, whole) == EXIT_OK
    assert imported(wired, end) == EXIT_OK
    assert {row[2] for row in wired.query(VERDICTS)} != {row[2] for row in other.query(VERDICTS)}
    assert imported(wired, whole) == EXIT_OK
    assert wired.query(VERDICTS) == other.query(VERDICTS)
    other.ledger.close()


def test_it_is_recorded_once(wired: Wired, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(wired.folder / "data.js", years((20, 100)))
    copy = write(wired.folder / "copy.js", data.read_bytes().replace(b"  ", b" "))
    assert imported(wired, data, copy, data) == EXIT_OK
    assert "20 more are the same runs in other files" in capsys.readouterr().out
    before = wired.query(RUNS), wired.query(VERDICTS)
    assert imported(wired, data) == EXIT_OK
    assert "imported 0 runs; 20 were known already" in capsys.readouterr().out
    assert (wired.query(RUNS), wired.query(VERDICTS)) == before


def test_an_interrupted_import_goes_on(
    wired: Wired, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(wired.folder / "data.js", years((60, 100), (20, 140), (20, 100)))
    monkeypatch.setattr(recording, "MOST_RUNS", 7)
    takes, take = [0], recording.PastRecorder._take_one

    def interrupted(self: Any, transaction: Any, past: PastRun, outcome: Any) -> None:
        takes[0] += 1
        if takes[0] % 45 == 0:
            raise KeyboardInterrupt
        take(self, transaction, past, outcome)

    with monkeypatch.context() as context:
        context.setattr(recording.PastRecorder, "_take_one", interrupted)
        assert imported(wired, data) == EXIT_INTERRUPTED
        assert "interrupted; run it again to go on" in capsys.readouterr().err
        assert len(wired.query(RUNS)) == 42  # what was committed: whole transactions
        assert imported(wired, data) == EXIT_INTERRUPTED
    assert imported(wired, data) == EXIT_OK
    assert len(wired.query(RUNS)) == 100
    (wired.folder / "other").mkdir()
    other = Wired(wired.folder / "other")
    assert imported(other, data) == EXIT_OK
    assert other.query(VERDICTS) == wired.query(VERDICTS)
    other.ledger.close()


def test_a_regression_that_has_ended_wakes_nobody(wired: Wired) -> None:
    levels = ((60, 100), (20, 200), (60, 100))
    assert imported(wired, write(wired.folder / "data.js", years(*levels))) == EXIT_OK
    assert wired.query("SELECT count(*) FROM verdicts WHERE state = 'critical'")[0][0] >= 3
    assert wired.query("SELECT * FROM regression_reports") == []
    assert wired.value("benchmark_verdict", state="critical") == 0
    assert wired.value("benchmark_verdict", state="ok") == 1
    counters = wired.samples()
    for name in (
        "benchmark_regressions_confirmed_total",
        "benchmark_runs_total",
        "performance_regression_detected_total",
        "benchmark_execution_time_ms_count",
    ):
        assert set(counters.get(name, {}).values()) <= {0.0}, name


def test_the_newest_state_is_judged_as_always(wired: Wired) -> None:
    levels = ((60, 100), (6, 200))
    assert imported(wired, write(wired.folder / "data.js", years(*levels))) == EXIT_OK
    assert wired.value("benchmark_verdict", state="critical") == 1
    # And ends, and is counted, with what comes in later.
    wired.take("better.json", _live("bench_fib", 100e-9))
    assert wired.value("benchmark_verdict", state="critical", project="orbit") == 0
    assert wired.value("benchmark_runs_total", project="orbit") == 1


def _live(name: str, seconds: float) -> dict[str, Any]:
    """What a run of today writes."""
    return {
        "schema": "strataregula.result/1",
        "timestamp": "2026-05-28T20:00:00Z",
        "project": "orbit",
        "results": [{"benchmark": name, "unit": "seconds", "samples": [seconds]}],
    }


def test_a_benchmark_that_has_not_run_for_long_is_in_the_history_alone(
    wired: Wired, capsys: pytest.CaptureFixture[str]
) -> None:
    old = years((30, 100), (5, 300), end=START_SECONDS - 600 * DAY_SECONDS)
    assert imported(wired, write(wired.folder / "data.js", old)) == EXIT_OK
    assert "1 of 1 benchmark had the last run so long ago" in capsys.readouterr().out
    assert wired.query("SELECT state FROM verdicts ORDER BY run DESC LIMIT 1") == [("critical",)]
    assert wired.value("benchmark_verdict", state="critical") is None
    assert main(["history", f"--ledger={wired.ledger_path}", "--limit=99"]) == EXIT_OK
    assert capsys.readouterr().out.count("bench_fib") == 35
    # Its next run brings it back.
    wired.take("today.json", _live("bench_fib", 300e-9))
    assert wired.value("benchmark_runs_total", project="orbit") == 1


def test_a_time_restricts_what_is_imported(wired: Wired) -> None:
    data = write(wired.folder / "data.js", years((30, 100)))
    assert imported(wired, data, "--since=2026-05-01", "--until=2026-05-03") == EXIT_OK
    assert len(wired.query(RUNS)) == 2


def test_a_dry_run_writes_nothing(wired: Wired, capsys: pytest.CaptureFixture[str]) -> None:
    data = write(wired.folder / "data.js", years((5, 100)))
    assert main(["import", "--dry-run", str(data)]) == EXIT_OK
    assert capsys.readouterr().out.splitlines()[1:] == [
        "would import 5 runs of 1 benchmark, of orbit",
        "which of them are known already is not known without a ledger (--ledger FILE)",
    ]
    assert imported(wired, data, "--since=2026-05-26") == EXIT_OK
    capsys.readouterr()
    assert imported(wired, data, "--dry-run") == EXIT_OK
    assert capsys.readouterr().out.splitlines()[1:] == [
        "would import 3 runs of 1 benchmark, of orbit",
        "2 runs are known already",
    ]
    assert len(wired.query(RUNS)) == 2


def test_what_cannot_be_read_is_named_with_place_and_reason(
    wired: Wired, capsys: pytest.CaptureFixture[str]
) -> None:
    good = entry(1, START_SECONDS - 60, [bench("fib", 1)])
    wrong: list[Any] = [good | {"benches": []}, good | {"date": None, "commit": None}, 5]
    data = write(wired.folder / "data.js", history(Benchmark=[good, *wrong]))
    broken = write(wired.folder / "broken.json", b'{"benchmarks": [')
    unknown = write(wired.folder / "unknown.json", b'{"a": 1}')
    missing = wired.folder / "missing.json"
    assert imported(wired, data, broken, unknown, missing) == EXIT_REJECTED
    errors = capsys.readouterr().err.splitlines()
    for start in (
        f"{data}: $.entries.Benchmark[1]: left out: invalid_value",
        f"{data}: left out: invalid_value at $.entries.Benchmark[2].date: has neither a date",
        f"{data}: left out: invalid_value at $.entries.Benchmark[3]: not an object",
        f"{broken}: left out: truncated",
        f"{unknown}: left out: unknown_format",
        f"{missing}: left out: No such file or directory",
    ):
        assert any(line.startswith(start) for line in errors), start
    assert len(wired.query(RUNS)) == 1


def test_a_value_that_cannot_be_stored_costs_its_run_alone(
    wired: Wired, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(wired.folder / "data.js", years((9, 100)))
    add = Recorder.record_document

    def failing(self: Any, transaction: Any, identity: bytes, *rest: Any) -> Any:
        line = add(self, transaction, identity, *rest)
        if rest[1].commit_hash == commit(4):
            raise ValueError("a fault")
        return line

    monkeypatch.setattr(Recorder, "record_document", failing)
    assert imported(wired, data) == EXIT_REJECTED
    assert f"{data}: $.entries.Benchmark[4]: left out: ValueError" in capsys.readouterr().err
    assert [row[2] for row in wired.query(RUNS)] == [commit(n) for n in range(9) if n != 4]


def test_without_a_ledger_it_says_what_to_give(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "data.js", years((3, 100)))
    assert main(["import", str(data)]) == EXIT_UNUSABLE
    assert "give --ledger FILE" in capsys.readouterr().err
    assert main(["import", str(data), f"--ledger={tmp_path / 'none'}"]) == EXIT_UNUSABLE
    assert "there is no such ledger" in capsys.readouterr().err


def test_a_run_of_a_file_that_changed_meanwhile_is_left_out(
    wired: Wired, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(wired.folder / "x.json", json.dumps(result(1, {"router": 5.0})).encode())

    def change(*_: object) -> None:
        path.write_text(json.dumps(result(2, {"router": 6.0})))

    monkeypatch.setattr(recording, "_note_dropped", change)
    assert imported(wired, path) == EXIT_REJECTED
    assert "it has changed since the import began" in capsys.readouterr().err
    assert wired.query(RUNS) == []
