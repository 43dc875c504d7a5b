"""`check --gate` judges a branch as the exporter would, and knows the branch from the CI."""

import json
from pathlib import Path

import pytest

from benchmark_exporter.commands.ci_branches import Branches, branches_of
from benchmark_exporter.commands.gate import Gate
from benchmark_exporter.config import Config
from benchmark_exporter.ledger.history import History
from benchmark_exporter.ledger.selection import RunSelection
from benchmark_exporter.limits import LimitsEntry
from benchmark_exporter.review.markdown import marker
from benchmark_exporter.review.report import Change, Report, parse_report
from tests.support.command import run
from tests.support.documents import Json, perf_suite, result
from tests.support.histories import STEADY
from tests.support.wired import Wired

GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "5/merge"}
GITLAB = {"GITLAB_CI": "true"}
# What the tests' own job may have set.
NOTHING = dict.fromkeys(("GITHUB_ACTIONS", "GITLAB_CI", "GITHUB_STEP_SUMMARY"), "")
CONFIG = Config(limits=[LimitsEntry(match="parsing", branch="release/*", tolerance=0.9)])


def of(branch: str, base: str, number: int, milliseconds: float) -> Json:
    stated = {"branch": branch, "base_branch": base}
    document = result(number, {"parsing": milliseconds})
    return document | {name: text for name, text in stated.items() if text}


