"""`check --gate` as CI calls it: its exit status, and its summary."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmark_exporter.commands.gate import Gate, GateError
from benchmark_exporter.config import Config
from benchmark_exporter.names import Alias
from tests.support.command import run
from tests.support.documents import google_benchmark as google
from tests.support.documents import perf_suite, result
from tests.support.histories import STEADY, take
from tests.support.process import COMMAND
from tests.support.wired import Wired


@pytest.fixture(autouse=True)
def _no_step_summary(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tests themselves run in GitHub's CI."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


def write(folder: Path, name: str, document: Any) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document))
    return path


def history(folder: Path) -> list[Path]:
    return [
        write(folder, f"earlier-{number}", result(number, {"parsing": each}))
        for number, each in enumerate(STEADY * 2)
    ]


@pytest.mark.parametrize(
    ("speedup", "status", "words"),
    [(20.0, 0, "passes its gate"), (9.0, 1, "**fails its gate (p50, p95)**")],
)
def test_a_gate_decides_the_exit_status(
    tmp_path: Path, speedup: float, status: int, words: str
) -> None:
    path = write(tmp_path, "a", perf_suite(speedup=speedup))
    check = run("check", "--gate", path, f"--summary={tmp_path / 'summary.md'}")
    assert check.returncode == status
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith(f"## Benchmarks {'failed' if status else 'passed'}\n")
    assert f"| router, speedup | ≥ 15× | {speedup:.2f}× | | | {words} |" in summary
    assert "| router/compiled |  | 50 µs |  |  | insufficient data |" in summary
    assert check.stdout == summary


def test_the_environment_has_its_own_gate(tmp_path: Path) -> None:
    document = perf_suite(speedup=12.0)
    document["run"]["profile"] = "development"
    del document["gate"]
    path = write(tmp_path, "a", document)
    assert run("check", "--gate", path).returncode == 0
    document["run"]["profile"] = "production"
    assert run("check", "--gate", write(tmp_path, "b", document)).returncode == 1


def test_earlier_files_are_the_history(tmp_path: Path) -> None:
    earlier = history(tmp_path)
    first, second, *small = (
        write(tmp_path, f"new-{number}", result(number, {"parsing": slow}))
        for number, slow in enumerate([1.5, 1.5, *[1.05] * 8], 100)
    )
    once = run("check", "--gate", first, "--baseline", *earlier)
    assert once.returncode == 0
    assert "| parsing | 1 ms | 1.5 ms | +50.0% |" in once.stdout
    assert "| suspect |" in once.stdout
    # A single bad run fails nothing, a small lasting change what asks for it.
    for files, status in (([first], 0), (small, 1)):
        check = run("check", "--gate", *files, "--fail-on=warning", "--baseline", *earlier)
        assert check.returncode == status
        assert run("check", "--gate", *files, "--baseline", *earlier).returncode == 0
    assert "**warning**" in check.stdout
    # The same result again confirms it.
    twice = run("check", "--gate", first, second, "--baseline", *earlier)
    assert twice.returncode == 1
    assert "**critical**" in twice.stdout


def test_one_earlier_file_shows_the_change_and_judges_nothing(tmp_path: Path) -> None:
    earlier, new = (
        write(tmp_path, name, result(number, {"parsing": each}))
        for name, number, each in (("a", 1, 1.0), ("b", 2, 1.5))
    )
    check = run("check", "--gate", new, "--baseline", earlier)
    assert check.returncode == 0
    assert "| parsing | 1 ms | 1.5 ms | +50.0% |  | insufficient data |" in check.stdout
    assert "A verdict needs 10 earlier runs; there are 1.\n" in check.stdout


def test_as_many_earlier_files_as_the_summary_asks_for_give_a_verdict(tmp_path: Path) -> None:
    files = [write(tmp_path, f"{at:02}", result(at, {"parsing": 1.0})) for at in range(1, 12)]
    check = run("check", "--gate", files[10], "--baseline", *files[1:10])
    assert "A verdict needs 10 earlier runs; there are 9.\n" in check.stdout
    assert (
        "insufficient data"
        not in run("check", "--gate", files[10], "--baseline", *files[:10]).stdout
    )


def test_a_tracked_branch_has_its_own_history_and_others_that_of_their_base(wired: Wired) -> None:
    for number in range(20):
        branch, milliseconds = ("main", 1.0) if number % 2 else ("release/2", 2.0)
        document = result(number, {"parsing": milliseconds}) | {"branch": branch}
        wired.take(f"{number}.json", document)
    path = write(wired.folder, "new", result(100, {"parsing": 2.0}))
    ledger = f"--ledger={wired.folder / 'ledger.sqlite3'}"

    def state(*words: str) -> tuple[str, str]:
        """What the run is compared with, and the state of its verdict."""
        summary = run("check", "--gate", path, ledger, *words).stdout
        (against,) = re.findall(r", against (\S+)\n", summary)
        (verdict,) = re.findall(r"parsing .* ([a-z*]+) \|\n", summary)
        return against, verdict

    assert state() == ("main", "suspect")
    assert state("--branch=feature/x") == ("main", "suspect")
    assert state("--branch=refs/heads/release/2") == ("release/2", "ok")
    assert state("--branch=feature/x", "--base-branch=release/2") == ("release/2", "ok")


def test_another_branch_is_not_confirmed_by_the_last_run_of_its_base(wired: Wired) -> None:
    take(wired, [*STEADY, 2.0])
    first, second = (
        write(wired.folder, f"new-{number}", result(100 + number, {"parsing": 2.0}))
        for number in range(2)
    )
    ledger = f"--ledger={wired.folder / 'ledger.sqlite3'}"
    assert "**critical**" in run("check", "--gate", first, ledger).stdout
    once = run("check", "--gate", first, ledger, "--branch=feature")
    assert "| suspect |" in once.stdout
    # Its own second run does.
    twice = run("check", "--gate", first, second, ledger, "--branch=feature")
    assert "**critical**" in twice.stdout


def test_branches_need_a_ledger(tmp_path: Path) -> None:
    path = write(tmp_path, "a", perf_suite())
    assert run("check", "--gate", path, "--branch=main").returncode == 2
    assert run("check", path, "--branch=main").returncode == 2


def test_a_ledger_is_the_history_and_is_not_changed(wired: Wired) -> None:
    take(wired, STEADY)
    before = wired.exposition()
    paths = [
        write(wired.folder, f"new-{number}", result(number, {"parsing": 3.0}))
        for number in (100, 101)
    ]
    check = run("check", "--gate", *paths, f"--ledger={wired.folder / 'ledger.sqlite3'}")
    assert check.returncode == 1
    assert "| parsing | 1 ms | 3 ms | +200.0% |" in check.stdout
    assert wired.exposition() == before


def test_names_are_those_of_the_ledger(wired: Wired) -> None:
    """Else a second executable is judged by the first one's history, and an alias by none."""
    alias = Alias("parser", "parsing")
    for number in range(12):
        wired.take(f"{number}.json", result(number, {"parsing": 1.0}))
        wired.take(f"g{number}.json", google(number, "vector_bench", {"BM_Copy": 10.0}))
    slow = write(wired.folder, "a", google(50, "string_bench", {"BM_Copy": 40.0}))
    old = write(wired.folder, "b", result(50, {"parser": 1.0}))
    config = Config(aliases=[alias])
    passed, text = Gate(config, wired.ledger).check([slow, slow, slow, old])
    assert passed
    assert text.count("| string\\_bench/BM\\_Copy |  | 40 ns |  |  | insufficient data |") == 1
    assert "| parsing | 1 ms | 1 ms | +0.0% |" in text
    again = write(wired.folder, "c", google(51, "vector_bench", {"BM_Copy": 10.0}))
    assert "| BM\\_Copy | 10 ns | 10 ns | +0.0% |" in Gate(config, wired.ledger).check([again])[1]


