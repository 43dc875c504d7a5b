"""What an import writes to a real Prometheus: as far back as that takes and keeps it."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from benchmark_exporter.__main__ import EXIT_OK, EXIT_UNUSABLE, main
from benchmark_exporter.commands.prometheus_window import window_seconds
from benchmark_exporter.commands.stack_file import Where
from benchmark_exporter.ledger import Ledger
from tests.rules.prometheus_server import prometheus
from tests.support.action_history import DAY_SECONDS, history, times_of, write

VALUES = 'benchmark_time_seconds{project="orbit",statistic="mean"}'
RETENTION = "--storage.tsdb.retention.time=20d"


def test_what_is_older_than_prometheus_goes_back_stays_in_the_ledger(
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Noons of 60 days, so that none is at the window's edge.
    end = (time.time() // DAY_SECONDS - 1) * DAY_SECONDS + DAY_SECONDS / 2
    data = write(tmp_path / "data.js", history(Benchmark=times_of([100] * 60, end)))
    ledger = tmp_path / "ledger.sqlite3"
    Ledger(ledger).close()
    options = ("--web.enable-remote-write-receiver", RETENTION)
    with prometheus(programs["prometheus"], tmp_path / "server", free_port(), *options) as server:
        assert window_seconds(Where(server.url)) == 20 * DAY_SECONDS
        taken = int((end - (time.time() - 20 * DAY_SECONDS)) // DAY_SECONDS) + 1
        words = ["import", str(data), f"--ledger={ledger}", f"--url={server.url}"]
        for known in (0, 60):
            assert main(words) == EXIT_OK
            out = capsys.readouterr().out
            assert f"imported {60 - known} runs; {known} were known already" in out
            assert f" of {taken} runs made between" in out
            assert f"{60 - taken} runs are from before" in out
            shown = server.at(time.time(), f"count_over_time({VALUES}[60d])")
            assert list(shown.values()) == [taken]
        assert server.at(end, VALUES)


def test_a_prometheus_that_is_away_leaves_the_runs_in_the_ledger(
    free_port: Callable[[], int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("benchmark_exporter.commands.remote_write.WRITE_RETRY_SECONDS", ())
    data = write(tmp_path / "data.js", history(Benchmark=times_of([1, 2], time.time() - 7200)))
    ledger = tmp_path / "ledger.sqlite3"
    Ledger(ledger).close()
    url = f"--url=http://127.0.0.1:{free_port()}"
    assert main(["import", str(data), f"--ledger={ledger}", url]) == EXIT_UNUSABLE
    captured = capsys.readouterr()
    assert "imported 2 runs; 0 were known already" in captured.out
    assert "import them again later to write them to Prometheus" in captured.err
