"""supervisord, which keeps the processes of local mode alive, and what it says of them."""

import os
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from configparser import RawConfigParser
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from io import SEEK_END, StringIO
from pathlib import Path
from typing import Any
from xmlrpc.client import Error, ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]

from benchmark_exporter.atomic_write import write_file
from stack.settings import Part, StackError

# Longest path of a Unix socket, with room for the suffix that supervisor adds.
SOCKET_PATH_LENGTH = 90
# Fails at once this often in a row before it is given up, with a second more between two tries
# each time.
START_RETRIES = 30
# How large a log gets before it is rotated, and how many older ones are kept: as
# docker-compose.yml has it for containers.
LOG_BYTES, OLDER_LOGS = 10_000_000, 2


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the stack, and the variables that it gets beyond those of the user."""

    part: Part
    argv: Sequence[str]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ProcessState:
    """What supervisor says of a process: its state, as in RUNNING or BACKOFF, and its id or 0."""

    name: str
    state: str
    process_id: int


class Supervisor:
    """The supervisor of one checkout, known by its socket in the checkout's `.local`."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder = folder
        self._root = root
        self._configuration = folder / "supervisord.conf"

    def is_running(self) -> bool:
        """Whether it answers on its socket."""
        if not self._configuration.exists() or not self._socket().exists():
            return False
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(self._socket()))
        except OSError:
            self._socket().unlink(missing_ok=True)  # of a supervisor that was killed
            return False
        return True

    def process_id(self) -> int:
        """That of the one which runs; 0 if none does."""
        if not self.is_running():
            return 0
        return int((self._folder / "supervisord.pid").read_text())

    def start(self) -> None:
        """Start it, and with it every process.

        Raises:
            StackError: it does not start.
        """
        done = self._run("-m", "supervisor.supervisord", "-c", str(self._configuration))
        if done.returncode:
            raise StackError(f"supervisor does not start:\n{done.stdout}{done.stderr}")

    def update(self) -> None:
        """Start what is new, restart what has changed, stop what is gone."""
        words = ("-m", "supervisor.supervisorctl", "-c", str(self._configuration), "update")
        self._run(*words)

    def stop(self, name: str) -> None:
        """Stop one process, and keep it stopped."""
        self._call("stopProcess", name)

    def start_one(self, name: str) -> None:
        """Start one process that was stopped."""
        self._call("startProcess", name)

    def shutdown(self) -> list[psutil.Process]:
        """Ask it to end with all its processes; gives them, that the caller may wait."""
        supervisor = psutil.Process(int((self._folder / "supervisord.pid").read_text()))
        processes = [supervisor, *supervisor.children(recursive=True)]
        # It may end while it answers; the caller waits for the processes.
        with suppress(OSError, Error):
            self._call("shutdown")
        return processes

    def processes(self) -> list[ProcessState]:
        """Every process; none where it does not run."""
        if not self.is_running():
            return []
        try:
            found = self._call("getAllProcessInfo")
        except (OSError, Error):  # it ended meanwhile
            return []
        return [ProcessState(one["name"], one["statename"], one["pid"]) for one in found]

    def descendants(self) -> Iterator[psutil.Process]:
        """The processes that run under it, theirs included."""
        for state in self.processes():
            try:
                process = psutil.Process(state.process_id)
                yield from (process, *process.children(recursive=True))
            except psutil.NoSuchProcess:
                continue

    def write_configuration(self, processes: Iterable[Process]) -> None:
        """Write what it runs, and where it logs."""
        logs = self._folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        parser = RawConfigParser()
        parser.read_dict(
            {
                "unix_http_server": {"file": self._socket(), "chmod": "0700"},
                "rpcinterface:supervisor": {
                    "supervisor.rpcinterface_factory": (
                        "supervisor.rpcinterface:make_main_rpcinterface"
                    )
                },
                "supervisorctl": {"serverurl": f"unix://{self._socket()}"},
                "supervisord": {
                    "pidfile": self._folder / "supervisord.pid",
                    "logfile": logs / "supervisord.log",
                    "logfile_maxbytes": LOG_BYTES,
                    "logfile_backups": OLDER_LOGS,
                    "childlogdir": logs,
                    "directory": self._root,
                },
            }
        )
        for process in processes:
            name = process.part.name
            parser[f"program:{name}"] = _program(process, logs / f"{name}.log")
        text = StringIO("; Made by `make up` from .env; changes are lost.\n")
        text.seek(0, SEEK_END)
        parser.write(text)
        write_file(self._configuration, text.getvalue().encode())

    def _socket(self) -> Path:
        in_folder = self._folder / "supervisor.sock"
        if len(str(in_folder)) <= SOCKET_PATH_LENGTH:
            return in_folder
        name = sha256(str(self._folder).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"strataregula-{name}.sock"

    def _call(self, name: str, *arguments: str) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._socket()}")
        with ServerProxy("http://127.0.0.1", transport=transport) as server:
            return getattr(server.supervisor, name)(*arguments)

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words],
            env=os.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def _program(process: Process, log: Path) -> dict[str, str]:
    options = {"command": shlex.join(process.argv)}
    if process.environment:
        values = (f'{name}="{value}"' for name, value in process.environment.items())
        options["environment"] = ",".join(values)
    # supervisor expands what follows a percent sign.
    options = {name: value.replace("%", "%%") for name, value in options.items()}
    return options | {
        "stdout_logfile": str(log),
        "stdout_logfile_maxbytes": str(LOG_BYTES),
        "stdout_logfile_backups": str(OLDER_LOGS),
        "redirect_stderr": "true",
        "autorestart": "true",
        "startretries": str(START_RETRIES),
        "stopasgroup": "true",
        "killasgroup": "true",
    }
