"""What `make up` finds wrong with the machine before it fetches or starts anything."""

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stack import preflight, record, settings
from stack.local import LocalStack
from stack.prepare import prepare
from stack.programs import Programs
from stack.settings import EXPORTER, PARTS, PROMETHEUS, StackError
from tests.stack.checkouts import ports, run_stack, write_env
from tests.support.paths import REPOSITORY

# Without waiting for any start or retry, which take longer. The machine may be busy.
NAMED_SECONDS = 10.0


def found(folder: Path, mode: str = "local") -> str:
    """What is wrong, as `make up` says it."""
    with pytest.raises(StackError) as raised:
        preflight.check(settings.load(folder, environ={}), mode, PARTS, ())
    return str(raised.value)


def test_a_taken_port_is_named_with_who_has_it_before_anything_is_fetched(folder: Path) -> None:
    values = settings.load(folder, environ={})
    taken = [values.port(part) for part in (EXPORTER, PROMETHEUS)]
    # A machine without programs: a fetch would be seen.
    (folder / ".local").mkdir()
    with (
        socket.create_server(("127.0.0.1", taken[0])),
        socket.create_server(("0.0.0.0", taken[1])),  # noqa: S104  # as a careless user does
    ):
        started = time.monotonic()
        up = run_stack(folder, "up")
        assert time.monotonic() - started < NAMED_SECONDS
    assert up.returncode == 1
    assert "fetching" not in up.stdout
    for part, port in zip((EXPORTER, PROMETHEUS), taken, strict=True):
        line = f"{part.name}: 127.0.0.1:{port}: Address already in use (by process {os.getpid()}, "
        assert line in up.stderr
        assert f"set another {part.port_setting} in .env" in up.stderr


