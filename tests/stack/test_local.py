"""The stack as processes: what its commands say and leave when something is stopped or dead."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from benchmark_exporter.tokens import parse_tokens
from stack import orphans, settings
from stack.local import LocalStack
from stack.prepare import prepare
from stack.programs import COMPILED_IN, WORKING_FOLDER
from stack.settings import EXPORTER, PROMETHEUS, STREAM
from tests.stack.backends import get
from tests.stack.checkouts import environment_without_settings, link_programs, run_stack, write_env


def states(folder: Path) -> dict[str, str]:
    """The state of each part and of the live page, as `make status` prints them."""
    status = run_stack(folder, "status")
    lines = status.stdout.replace("live page", "live_page").splitlines()
    return dict(line.split()[:2] for line in lines)


def test_a_stack_that_was_never_started_is_stopped(folder: Path) -> None:
    status = run_stack(folder, "status")
    assert status.returncode == 1
    assert "`make up`" in status.stderr
    assert states(folder)["live_page"] == "stopped"


def status_into(folder: Path, output: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stack", "status"],
        cwd=folder,
        env=environment_without_settings() | {"PYTHONUNBUFFERED": ""},  # as `make` has it
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def test_a_reader_that_has_seen_enough_is_not_an_error(folder: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    status = status_into(folder, write)
    os.close(write)
    assert status.stderr == ""
    assert status.returncode == 128 + signal.SIGPIPE


def test_a_full_disk_is_called_so_with_what_to_do(folder: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        status = status_into(folder, full.fileno())
    assert "No space left on device; make room and run it again" in status.stderr


def test_another_stack_on_its_ports_does_not_make_a_stopped_one_ready(equipped: Path) -> None:
    other = settings.load(equipped, environ={})
    up = run_stack(equipped, "up")
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        assert set(states(equipped).values()) == {"ready"}
        copy = equipped.with_name("copy")
        subprocess.run(["cp", "-a", equipped, copy], check=True)
        assert get(EXPORTER.url(settings.load(copy, environ={}), "/api/v1/status"))
        assert set(states(copy).values()) == {"stopped"}
        history = run_stack(copy, "exporter", "history")
        assert "no stack was started from this checkout" in history.stderr
    finally:
        down = run_stack(equipped, "down")
    assert down.returncode == 0
    assert not [
        process.info["cmdline"]
        for process in psutil.process_iter(["cmdline"])
        if any(str(other.root) in word for word in process.info["cmdline"] or ())
    ]
    assert set(states(equipped).values()) == {"stopped"}


def test_a_dead_supervisor_is_no_ready_stack_and_up_starts_it_again(equipped: Path) -> None:
    up = run_stack(equipped, "up")
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        os.kill(int((equipped / ".local/supervisord.pid").read_text()), signal.SIGKILL)
        status = run_stack(equipped, "status")
        assert status.returncode == 1
        assert "unsupervised" in status.stdout
        assert " ready" not in status.stdout
        assert "the supervisor was killed" in status.stderr
        again = run_stack(equipped, "up")
        assert again.returncode == 0, again.stdout + again.stderr
        assert set(states(equipped).values()) == {"ready"}
    finally:
        assert run_stack(equipped, "down").returncode == 0


def test_a_state_folder_that_was_removed_leaves_no_second_stack(equipped: Path) -> None:
    folder = equipped
    write_env(folder, "PARTS=exporter")
    up = run_stack(folder, "up")
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        supervisor = psutil.Process(int((folder / ".local/supervisord.pid").read_text()))
        before = [supervisor, *supervisor.children()]
        removed = (folder / ".local").rename(folder / "removed")
        shutil.rmtree(removed, ignore_errors=True)  # as `git clean -xdf` does
        status = run_stack(folder, "status")
        assert status.returncode == 1
        assert ".local was removed while it ran" in status.stderr
        link_programs(folder)
        again = run_stack(folder, "up")
        assert again.returncode == 0, again.stdout + again.stderr
        assert f"ending process {supervisor.pid}, which `make` can no longer" in again.stdout
        assert not any(process.is_running() for process in before)
        assert set(states(folder).values()) == {"ready"}
    finally:
        assert run_stack(folder, "down").returncode == 0
    values = settings.load(folder, environ={})
    assert not orphans.supervisors(values, 0)
    assert not orphans.find(values)


def test_a_part_that_crashes_shows_its_panic(equipped: Path) -> None:
    stack = LocalStack(settings.load(equipped, environ={}))
    [prometheus] = [one for one in stack.processes.all() if one.part is PROMETHEUS]
    # Prometheus opens its storage after it has logged a dozen lines, and this is not a folder.
    (equipped / ".local/prometheus/data").write_text("")
    (equipped / ".local/prometheus/prometheus.yml").write_text("")
    (equipped / ".local/logs").mkdir()
    with (equipped / ".local/logs/prometheus.log").open("w") as log:
        for _ in range(2):  # it is started again, and again
            subprocess.run(prometheus.argv, stdout=log, stderr=log, check=False, timeout=60)
        log.writelines(f"level=info msg={number}\n" for number in range(5))
    words = "\n".join(stack.last_words(PROMETHEUS))
    assert "not a directory" in words
    assert "panic: " in words
    assert "level=info" not in words


def test_the_live_page_is_among_the_addresses(folder: Path) -> None:
    values = settings.load(folder, environ={})
    assert values.public_url(STREAM) in run_stack(folder, "status").stdout


def test_clean_asks_first(folder: Path) -> None:
    kept = folder / ".local/prometheus"
    kept.mkdir(parents=True)
    asked = run_stack(folder, "clean")
    assert asked.returncode == 1
    assert "make clean YES=1" in asked.stderr
    assert kept.exists()
    cleaned = run_stack(folder, "clean", "--yes")
    assert cleaned.returncode == 0
    assert "removed .local/prometheus" in cleaned.stdout
    assert not kept.exists()
    assert "there was nothing to remove" in run_stack(folder, "clean", "--yes").stdout


@pytest.mark.parametrize("mode", ["local", "compose", ""])
def test_clean_removes_the_ledger_of_processes_whatever_the_mode_is_now(
    folder: Path, mode: str
) -> None:
    # As it is after images could not be had, and the stack was started as processes instead.
    ledger = folder / ".local/exporter/ledger.sqlite3"
    ledger.parent.mkdir(parents=True)
    ledger.write_text("")
    write_env(folder, f"MODE={mode}")
    assert run_stack(folder, "down").returncode in (0, 1)  # 1 without an engine
    cleaned = run_stack(folder, "clean", "--yes")
    assert cleaned.returncode == 0, cleaned.stderr
    assert not ledger.exists()


def test_grafanas_password_is_made_once_and_closed_to_others(folder: Path) -> None:
    values = settings.load(folder, environ={})
    list(prepare(values))
    password = values.secrets_dir / "grafana_admin_password"
    first = password.read_text()
    assert len(first) >= 20
    assert password.stat().st_mode & 0o777 == 0o640
    list(prepare(values))
    assert password.read_text() == first


@pytest.mark.parametrize("name", ["upload_tokens", "github_webhook_secret", "triage_tokens"])
def test_a_file_of_the_exporters_secrets_is_made_once_and_closed_to_others(
    folder: Path, name: str
) -> None:
    values = settings.load(folder, environ={})
    list(prepare(values))
    tokens = values.secrets_dir / "exporter" / name
    assert parse_tokens(tokens.read_text()) == ([], [])
    assert tokens.parent.stat().st_mode & 0o777 == 0o750
    tokens.write_text("ci made-up-token-of-the-tests\n")
    tokens.chmod(0o644)
    list(prepare(values))
    assert tokens.read_text() == "ci made-up-token-of-the-tests\n"
    assert tokens.stat().st_mode & 0o777 == 0o640


@pytest.fixture
def orphan(folder: Path) -> Iterator[psutil.Process]:
    """A process of the stack without a supervisor."""
    mark = f"--storage.path={folder}/.local/alertmanager/data"
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", mark]) as process:
        threading.Thread(target=process.wait).start()  # takes note of its end, as init would
        yield psutil.Process(process.pid)
        process.kill()


def test_down_ends_what_a_killed_supervisor_left(folder: Path, orphan: psutil.Process) -> None:
    assert states(folder)["alertmanager"] == "unsupervised"
    down = run_stack(folder, "down")
    assert down.returncode == 0
    assert f"ending process {orphan.pid}" in down.stdout
    assert not orphan.is_running()


def test_the_rewritten_path_is_as_long_as_the_one_it_stands_for() -> None:
    assert len(WORKING_FOLDER) == len(COMPILED_IN)
    assert WORKING_FOLDER.decode().rstrip("/") == "/proc/self/cwd"


def test_an_interrupt_while_a_command_is_imported_shows_no_traceback(folder: Path) -> None:
    package = folder / "stack"
    (package / "program.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nimport time\ntime.sleep(60)\n"
    )
    status = run_stack(folder, "status")
    assert (status.returncode, status.stdout, status.stderr) == (130, "", "")