def test_without_a_ledger_the_first_executable_has_the_name(tmp_path: Path) -> None:
    files = [
        write(tmp_path, executable, google(number, executable, {"BM_Copy": 10.0}))
        for number, executable in enumerate(("vector_bench", "string_bench"))
    ]
    _, text = Gate(Config(), baseline=files[:1]).check(files)
    rows = [line.split(" | ")[0] for line in text.splitlines() if "_Copy" in line]
    of_times = [row for row in rows if not row.endswith("/cpu")]
    assert of_times == ["| BM\\_Copy", "| string\\_bench/BM\\_Copy"]


def test_text_of_documents_is_neither_markdown_nor_html(tmp_path: Path) -> None:
    document = result(1, {"a|b\n<b>*x*": 1.0}) | {
        "failures": [{"benchmark": "c", "error": "| `oops`\n\n# no"}]
    }
    _, summary = Gate(Config()).check([write(tmp_path, "a", document)])
    assert "| a\\|b \\<b\\>\\*x\\* |" in summary
    assert "| c | | | | | **ended with an error**, \\| \\`oops\\` # no |" in summary


def test_the_summary_goes_to_github(tmp_path: Path) -> None:
    path, summary = write(tmp_path, "a", result(1, {"parsing": 1.0})), tmp_path / "step.md"
    summary.write_text("# Before\n")
    assert (
        run("check", "--gate", path, environment={"GITHUB_STEP_SUMMARY": str(summary)}).returncode
        == 0
    )
    assert summary.read_text().startswith("# Before\n## Benchmarks passed\n")