def histories(wired: Wired) -> None:
    """`main` at 1 ms, `release/2` at 2 ms, and an alarm that is open on `main`."""
    for number in range(2 * len(STEADY)):
        branch, level = ("main", 1.0) if number % 2 else ("release/2", 2.0)
        each = level * STEADY[number // 2]
        wired.take(f"{number}.json", of(branch, "", number, each))
    for number in range(200, 203):
        wired.take(f"{number}.json", of("main", "", number, 1.5))


@pytest.mark.parametrize(
    ("branch", "base"),
    [("", ""), ("main", ""), ("release/2", ""), ("fast", "main"), ("fast", "release/2"), ("x", "")],
)
@pytest.mark.parametrize("milliseconds", [1.0, 1.5, 2.0, 3.5, 6.0])
def test_the_gates_verdict_is_the_one_that_the_exporter_records(
    tmp_path: Path, branch: str, base: str, milliseconds: float
) -> None:
    wired = Wired(tmp_path, CONFIG)
    histories(wired)
    document = of(branch, base, 300, milliseconds)
    path = tmp_path / "new.json"
    path.write_text(json.dumps(document))
    (checked,) = Gate(CONFIG, wired.ledger).judge([path])
    wired.take("new.json", document)
    with History(wired.ledger_path) as history:
        (recorded,) = history.newest_first(RunSelection(), 1)
    wired.ledger.close()
    (judged,) = checked.judged
    assert checked.line is not None
    assert checked.line == (recorded.line, recorded.tracked)
    verdict = recorded.verdicts["parsing"]
    assert (judged.verdict.state, judged.verdict.reference, judged.verdict.limit) == (
        verdict.state,
        verdict.reference,
        verdict.limit,
    )


@pytest.mark.parametrize(
    ("environ", "branches"),
    [
        ({}, Branches()),
        (GITHUB | {"GITHUB_REF_NAME": "main"}, Branches("main")),
        (GITHUB | {"GITHUB_HEAD_REF": "fast", "GITHUB_BASE_REF": "main"}, Branches("fast", "main")),
        (GITHUB | {"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1"}, Branches()),
        (GITLAB | {"CI_COMMIT_BRANCH": "main"}, Branches("main")),
        (GITLAB | {"CI_COMMIT_TAG": "v1"}, Branches()),
        (
            GITLAB
            | {
                "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "fast",
                "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "release/2",
            },
            Branches("fast", "release/2"),
        ),
        (
            {
                "JENKINS_URL": "x", "BRANCH_NAME": "PR-5", "CHANGE_BRANCH": "fast",
                "CHANGE_TARGET": "main",
            },
            Branches("fast", "main"),
        ),
        ({"JENKINS_URL": "x", "BRANCH_NAME": "main"}, Branches("main")),
    ],
)  # fmt: skip
def test_a_job_says_which_branch_it_is_for(environ: dict[str, str], branches: Branches) -> None:
    assert branches_of(environ) == branches


def test_a_job_of_a_pull_request_is_judged_against_its_base(wired: Wired) -> None:
    """Its documents state no branch, so they would be runs of the default one."""
    histories(wired)
    path, report = wired.folder / "new.json", wired.folder / "report.json"
    words: list[str | Path] = ["check", "--gate", path, f"--report={report}"]
    words.append(f"--ledger={wired.ledger_path}")
    job = NOTHING | GITHUB | {"GITHUB_HEAD_REF": "fast", "GITHUB_BASE_REF": "release/2"}
    path.write_text(json.dumps(of("", "", 300, 1.5)))
    assert run(*words, environment=NOTHING).returncode == 1  # confirms the alarm of main
    assert parse_report(report.read_bytes()).against == "main"
    passed = run(*words, environment=job)
    assert passed.returncode == 0, passed.stdout
    assert parse_report(report.read_bytes()).against == "release/2"
    # What a document states counts more, an option most.
    path.write_text(json.dumps(of("main", "", 300, 1.5)))
    assert run(*words, environment=job).returncode == 1
    assert run(*words, "--branch=fast", environment=job).returncode == 0


def test_the_report_has_the_last_verdict_of_each_result(wired: Wired) -> None:
    histories(wired)
    files = []
    for number in (300, 301):
        document = result(number, {"parsing": 4.0, "new": 1.0}) | {
            "failures": [{"benchmark": "render", "error": "no memory"}],
        }
        files.append(wired.folder / f"{number}.json")
        files[-1].write_text(json.dumps(document))
    report = wired.folder / "report.json"
    words = [f"--ledger={wired.ledger_path}", f"--report={report}", "--branch=fast"]
    check = run("check", "--gate", *files, *words, environment=NOTHING)
    assert check.returncode == 1
    read = parse_report(report.read_bytes())
    new, parsing = sorted(read.changes, key=lambda change: change.name)
    place = ("router", "ci", parsing.machine_class, "main", "")
    assert parsing.machine_class
    assert new == Change(
        "new", "seconds", 0.001, 0.001, 0.0, None, None, None, None, "insufficient data", *place
    )
    assert (parsing.outcome, parsing.detail) == ("worse", "critical")
    assert parsing.ratio is not None
    assert parsing.ratio == pytest.approx(3.0, abs=0.01)
    assert parsing.noise_ratio is not None
    assert parsing.low == pytest.approx(parsing.ratio - parsing.noise_ratio)
    assert (read.kind, read.against, read.passed) == ("history", "main", False)
    assert read.commit == "commit-301"
    assert [(each.benchmark, each.error) for each in read.failures] == [("render", "no memory")]
    comment = run("comment", f"--from={report}", "--dry-run", environment=NOTHING).stdout
    assert comment.startswith(f"{marker('benchmarks', '')}\n### Benchmarks, **failed**: ")
    assert "| `parsing` | 1 ms | 4 ms |" in comment


def test_a_gate_is_in_the_report_with_what_it_asks_for(tmp_path: Path) -> None:
    path, report = tmp_path / "a.json", tmp_path / "report.json"
    for speedup, outcome, words in (
        (9.0, "worse", "fails its gate (p50, p95), at least 15"),
        (20.0, "same", "passes its gate, at least 15"),
    ):
        path.write_text(json.dumps(perf_suite(speedup=speedup)))
        run("check", "--gate", path, f"--report={report}", environment=NOTHING)
        read: Report = parse_report(report.read_bytes())
        (gate,) = (each for each in read.changes if each.name == "router, speedup")
        assert (gate.outcome, gate.detail, gate.benchmark) == (outcome, words, "router")
        assert gate.new == pytest.approx(speedup)
        assert read.passed == (outcome == "same")


def test_a_report_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(result(1, {"parsing": 1.0})))
    words = f"--report={tmp_path / 'none' / 'report.json'}"
    check = run("check", "--gate", path, words, environment=NOTHING)
    assert check.returncode == 2
    assert "none/report.json: cannot be written: No such file" in check.stderr
    assert run("check", path, f"--report={tmp_path / 'x'}").returncode == 2
