"""`benchmark-exporter diff` on ledgers that the exporter has filled."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark_exporter.__main__ import main
from benchmark_exporter.commands.pinning import set_baseline
from benchmark_exporter.config import Config
from benchmark_exporter.ledger import Pin
from tests.support.documents import result
from tests.support.wired import START_SECONDS, Wired

Diff = Callable[..., tuple[int, Any]]
MAIN, SLOW, LAB = range(20), range(20, 28), range(40, 46)
WAVE = (1.0, 1.01, 0.99, 1.005, 0.995)


def document(number: int, factor: float = 1.0, **more: object) -> dict[str, object]:
    wave = WAVE[number % len(WAVE)]
    times = {"parsing": wave * factor, "rendering": 2 * wave, f"of-{number}": 1.0}
    return {**result(number, times), "branch": "main", **more}


@pytest.fixture
def ledger(wired: Wired) -> Path:
    """Twenty runs of main, eight of a branch that slowed parsing by 10 %, six of another place."""
    for number in MAIN:
        wired.drop(f"{number}.json", document(number))
    for number in SLOW:
        wired.drop(f"{number}.json", document(number, 1.1, branch="slow"))
    for number in LAB:
        machine = {"os": "Linux", "architecture": "x86_64", "cpu_count": 8}
        lab = {"environment": "lab", "machine": machine, "commit": "0abc"}
        wired.drop(f"{number}.json", document(number, 0.5, **lab))
    wired.settle()
    pin = Pin("v1", "someone", START_SECONDS, "the release")
    set_baseline(wired.ledger, "3", pin, Config().limits_for)
    return wired.folder / "ledger.sqlite3"


@pytest.fixture
def diff(ledger: Path, capsys: pytest.CaptureFixture[str]) -> Diff:
    """Runs the command: its exit status, and what it printed, or the error."""

    def run(*words: str) -> tuple[int, Any]:
        status = main(["diff", f"--ledger={ledger}", *words])
        out, err = capsys.readouterr()
        if not out:
            return status, err
        return status, json.loads(out) if "--format=json" in words else out

    return run


def of(document: Any, name: str) -> Any:
    (found,) = (each for each in document["results"] if each["name"] == name)
    return found


def test_two_branches(diff: Diff) -> None:
    status, document = diff("branch:main", "branch:slow", "--format=json")
    assert status == 1
    parsing, rendering = of(document, "parsing"), of(document, "rendering")
    assert (parsing["outcome"], parsing["basis"]) == ("worse", "runs")
    assert (parsing["base_runs"], parsing["head_runs"]) == (10, 8)
    assert parsing["low_ratio"] < 0.1 < parsing["high_ratio"]
    assert rendering["outcome"] == "same"
    assert document["only_base"] == [f"of-{number}" for number in range(10, 20)]
    assert document["only_head"] == [f"of-{number}" for number in range(20, 28)]
    assert document["across"] == []
    # The geometric mean of 1.1 and 1.
    assert document["mean_worsening_ratio"] == pytest.approx(1.1**0.5 - 1, abs=0.003)
    status, document = diff("branch:slow", "branch:main", "--format=json", "--runs=5")
    assert (status, of(document, "parsing")["outcome"]) == (0, "better")
    assert of(document, "parsing")["head_runs"] == 5


def test_the_table_and_markdown(diff: Diff, tmp_path: Path) -> None:
    status, table = diff("main", "slow", "--benchmark=parsing")
    assert status == 1
    heading, row, _, summary = table.splitlines()
    assert heading.split() == [
        "RESULT",
        "BASE",
        "HEAD",
        "CHANGE",
        "99%",
        "INTERVAL",
        "RUNS",
        "VERDICT",
    ]
    assert row.startswith("parsing  ")
    assert row.endswith("  10, 8  worse")
    assert summary == "1 worse (branch:main to branch:slow)"
    output = tmp_path / "diff.md"
    _, text = diff("main", "slow", "--format=markdown", f"--output={output}")
    assert output.read_text() == text
    assert text.startswith("| Result | Base | Head | Change | 99% interval | Runs | Verdict |\n|-")


def test_single_runs_are_judged_by_the_noise_of_their_series(diff: Diff) -> None:
    """By their own numbers and run ids, and by their commits; the noise here is about 1 %."""
    for base, head in (("run:1", "run:21"), ("commit:commit-0", "commit:commit-20")):
        status, document = diff(base, head, "--format=json")
        assert status == 1, document
        parsing = of(document, "parsing")
        assert (parsing["outcome"], parsing["basis"]) == ("worse", "noise")
        assert (parsing["base_runs"], parsing["head_runs"]) == (1, 1)
        assert parsing["low_ratio"] < 0.1 < parsing["high_ratio"]


def test_without_noise_nothing_is_decided(diff: Diff) -> None:
    status, document = diff("run:30", "run:31", "--format=json")  # of the lab's six runs
    assert status == 2
    parsing = of(document, "parsing")
    assert (parsing["outcome"], parsing["basis"], parsing["low_ratio"]) == ("undecided", None, None)
    assert "  -  " in diff("run:30", "run:31")[1]


def test_environments_are_compared_across_machines(diff: Diff) -> None:
    status, document = diff("environment:ci", "environment:lab", "--format=json", "--runs=9")
    assert document["across"] == ["environment", "machine_class"]
    assert of(document, "parsing")["outcome"] == "better"
    assert status == 0
    assert "not from the same environment, machine class" in diff("ci", "lab")[1]


def test_baselines(diff: Diff) -> None:
    for words in (("baseline", "branch:slow"), ("baseline:v1", "slow"), ("v1", "slow")):
        status, document = diff(*words, "--format=json")
        assert status == 1, document
        assert of(document, "parsing")["outcome"] == "worse"
        assert of(document, "parsing")["base_runs"] == 1
        assert document["base"]["runs"] == 0


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("branch:main", "nowhere"), "nowhere is neither a run, a commit, a branch"),
        (("branch:main", ""), "a side is empty; write run:ID, commit:HASH"),
        (("branch:", "branch:slow"), "branch: lacks a name"),
        (("branch:main", "branch:other"), "branch:other has no run that is selected"),
        (("commit:com", "main"), "give at least 4 characters"),
        (("commit:commit-2", "commit:comm"), "the beginning of several commits: commit-"),
        (("branch:main", "branch:main"), "runs in common"),
        (("branch:main", "environment:ci"), "runs in common"),
        (("baseline:v2", "main"), "baseline:v2 is not pinned"),
        (("branch:slow", "branch:main", "--benchmark=of-*"), "have no result in common"),
        (("branch:slow", "branch:main", "--project=other"), "has no run that is selected"),
    ],
)
def test_what_is_wrong_is_named(diff: Diff, words: tuple[str, ...], reason: str) -> None:
    status, error = diff(*words)
    assert status == 2
    assert reason in error


def test_an_ambiguous_text_says_how_to_write_it(wired: Wired, diff: Diff) -> None:
    wired.drop("50.json", document(50, branch="ci"))
    wired.settle()
    status, error = diff("ci", "branch:slow")
    assert status == 2
    assert "ci is ambiguous; write branch:ci or environment:ci" in error


def test_several_machine_classes_must_be_chosen_from(wired: Wired, diff: Diff) -> None:
    """If the other side shares none of them: their values do not belong together."""
    wired.drop("51.json", document(51, machine={"os": "Linux", "cpu_count": 2}))
    wired.settle()
    status, error = diff("environment:ci", "environment:lab")
    assert (status, "has several of machine class: linux 2 cpus, linux x86_64" in error) == (
        2,
        True,
    )
    status, _ = diff("environment:ci", "environment:lab", "--machine-class=* cpus", "--runs=9")
    assert status == 2
    assert diff("branch:main", "branch:slow")[0] == 1


def test_a_ledger_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", f"--ledger={tmp_path / 'none'}", "main", "slow"]) == 2
    assert "there is no such ledger" in capsys.readouterr().err
