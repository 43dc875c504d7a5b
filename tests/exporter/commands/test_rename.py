"""`benchmark-exporter rename`, also while the exporter runs."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from benchmark_exporter.__main__ import EXIT_OK, EXIT_UNUSABLE, main
from tests.support.documents import google_benchmark, perf_suite, result
from tests.support.process import Exporter, shown_value
from tests.support.wired import Wired


@pytest.fixture
def ledger(wired: Wired) -> Path:
    """Two runs of orbit, one of router."""
    for number, project in enumerate(("orbit", "orbit", "router")):
        wired.take(f"{number}.json", perf_suite(f"run-{number}", project=project))
    return wired.ledger_path


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["orbit", "orbiter"], "4 results and failures of 2 runs, and 2 series"),
        (["orbit/fallback", "orbit/slow"], "2 results and failures of 2 runs, and 1 series"),
        (
            ["router/fallback", "orbit/fallback"],
            "1 result or failure of 1 run, and 1 series",  # they are of different projects
        ),
        (
            ["router", "x", "--project=router", "--project=orbit"],
            "2 results and failures of 1 run, and 2 series",
        ),
    ],
)
def test_a_dry_run_counts_and_renames_nothing(
    ledger: Path, capsys: pytest.CaptureFixture[str], words: list[str], what: str
) -> None:
    assert main(["rename", *words, "--dry-run", f"--ledger={ledger}"]) == EXIT_OK
    captured = capsys.readouterr()
    assert captured.err == f"benchmark-exporter: counting in {ledger}\n"
    assert captured.out == f"would rename {what}\n"
    assert main(["rename", *words, f"--ledger={ledger}"]) == EXIT_OK
    captured = capsys.readouterr()
    assert captured.err == f"benchmark-exporter: renaming in {ledger}\n"
    assert captured.out == f"renamed {what}\n"


def test_series_that_were_there_are_named(wired: Wired, capsys: pytest.CaptureFixture[str]) -> None:
    for number, name in enumerate(("parser", "parsing")):
        wired.take(f"{number}.json", result(number, {name: 1.0}))
    assert main(["rename", "parser", "parsing", f"--ledger={wired.ledger_path}"]) == EXIT_OK
    assert capsys.readouterr().out == (
        "renamed 1 result or failure of 1 run, and 1 series, "
        "1 of them joined with series that were there\n"
    )


def take_google(wired: Wired, number: int, executable: str) -> None:
    document = google_benchmark(number, executable, {"BM_Copy": 10.0, "BM_Find": 1.0})
    wired.take(f"{number}.json", document)


def names(wired: Wired) -> set[str]:
    return {dict(labels)["benchmark_name"] for labels in wired.samples()["benchmark_runs_total"]}


@pytest.mark.parametrize("is_late", [False, True])
def test_an_executable_that_is_called_otherwise_keeps_its_names(
    wired: Wired, capsys: pytest.CaptureFixture[str], is_late: bool
) -> None:
    for number in range(3):
        take_google(wired, number, "string_bench")
    if is_late:  # it has run by its new name, whose results have other names
        take_google(wired, 3, "text_bench")
        assert names(wired) == {"BM_Copy", "BM_Find", "text_bench/BM_Copy", "text_bench/BM_Find"}
    words = ["rename", "--executable", "string_bench", "text_bench"]
    expected = (
        "4 results and failures of 1 run, and 4 series, "
        "4 of them joined with series that were there"
        if is_late
        else "0 results and failures of 0 runs, and 0 series"
    )
    for more, said in (["--dry-run"], "would rename"), ([], "renamed"):
        assert main([*words, *more, f"--ledger={wired.ledger_path}"]) == EXIT_OK
        assert capsys.readouterr().out == (
            f"{said} {expected}; 2 plain names belong to text_bench\n"
        )
    take_google(wired, 4, "text_bench")
    assert names(wired) == {"BM_Copy", "BM_Find"}
    assert wired.value("benchmark_runs_total", benchmark_name="BM_Copy") == 4 + is_late
    assert main([*words, f"--ledger={wired.ledger_path}"]) == EXIT_UNUSABLE
    why = "no benchmark belongs to an executable string_bench"
    assert why in capsys.readouterr().err


def test_an_executable_without_the_plain_names_is_renamed_in_its_own(
    wired: Wired, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, executable in enumerate(("vector_bench", "string_bench", "string_bench")):
        take_google(wired, number, executable)
    words = ["rename", "--executable", "string_bench", "text_bench", "--project=strataregula"]
    assert main([*words, f"--ledger={wired.ledger_path}"]) == EXIT_OK
    take_google(wired, 3, "text_bench")
    assert names(wired) == {"BM_Copy", "BM_Find", "text_bench/BM_Copy", "text_bench/BM_Find"}
    assert wired.value("benchmark_runs_total", benchmark_name="text_bench/BM_Copy") == 3
    assert wired.value("benchmark_runs_total", benchmark_name="BM_Copy") == 1
    capsys.readouterr()


def test_an_executable_that_has_become_another_joins_it(
    wired: Wired, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, executable in enumerate(("vector_bench", "string_bench", "string_bench")):
        take_google(wired, number, executable)
    words = ["rename", "--executable", "string_bench", "vector_bench"]
    assert main([*words, f"--ledger={wired.ledger_path}"]) == EXIT_OK
    assert names(wired) == {"BM_Copy", "BM_Find"}
    assert wired.value("benchmark_runs_total", benchmark_name="BM_Copy") == 3
    capsys.readouterr()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["nothing", "else"], "no benchmark or result has the name nothing"),
        (["orbit", "else", "--project=router"], "no benchmark or result has the name orbit"),
        (["orbit", "orbit/x"], "orbit cannot be renamed to orbit/x: 'orbit/x' begins with"),
        (
            ["orbit/compiled", "orbit/fallback"],
            "run run-0 has both orbit/compiled and orbit/fallback, so they are not the same",
        ),
        (["orbit"], "Missing argument 'NEW'"),
    ],
)
def test_what_cannot_be_renamed(
    ledger: Path, capsys: pytest.CaptureFixture[str], words: list[str], why: str
) -> None:
    assert main(["rename", *words, f"--ledger={ledger}"]) == EXIT_UNUSABLE
    assert why in capsys.readouterr().err


def test_a_missing_ledger_is_not_created(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rename", "a", "b", f"--ledger={tmp_path / 'none'}"]) == EXIT_UNUSABLE
    assert "there is no such ledger" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_running_exporter_shows_the_new_name_and_goes_on_with_it(
    tmp_path: Path, free_port: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    exporter = Exporter(tmp_path, free_port())

    def drop(number: int, name: str, milliseconds: float) -> None:
        document = result(number, {name: milliseconds})
        (exporter.results / f"{number}.json").write_text(json.dumps(document))

    def is_shown(series: str) -> bool:
        return shown_value(exporter.get("/metrics").decode(), series) == 1

    try:
        for number in range(12):
            drop(number, "parser", 1.0)
        exporter.until(lambda: b'commit_hash="commit-11"' in exporter.get("/metrics"))
        words = ["rename", "parser", "parsing", f"--ledger={exporter.folder / 'ledger.sqlite3'}"]
        assert main(words) == EXIT_OK
        exporter.until(lambda: b'benchmark_name="parsing"' in exporter.get("/metrics"))
        assert b'benchmark_name="parser"' not in exporter.get("/metrics")
        for number in (12, 13):
            drop(number, "parsing", 3.0)
            exporter.until(
                partial(is_shown, f'benchmark_run_info{{commit_hash="commit-{number}"}}')
            )
        assert is_shown('benchmark_verdict{benchmark_name="parsing",state="critical"}')
    finally:
        assert exporter.stop() == 0, exporter.log.read_text()
    capsys.readouterr()
