"""`.local/stack.json`, and the commands that take a stack's addresses and ledger from it."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmark_exporter.commands.stack_file import find_stack, read_stack
from stack import record, settings
from stack.compose import ComposeStack
from stack.exporter_commands import _targets, command
from stack.local import LocalStack
from stack.settings import EXPORTER, STREAM, Settings, StackError
from tests.stack.checkouts import write_env

FIELDS = {
    *("schema", "checkout", "mode", "addresses", "public_urls", "ledger", "exporter_command"),
    *("results_dir", "config", "environment", "token_file"),
    *("internal_addresses", "prometheus_urls", "credential_file"),
}


def written(values: Settings, stack: ComposeStack | LocalStack) -> Any:
    values.state_dir.mkdir(exist_ok=True)
    record.write(values, stack.placement())
    return json.loads((values.state_dir / "stack.json").read_text())


def test_it_says_where_a_stack_of_processes_is(folder: Path) -> None:
    write_env(folder, "PUBLIC_HOST=perf.example.org\nBENCHMARK_ENVIRONMENT=lab")
    values = settings.load(folder, environ={})
    content = written(values, LocalStack(values))
    assert content.keys() == FIELDS
    assert set(re.findall(r"^[a-z_]+", str(record.__doc__), re.MULTILINE)) >= FIELDS
    assert content["mode"] == "local"
    assert content["addresses"]["exporter"] == EXPORTER.url(values)
    assert content["addresses"]["stream"] == f"ws://127.0.0.1:{values.port(STREAM)}"
    assert content["public_urls"]["exporter"] == values.public_url(EXPORTER)
    assert content["ledger"] == f"{folder}/.local/exporter/ledger.sqlite3"
    assert content["exporter_command"] == [sys.executable, "-m", "benchmark_exporter"]
    assert content["results_dir"] == f"{folder}/results"
    assert content["environment"] == "lab"
    found = find_stack(None, folder / "docs")
    assert found is not None
    assert found.addresses == content["addresses"]
    assert (found.checkout, found.ledger) == (folder, LocalStack(values).processes.ledger)


def test_it_says_how_to_reach_the_ledger_in_a_container(folder: Path) -> None:
    write_env(folder, "COMPOSE_PROJECT_NAME=team-a\nGRAFANA_IMAGE=")
    values = settings.load(folder, environ={})
    content = written(values, ComposeStack(values))
    assert content["mode"] == "compose"
    assert content["ledger"] is None
    assert content["exporter_command"] == [
        *("docker", "exec", "--interactive", "team-a-exporter-1", "benchmark-exporter")
    ]
    assert "grafana" not in content["addresses"]
    assert "grafana" not in content["public_urls"]
    assert read_stack(values.state_dir / "stack.json").ledger is None


def test_settings_that_a_reload_does_not_apply_are_known(folder: Path) -> None:
    values = settings.load(folder, environ={})
    assert record.waiting(values) == []  # of a stack that was not started
    written(values, LocalStack(values))
    assert record.waiting(values) == []
    write_env(folder, "ALERT_LANGUAGE=ja\nRESULTS_DIR=other\nEXPORTER_PORT=1234")
    changed = settings.load(folder, environ={})
    assert record.waiting(changed) == ["RESULTS_DIR", "EXPORTER_PORT"]
    written(changed, LocalStack(changed))
    assert record.waiting(changed) == []


def test_it_counts_only_in_the_checkout_that_it_was_written_for(folder: Path) -> None:
    values = settings.load(folder, environ={})
    written(values, LocalStack(values))
    assert record.read(values)["mode"] == "local"
    copy = folder.with_name("copy")
    subprocess.run(["cp", "-a", folder, copy], check=True)
    assert record.read(settings.load(copy, environ={})) == {}
    record.remove(values)
    assert record.read(values) == {}


def test_the_mode_of_a_stack_that_an_earlier_version_started_is_known(folder: Path) -> None:
    values = settings.load(folder, environ={})
    values.state_dir.mkdir()
    (values.state_dir / "mode").write_text("compose\n")
    assert record.read(values) == {"mode": "compose"}
    record.remove(values)
    assert record.read(values) == {}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 2, "mode": "local"}'])
def test_a_file_of_another_format_says_nothing(folder: Path, text: str) -> None:
    values = settings.load(folder, environ={})
    values.state_dir.mkdir()
    (values.state_dir / "stack.json").write_text(text)
    assert record.read(values) == {}


def test_commands_run_on_their_stack(folder: Path) -> None:
    values = settings.load(folder, environ={})
    stack = written(values, LocalStack(values))
    here, option = [sys.executable, "-m", "benchmark_exporter"], f"--stack={folder}"
    assert command(stack, "history", ["--failed"]) == [*here, "history", option, "--failed"]
    assert command(stack, "backfill", ["--since", "7d"]) == [
        *(*here, "backfill", option, "--since", "7d")
    ]
    assert command(stack, "baseline", ["list"]) == [*here, "baseline", "list", option]
    assert command(stack, "triage", ["list"]) == [*here, "triage", "list", option]
    assert command(stack, "watch", []) == [*here, "watch", option]
    token = f"--token-file={folder}/secrets/exporter/upload_tokens"
    assert command(stack, "push", ["x.json"]) == [*here, "push", option, token, "x.json"]


def test_an_import_runs_where_the_ledger_is(folder: Path) -> None:
    values = settings.load(folder, environ={})
    here = [sys.executable, "-m", "benchmark_exporter", "import", f"--stack={folder}"]
    stack = written(values, LocalStack(values))
    history = Path(stack["results_dir"]) / ".history" / "data.js"
    history.parent.mkdir(parents=True)
    history.write_text("")
    assert command(stack, "import", [str(history)]) == [*here, str(history)]
    inside = written(values, ComposeStack(values))
    assert command(inside, "import", [str(history), "--dry-run"]) == [
        *inside["exporter_command"],
        *("import", "/results/.history/data.js", "--dry-run"),
    ]
    with pytest.raises(StackError, match=r"copy it into a folder there whose name begins with"):
        command(inside, "import", [str(folder)])


@pytest.mark.parametrize(
    ("arguments", "options"),
    [([], []), (["--ledger-only"], []), (["--url=http://other"], [])],
)
def test_an_import_finds_the_prometheus_of_a_stack_of_processes_itself(
    folder: Path, arguments: list[str], options: list[str]
) -> None:
    values = settings.load(folder, environ={})
    assert _targets(written(values, LocalStack(values)), "import", arguments) == [options]


def test_an_import_in_a_container_writes_to_the_address_there(folder: Path) -> None:
    values = settings.load(folder, environ={})
    stack = written(values, ComposeStack(values))
    assert _targets(stack, "import", []) == [["--url=http://prometheus:9090"]]
    assert _targets({**stack, "addresses": {}}, "import", []) == [["--ledger-only"]]


def test_in_a_container_prometheus_has_another_address(folder: Path) -> None:
    write_env(folder, "COMPOSE_PROJECT_NAME=team-a")
    values = settings.load(folder, environ={})
    stack = written(values, ComposeStack(values))
    inside = stack["exporter_command"]
    assert command(stack, "history", []) == [*inside, "history"]
    assert command(stack, "baseline", ["list"]) == [*inside, "baseline", "list"]
    assert command(stack, "triage", ["list"]) == [*inside, "triage", "list"]
    assert command(stack, "backfill", []) == [*inside, "backfill", "--url=http://prometheus:9090"]
    # Files are here, and so is what reads them.
    here = [sys.executable, "-m", "benchmark_exporter", "backfill", f"--stack={folder}"]
    assert command(stack, "backfill", [str(folder)]) == [*here, str(folder)]