def test_an_address_of_another_machine_is_named_with_those_of_this_one(folder: Path) -> None:
    write_env(folder, "BIND_ADDRESS=192.0.2.77")  # of those reserved for documentation
    assert found(folder).startswith("BIND_ADDRESS must be an address of this machine (127.0.0.1")
    assert "not '192.0.2.77'" in found(folder)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike those of pytest."""
    folder = Path("/var/tmp") / f"strataregula-test-{os.getpid()}"
    folder.mkdir(mode=0o755)
    if not os.geteuid():  # the user that it is tried as then
        os.chown(folder, 65534, 65534)
    yield folder
    shutil.rmtree(folder)


def as_ordinary_user(root: Path, *values: str) -> str:
    """What the check says to a user who is not root."""
    program = (
        "import os, sys; from pathlib import Path\n"
        "from stack import preflight, settings\n"
        "if not os.geteuid(): os.setgid(65534); os.setuid(65534)\n"
        "values = settings.defaults().values | dict(v.split('=', 1) for v in sys.argv[2:])\n"
        "s = settings.Settings(Path(sys.argv[1]), values)\n"
        "try: preflight.check(s, 'local', settings.PARTS, ())\n"
        "except settings.StackError as error: print(error)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, str(root), *values],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_low_port_is_named_with_the_first_that_a_user_may_open(
    public_folder: Path, free_port: Callable[[], int]
) -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if first < 2:
        pytest.skip("on this machine every user may open every port")
    (public_folder / "results").mkdir()
    chosen = {**ports(free_port), "EXPORTER_PORT": "1"}
    said = as_ordinary_user(public_folder, *(f"{name}={port}" for name, port in chosen.items()))
    assert said.startswith(f"EXPORTER_PORT must be {first} or higher, not '1': user ")
    assert "stop what" not in said


def test_a_results_folder_that_cannot_be_read_is_named(public_folder: Path) -> None:
    closed = public_folder / "closed"
    closed.mkdir(mode=0o311)
    said = as_ordinary_user(public_folder, f"RESULTS_DIR={closed}")
    closed.chmod(0o755)
    assert f"RESULTS_DIR={closed}: user " in said
    assert "cannot read it" in said


def test_a_results_folder_that_the_container_cannot_read_is_named(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    write_env(folder, f"RESULTS_DIR={closed}")
    said = found(folder, "compose")
    assert f"RESULTS_DIR={closed}: the exporter's container cannot read it" in said
    closed.chmod(0o755)
    preflight.check(settings.load(folder, environ={}), "compose", PARTS, ())


def test_a_results_folder_that_is_made_can_be_read_by_the_container(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = folder / "new/results"
    write_env(folder, f"RESULTS_DIR={results}")
    before = os.umask(0o077)
    try:
        preflight.check(settings.load(folder, environ={}), "compose", PARTS, ())
    finally:
        os.umask(before)
    assert f"made RESULTS_DIR={results}, an empty folder" in capsys.readouterr().out
    assert stat.S_IMODE(results.stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("results", "reason"),
    [("/proc/nowhere/results", "No such file"), ("Makefile", "is not a folder")],
)
def test_a_results_folder_that_cannot_be_made_is_named(
    folder: Path, results: str, reason: str
) -> None:
    write_env(folder, f"RESULTS_DIR={results}")
    assert f"RESULTS_DIR={results}: {reason}" in found(folder)
    with pytest.raises(StackError, match=f"RESULTS_DIR={results}"):
        list(prepare(settings.load(folder, environ={})))


def test_ports_of_the_stack_itself_are_not_taken(folder: Path) -> None:
    values = settings.load(folder, environ={})
    port = values.port(EXPORTER)
    with socket.create_server(("127.0.0.1", port)):
        preflight.check(values, "local", PARTS, {port})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=8M", "tmpfs", str(disk)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_called_so(small_disk: Path) -> None:
    values = settings.Settings(small_disk, settings.defaults().values)
    with pytest.raises(StackError, match="the disk is full, 8 MB are free and 64 MB needed"):
        preflight.check(values, "local", (), ())
    if shutil.which("apt-get") is None:
        return
    with pytest.raises(StackError, match="the disk is too full to unpack Prometheus"):
        Programs(small_disk / "programs").fetch()


def test_a_read_only_checkout_is_called_so_and_what_to_do(small_disk: Path) -> None:
    values = settings.Settings(small_disk, settings.defaults().values)
    preflight.check_writable(values)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    said = (
        f"{small_disk}: the stack keeps what it makes in .local, secrets, node_exporter/textfile, "
        "which cannot be written to (Read-only file system); use a copy of the checkout in a "
        "folder of user "
    )
    for check in (preflight.check_writable, lambda values: list(prepare(values))):
        with pytest.raises(StackError, match=re.escape(said)):
            check(values)


def test_a_checkout_of_another_user_is_named_with_the_folders(public_folder: Path) -> None:
    (public_folder / "secrets").mkdir(mode=0o555)
    said = as_ordinary_user(public_folder)
    assert f"{public_folder}: the stack keeps what it makes in secrets, which cannot be" in said
    assert "written to (Permission denied); use a copy" in said


def test_a_full_disk_under_the_state_folder_alone_is_found(small_disk: Path) -> None:
    root = small_disk.parent / "checkout"
    (root / "results").mkdir(parents=True)
    (root / ".local").symlink_to(small_disk)
    with pytest.raises(StackError, match=f"{root}/.local: the disk is full, 8 MB are free"):
        preflight.check(settings.Settings(root, settings.defaults().values), "local", (), ())


def test_packages_that_cannot_be_written_are_named_with_what_to_do() -> None:
    made = subprocess.run(
        [REPOSITORY / "stack/make-venv", "/proc/nowhere/.venv"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 1
    assert made.stderr.startswith("/proc/nowhere/.venv: cannot be written to; it holds the Python")


def test_containers_asked_for_without_an_engine_are_refused_at_once(folder: Path) -> None:
    write_env(folder, "MODE=compose")
    started = time.monotonic()
    up = subprocess.run(
        [sys.executable, "-m", "stack", "up"],
        cwd=folder,
        env={**os.environ, "DOCKER_HOST": f"unix://{folder}/nothing.sock"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert time.monotonic() - started < NAMED_SECONDS
    assert up.returncode == 1
    assert "MODE=compose needs a Docker engine" in up.stderr
    assert up.stdout == ""


def test_another_mode_than_that_which_runs_is_refused_before_anything_is_fetched(
    folder: Path,
) -> None:
    values = settings.load(folder, environ={})
    values.state_dir.mkdir()
    record.write(values, LocalStack(values).placement())
    write_env(folder, "MODE=compose")
    started = time.monotonic()
    up = run_stack(folder, "up")
    assert time.monotonic() - started < NAMED_SECONDS
    assert up.returncode == 1
    assert "the stack runs in mode local; `make down` first" in up.stderr
    assert up.stdout == ""