@pytest.mark.parametrize("text", ["[]", '{"run": '])
def test_what_cannot_be_judged_is_unusable(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    check = run("check", "--gate", path)
    assert check.returncode == 2
    assert f"{path}: rejected: " in check.stderr
    with pytest.raises(GateError, match="there is no such file"):
        Gate(Config()).check([tmp_path / "none.json"])


def test_a_history_needs_a_gate(tmp_path: Path) -> None:
    path = write(tmp_path, "a", result(1, {"parsing": 1.0}))
    check = run("check", path, "--baseline", path)
    assert check.returncode == 2
    assert "need --gate" in check.stderr
    assert run("check", "--gate", path, f"--ledger={tmp_path / 'none'}").returncode == 2
    both = run("check", "--gate", path, "--ledger=x", "--baseline", path)
    assert (both.returncode, "exclude each other" in both.stderr) == (2, True)


def test_variables_for_a_gate_do_not_matter_without_one(tmp_path: Path) -> None:
    path = write(tmp_path, "a", result(1, {"parsing": 1.0}))
    for variable in ("LEDGER", "CHECK_LEDGER", "BASELINE", "SUMMARY"):
        check = run("check", path, environment={f"BENCHMARK_EXPORTER_{variable}": "/nowhere"})
        assert (check.returncode, check.stderr) == (0, "")
    # The exporter's container sets it, for other commands.
    gate = run("check", "--gate", path, environment={"BENCHMARK_EXPORTER_LEDGER": "/nowhere"})
    assert gate.returncode == 0


@pytest.mark.parametrize(
    "words",
    [
        ["new", "--gate", "--baseline", "a", "b"],
        ["--gate", "--baseline", "a", "b", "--", "new"],
        ["--gate", "--baseline", "a", "--baseline", "b", "--fail-on", "critical", "new"],
        ["--gate", "--baseline=a", "new", "--baseline", "b"],
    ],
)
def test_baseline_takes_several_files_in_one_or_several_options(
    tmp_path: Path, words: list[str]
) -> None:
    for number, (name, each) in enumerate((("a", 1.0), ("b", 2.0), ("new", 3.0))):
        write(tmp_path, name, result(number, {"parsing": each})).rename(tmp_path / name)
    check = subprocess.run(
        [*COMMAND, "check", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stderr
    # The median of both.
    assert "| parsing | 1.5 ms | 3 ms | +100.0% |" in check.stdout


def test_baseline_needs_a_file(tmp_path: Path) -> None:
    check = run("check", write(tmp_path, "a", result(1, {"parsing": 1.0})), "--baseline", "--gate")
    assert check.returncode == 2
    assert "Option '--baseline' requires an argument." in check.stderr
