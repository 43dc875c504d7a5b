"""A systemd of a user, started by a test: the real program, where the machine may run another.

It gets a /run and a control group of its own. /run/systemd/system there lets it believe that the
machine was started by systemd; nothing else of the machine is hidden from what it starts.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

MANAGER = Path("/lib/systemd/systemd")
START_SECONDS, STOP_SECONDS = 20.0, 60.0
COMMAND_SECONDS = 180.0
# In the mounts of its own: a control group named by the first argument, the rest is run in it.
IN_A_GROUP = """
set -eu
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir /sys/fs/cgroup/$1
end() { find /sys/fs/cgroup/$1 -depth -type d -exec rmdir {} +; }
trap "end $1" EXIT
mkdir -p /run/systemd/system "$XDG_RUNTIME_DIR"
chmod 700 "$XDG_RUNTIME_DIR"
sh -euc '
  echo $$ >/sys/fs/cgroup/$0/cgroup.procs
  exec unshare --mount --cgroup sh -euc "
    umount /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    exec $1 --user
  "
' "$1" "$2" &
manager=$!
trap 'kill "$manager"' TERM
wait "$manager" || wait "$manager" || true
"""


@dataclass(frozen=True, slots=True)
class UserSystemd:
    """A running manager: where its units are, and the log of what it and its units print."""

    home: Path
    log: Path
    process_id: int

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that its programs are started with."""
        return _environment(self.home)

    def systemctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `systemctl --user`."""
        return subprocess.run(
            ["nsenter", f"--target={self.process_id}", "--mount", "systemctl", "--user", *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def show(self, unit: str, setting: str) -> str:
        """A property of a unit."""
        return self.systemctl("show", f"--property={setting}", "--value", unit).stdout.strip()


@contextmanager
def user_systemd(folder: Path) -> Iterator[UserSystemd]:
    """A manager of this user with a home in a folder; ends with all that it has started.

    Skips the test where this machine cannot run one.
    """
    if reason := _missing():
        pytest.skip(reason)
    home, log = folder / "home", folder / "systemd.log"
    (home / ".config/systemd/user").mkdir(parents=True)
    words = ["unshare", "--mount", "--fork", "--kill-child", "sh", "-c", IN_A_GROUP, "sh"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*words, f"strataregula-test-{os.getpid()}-{time.time_ns()}", str(MANAGER)],
            env=_environment(home),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        shell = _only_child(process.pid)
        manager = UserSystemd(home, log, shell)
        _wait_until_running(manager)
        yield manager
    finally:
        _end(process)


def _environment(home: Path) -> Mapping[str, str]:
    values = {"HOME": str(home), "XDG_RUNTIME_DIR": "/run/user/test"}
    left_out = ("XDG_", "DBUS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return kept | values


def _missing() -> str:
    if not MANAGER.exists() or shutil.which("systemctl") is None:
        return "systemd is not installed"
    if os.geteuid() != 0:
        return "only root can give another systemd a /run and a control group of its own"
    tried = ["unshare", "--mount", "--cgroup", "mount", "-t", "cgroup2", "cgroup2"]
    done = subprocess.run(
        [*tried, "/sys/fs/cgroup"], capture_output=True, text=True, check=False, timeout=10
    )
    return f"control groups cannot be mounted here: {done.stderr}" if done.returncode else ""


def _only_child(process_id: int) -> int:
    """The shell that unshare has started, in whose mounts the manager is."""
    children = Path(f"/proc/{process_id}/task/{process_id}/children")
    deadline = time.monotonic() + START_SECONDS
    while not (found := children.read_text().split()):
        assert time.monotonic() < deadline, "unshare starts nothing"
        time.sleep(0.02)
    return int(found[0])


def _wait_until_running(manager: UserSystemd) -> None:
    deadline = time.monotonic() + START_SECONDS
    while (state := manager.systemctl("is-system-running").stdout.strip()) != "running":
        assert time.monotonic() < deadline, f"systemd is {state}:\n{manager.log.read_text()}"
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Have the manager stop its units and end."""
    try:
        os.kill(_only_child(process.pid), 15)
        process.wait(timeout=STOP_SECONDS)
    except (ProcessLookupError, AssertionError, subprocess.TimeoutExpired, FileNotFoundError):
        process.kill()
        process.wait()
