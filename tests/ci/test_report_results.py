"""github-action/report-results: its script with a running exporter, its action, the example."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from tests.support.documents import golden, perf_suite, result
from tests.support.monitored import THIS_MACHINE
from tests.support.paths import REPOSITORY
from tests.support.process import DEADLINE_SECONDS, Exporter
from tests.support.uploading import TOKEN

ACTION = REPOSITORY / "github-action/report-results/action.yml"
SCRIPT = REPOSITORY / "github-action/report-results/report.sh"
FORWARDER = REPOSITORY / "ci/report-results/action.yml"
WORKFLOW = REPOSITORY / "github-action/example-workflow.yml"
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "octo/router",
    "GITHUB_WORKFLOW": "benchmarks",
    "GITHUB_REF_NAME": "main",
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_RUN_ID": "123",
    "GITHUB_RUN_ATTEMPT": "1",
}
STATUS = 'ci_pipeline_status{pipeline="octo/router/benchmarks",branch="main",trigger="push"}'


@pytest.fixture
def exporter(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Exporter]:
    (tmp_path / "exporter").mkdir()
    (tmp_path / "exporter" / "upload_tokens").write_text(TOKEN)
    running = Exporter(
        tmp_path / "exporter",
        free_port(),
        f"--upload-tokens={tmp_path / 'exporter' / 'upload_tokens'}",
    )
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "work space"
    (folder / "results" / "deep").mkdir(parents=True)
    (folder / "results" / "a run.json").write_text(json.dumps(perf_suite("run-1")))
    (folder / "results" / "deep" / "b.json").write_text(
        json.dumps(golden("hyperfine_with_sidecar/1-run"))
    )
    return folder


def report(
    exporter: Exporter, workspace: Path, files: str = "results/**/*.json", **variables: str
) -> subprocess.CompletedProcess[str]:
    """The script as the action runs it, in a GitHub job that has the command installed."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "FILES": files,
        "BENCHMARK_EXPORTER_URL": f"http://127.0.0.1:{exporter.port}",
        "BENCHMARK_EXPORTER_TOKEN": TOKEN,
        "BENCHMARK_EXPORTER_STATUS": "success",
        "BENCHMARK_EXPORTER_BRANCH": "main",
        "BENCHMARK_EXPORTER_COMMIT": "a1b2c3d",
        "BENCHMARK_EXPORTER_PIPELINE": "",
        "BENCHMARK_EXPORTER_ENVIRONMENT": "ci",
        **GITHUB,
        **variables,
    }
    return subprocess.run(
        [SCRIPT],
        cwd=workspace,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def test_results_and_outcome_are_on_the_metrics_page(exporter: Exporter, workspace: Path) -> None:
    done = report(exporter, workspace)
    sending = f"benchmark-exporter: sending to http://127.0.0.1:{exporter.port}\n"
    assert (done.returncode, done.stderr) == (0, 2 * sending)
    assert re.findall(r"^(.*): uploaded: (\w+)", done.stdout, re.MULTILINE) == [
        ("results/a run.json", "perf_suite"),
        ("results/deep/b.json", "hyperfine"),
        ("octo/router/benchmarks on main, by push: pass", "pipeline"),
    ]
    exporter.until(lambda: exporter.value(STATUS) == 1)
    hyperfine = re.search(
        r'benchmark_run_info\{.*environment="ci".*\}', exporter.get("/metrics").decode()
    )
    assert hyperfine
    assert 'commit_hash="a1b2c3d"' in hyperfine[0]


@pytest.mark.parametrize("here", ["true", "false"])
def test_results_without_a_machine_are_of_the_one_they_were_measured_on(
    exporter: Exporter, workspace: Path, here: str
) -> None:
    variables = {"MEASURED_HERE": here, "BENCHMARK_EXPORTER_MACHINE_PROFILE": "runner"}
    assert report(exporter, workspace, "results/deep/b.json", **variables).returncode == 0
    exporter.until(
        lambda: (
            exporter.value('benchmark_exporter_files_ingested_total{format="hyperfine"}')
            is not None
        )
    )
    with closing(sqlite3.connect(exporter.folder / "ledger.sqlite3")) as ledger:
        machines = ledger.execute("SELECT machine FROM runs").fetchall()
    assert machines == [
        (replace(THIS_MACHINE, profile="runner").class_name if here == "true" else "runner",)
    ]


def test_the_outcome_is_reported_where_there_are_no_results(
    exporter: Exporter, workspace: Path
) -> None:
    done = report(
        exporter, workspace, "out/*.json\nmore/*.json", BENCHMARK_EXPORTER_STATUS="failure"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("::warning::no result file matches out/*.json or more/*.json\n")
    exporter.until(lambda: exporter.value(STATUS) == 0)


def test_the_rest_is_reported_where_a_file_is_refused_and_the_step_fails(
    exporter: Exporter, workspace: Path
) -> None:
    (workspace / "results" / "c.json").write_text("{}")
    done = report(exporter, workspace, "results/*.json\nresults/missing.json")
    assert done.returncode == 1
    assert "results/c.json: refused: HTTP 400: unknown_format" in done.stdout
    assert "results/missing.json: cannot be read" in done.stdout
    assert "results/a run.json: uploaded" in done.stdout
    exporter.until(lambda: exporter.value(STATUS) == 1)


@pytest.mark.parametrize("token", [TOKEN, ""])
def test_a_failed_gate_fails_the_step_and_the_outcome(
    exporter: Exporter, workspace: Path, token: str
) -> None:
    (workspace / "results" / "slow.json").write_text(json.dumps(perf_suite("run-2", speedup=5.0)))
    (workspace / "earlier.json").write_text(json.dumps(perf_suite("run-0")))
    judged = {
        "FAIL_ON": "critical",
        "BASELINE": "earl*.json",
        "GITHUB_STEP_SUMMARY": str(workspace / "summary.md"),
    }
    done = report(exporter, workspace, "results/*.json", BENCHMARK_EXPORTER_TOKEN=token, **judged)
    assert done.returncode == 1, done.stderr
    assert "router" in (workspace / "summary.md").read_text()
    if token:
        assert "results/slow.json: uploaded" in done.stdout
        exporter.until(lambda: exporter.value(STATUS) == 0)


@pytest.mark.parametrize(("on_shift", "status"), [("", 1), ("fail", 1), ("pass", 0)])
def test_results_that_all_became_slower_alike_fail_the_step_unless_that_may_pass(
    exporter: Exporter, workspace: Path, on_shift: str, status: int
) -> None:
    for number, level in enumerate([1.0, 1.01, 0.99, 1.02, 0.98] * 3 + [1.5, 1.5]):
        name = "results/new" if number >= 15 else "earlier"
        document = result(number, dict.fromkeys("abcd", level))
        (workspace / f"{name}-{number:02}.json").write_text(json.dumps(document))
    done = report(
        exporter,
        workspace,
        "results/new-*.json",
        FAIL_ON="critical",
        ON_SHIFT=on_shift,
        BASELINE="earlier-*.json",
        BENCHMARK_EXPORTER_TOKEN="",
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "**Moved together**: 4 of 4 results" in done.stdout


def test_a_gate_that_is_passed_changes_nothing(exporter: Exporter, workspace: Path) -> None:
    done = report(exporter, workspace, "results/*.json", FAIL_ON="critical")
    assert done.returncode == 0, done.stdout + done.stderr
    exporter.until(lambda: exporter.value(STATUS) == 1)


def test_without_a_status_no_outcome_is_reported(exporter: Exporter, workspace: Path) -> None:
    done = report(exporter, workspace, BENCHMARK_EXPORTER_STATUS="")
    assert done.returncode == 0, done.stderr
    assert "pipeline" not in done.stdout


def test_a_pull_request_of_a_fork_has_no_token_and_does_not_fail(
    exporter: Exporter, workspace: Path
) -> None:
    done = report(exporter, workspace, BENCHMARK_EXPORTER_TOKEN="")
    assert done.returncode == 0
    assert done.stdout.startswith("::warning::nothing is sent: there is no token")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_action_hands_every_input_to_the_script_as_a_variable() -> None:
    action = read(ACTION)
    (step,) = action["runs"]["steps"]
    assert set(re.findall(r"inputs\.([\w-]+)", json.dumps(step["env"]))) == set(action["inputs"])
    assert "${{" not in step["run"]
    assert (ACTION.parent / Path(step["run"].strip('"')).name).samefile(SCRIPT)
    assert os.access(SCRIPT, os.X_OK)


def test_the_former_path_of_the_action_forwards_every_input_to_the_same_script() -> None:
    action, forwarder = read(ACTION), read(FORWARDER)
    assert forwarder["inputs"] == action["inputs"]
    (step,), (forwarded,) = action["runs"]["steps"], forwarder["runs"]["steps"]
    assert forwarded["env"] == step["env"]
    run = forwarded["run"].strip('"').replace("$GITHUB_ACTION_PATH", str(FORWARDER.parent))
    assert Path(run).samefile(SCRIPT)


def test_the_example_gives_the_action_what_it_takes() -> None:
    inputs = read(ACTION)["inputs"]
    (step,) = [
        step
        for step in read(WORKFLOW)["jobs"]["benchmarks"]["steps"]
        if "github-action/report-results" in step.get("uses", "")
    ]
    assert set(step["with"]) <= set(inputs)
    assert {name for name, each in inputs.items() if each.get("required")} <= set(step["with"])
