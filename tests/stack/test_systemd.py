"""The units that `make systemd` makes: valid, installed on request, and run by a real systemd."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stack import settings, systemd
from stack.local import LocalStack
from stack.settings import EXPORTER, Settings, StackError
from stack.systemd import Place
from tests.stack.backends import is_back, until
from tests.stack.checkouts import run_stack
from tests.stack.user_systemd import UserSystemd, user_systemd
from tests.support.paths import REPOSITORY

UNIT = f"{systemd.UNIT}.service"
ROOT, SOMEBODY = 0, 1000
READY_SECONDS, GONE_SECONDS = 60.0, 30.0
needs_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def place(tmp_path: Path, user_id: int) -> Place:
    """Where a user's units are, below a folder of the test."""
    found = systemd.place({"HOME": str(tmp_path / "home")}, user_id)
    folder = tmp_path / "etc" if found.is_system else found.folder
    return Place(folder, found.systemctl, found.target, found.is_system)


def verify(where: Place, unit: Path) -> subprocess.CompletedProcess[str]:
    """What systemd says of a unit."""
    scope = "--system" if where.is_system else "--user"
    return subprocess.run(
        ["systemd-analyze", scope, "--man=no", "verify", unit],
        env={**os.environ, "XDG_RUNTIME_DIR": str(unit.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def installed(where: Place, values: Settings, mode: str) -> Path:
    """The unit, after it was written."""
    files = systemd.units(values, mode, where, systemd.UNIT)
    list(systemd.install(values, where, files))
    return where.folder / UNIT


@needs_analyze
@pytest.mark.parametrize("mode", ["local", "compose"])
@pytest.mark.parametrize("user_id", [ROOT, SOMEBODY], ids=["system", "user"])
@pytest.mark.parametrize("name", ["checkout", "a checkout's 100 %i"])
def test_systemd_finds_nothing_wrong_with_a_unit(
    tmp_path: Path, folder: Path, mode: str, user_id: int, name: str
) -> None:
    where = place(tmp_path, user_id)
    values = settings.load(folder.rename(folder.with_name(name)), environ={})
    unit = installed(where, values, mode)
    verified = verify(where, unit)
    assert verified.returncode == 0, verified.stderr
    assert str(unit) not in verified.stderr
    assert not [line for path in where.folder.rglob("*.*") for line in placeholders(path)]


@needs_analyze
def test_systemd_finds_what_is_wrong_with_a_unit(tmp_path: Path, folder: Path) -> None:
    where = place(tmp_path, SOMEBODY)
    unit = installed(where, settings.load(folder, environ={}), "local")
    unit.write_text(unit.read_text().replace("KillMode=mixed", "KillMod=mixed"))
    assert str(unit) in verify(where, unit).stderr


def placeholders(path: Path) -> list[str]:
    """What a template was not filled in with."""
    text = path.read_text() if path.is_file() else ""
    return [word for word in text.split() if word.startswith("@") and word.endswith("@")]


def test_the_machines_unit_runs_as_the_checkouts_owner(tmp_path: Path, folder: Path) -> None:
    if os.geteuid() != ROOT:
        pytest.skip("only root can give a folder to another user")
    os.chown(folder, 65534, -1)
    where = place(tmp_path, ROOT)
    files = systemd.units(settings.load(folder, environ={}), "local", where, systemd.UNIT)
    assert "User=nobody" in files[where.folder / f"{UNIT}.d/system.conf"].splitlines()


def test_nothing_is_written_unless_it_is_asked_for(folder: Path) -> None:
    shown = run_stack(folder, "systemd")
    assert shown.returncode == 0, shown.stderr
    path = shown.stdout.splitlines()[0].removeprefix("# ")
    assert path.endswith(UNIT)
    assert not Path(path).exists()
    assert f"WorkingDirectory={folder}" in shown.stdout


def test_the_unit_of_another_checkout_is_not_replaced(tmp_path: Path, folder: Path) -> None:
    where = place(tmp_path, SOMEBODY)
    unit = installed(where, settings.load(folder, environ={}), "local")
    before = unit.read_text()
    values = settings.load(REPOSITORY, environ={})
    with pytest.raises(StackError, match=f"in {folder}; .*NAME="):
        installed(where, values, "local")
    assert unit.read_text() == before
    another = systemd.units(values, "local", where, "second")
    assert "wrote" in next(systemd.install(values, where, another))
    shutil.rmtree(folder)  # now it is nobody's
    assert f"WorkingDirectory={REPOSITORY}" in installed(where, values, "local").read_text()


@pytest.mark.parametrize("name", ["", "a/b", "../x", "-x", "a b", "a@b"])
def test_a_name_that_systemd_would_read_otherwise_is_refused(folder: Path, name: str) -> None:
    done = run_stack(folder, "systemd", f"--name={name}")
    assert done.returncode == 1
    assert "NAME must be" in done.stderr


@pytest.mark.parametrize("name", ["line\nbreak", "ends with \\"])
def test_a_path_that_systemd_would_read_otherwise_is_refused(folder: Path, name: str) -> None:
    values = settings.load(folder.rename(folder.with_name(name)), environ={})
    with pytest.raises(StackError, match="move the checkout"):
        systemd.units(values, "local", place(folder, SOMEBODY), systemd.UNIT)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[UserSystemd]:
    """A user's systemd."""
    with user_systemd(tmp_path) as running:
        yield running


def watch(manager: UserSystemd, *lines: str) -> None:
    """Have the log show what the unit prints, and the manager read the unit and these lines."""
    drop_in = manager.home / f".config/systemd/user/{UNIT}.d/test.conf"
    drop_in.parent.mkdir()
    output = f"StandardOutput=append:{manager.log}"
    drop_in.write_text("\n".join(("[Service]", output, "StandardError=inherit", *lines)) + "\n")
    assert manager.systemctl("daemon-reload").returncode == 0


def leave_as_a_power_cut_does(folder: Path) -> socket.socket:
    """What a machine that lost its power has: names of processes and sockets that are others'."""
    state = folder / ".local"
    (state / "supervisord.pid").write_text(f"{os.getpid()}\n")
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(state / "supervisor.sock"))
    for unfinished in ("supervisord.conf", "stack.json"):
        (state / f".{unfinished}.part").write_text("[unix_http_ser")
    (state / "supervisord.conf").write_text("")
    (state / "stack.json").write_text("")
    (state / "programs.part").mkdir()
    (state / "exporter/uploads").mkdir(parents=True)
    return stale


def test_a_unit_takes_a_stack_over_survives_its_supervisor_and_stops_cleanly(
    manager: UserSystemd, equipped: Path
) -> None:
    (equipped / ".venv").symlink_to(REPOSITORY / ".venv")
    for path in (*equipped.glob("*/requirements*.txt"), equipped / "exporter/pyproject.toml"):
        os.utime(path, (0, 0))  # else `make` may install the copy into that .venv
    values = settings.load(equipped, environ={})
    unit = installed(systemd.place(manager.environment, SOMEBODY), values, "local")
    assert unit.is_relative_to(manager.home)
    watch(manager, "RestartSec=1")
    with leave_as_a_power_cut_does(equipped):
        by_hand = run_stack(equipped, "up")
    assert by_hand.returncode == 0, by_hand.stdout + by_hand.stderr
    before = int((equipped / ".local/supervisord.pid").read_text())

    assert manager.systemctl("start", UNIT).returncode == 0, manager.log.read_text()
    supervisor = int(manager.show(UNIT, "MainPID"))
    assert supervisor not in (0, before)
    assert not psutil.pid_exists(before)
    status = run_stack(equipped, "status")
    assert status.returncode == 0, status.stdout + status.stderr

    killed = psutil.Process(supervisor).children(recursive=True)
    os.kill(supervisor, signal.SIGKILL)

    def another() -> int | None:
        found = int(manager.show(UNIT, "MainPID"))
        is_active = manager.show(UNIT, "ActiveState") == "active"
        return found if is_active and found not in (0, supervisor) else None

    again, _ = until(another, READY_SECONDS, "another supervisor")
    assert not psutil.wait_procs(killed, timeout=0)[1]
    until(is_back(EXPORTER, values), READY_SECONDS, "the exporter is ready again")
    processes = [psutil.Process(again), *psutil.Process(again).children(recursive=True)]
    assert len(processes) > len(LocalStack(values).parts())
    assert manager.systemctl("stop", UNIT).returncode == 0
    assert not psutil.wait_procs(processes, timeout=GONE_SECONDS)[1]
    assert manager.show(UNIT, "Result") == "success"
