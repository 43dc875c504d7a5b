"""Fixtures that several folders of tests share."""

import fcntl
import functools
import os
import random
import signal
import socket
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer  # type: ignore[import-untyped]

from stack.programs import NAMES, Programs
from stack.settings import STATE, StackError
from tests import guardian
from tests.scheduling import ByPart, longest_first
from tests.support.paths import REPOSITORY

MEASURED = "measured"
# Below what Linux gives to outgoing connections, which would take a port between its choice and
# its use.
PORTS = range(20000, 32000)

# On a busy machine drawing an example may take long, which is no fault of the test.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

# In the background of a script, or under nohup, a process begins with these ignored, and so does
# all that it starts: here, what tests stop by a signal.
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(
            number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        )


def pytest_configure(config: pytest.Config) -> None:
    """Has a run that is killed leave nothing behind; the workers of xdist belong to their run."""
    if not hasattr(config, "workerinput"):
        _keep_bytecode()
        folder = tempfile.mkdtemp(prefix="strataregula-at-end-")
        os.environ["STRATAREGULA_AT_END"] = folder
        guardian.start(Path(folder))


def _keep_bytecode() -> None:
    """Has the programs that tests start, and workers, compile each module once, not each time.

    Where the environment forbids files beside the modules, they are kept with pytest's own.
    """
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        os.environ["PYTHONPYCACHEPREFIX"] = str(REPOSITORY / ".pytest_cache/bytecode")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByPart:
    config.option.loadscopereorder = False  # by number of tests, which says little of their time
    return ByPart(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        longest_first(items)


@pytest.fixture(scope="session")
def programs() -> Mapping[str, list[str]]:
    """The words that run each program of the stack: those of local mode."""
    folder = REPOSITORY / STATE / "programs"
    found = Programs(folder)
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / "programs.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if found.missing():
            try:
                found.fetch()
            except StackError as error:
                pytest.skip(str(error))
    words = {name: found.argv(name) for name in NAMES}
    return {name: argv for name, argv in words.items() if argv is not None}


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A function that gives a port nobody listens on."""
    return find_free_port


def find_free_port() -> int:
    """A port that nobody listens on, and that no other process of tests here is given."""
    reservations = _reservations()
    while True:
        port = random.choice(PORTS)  # noqa: S311  # not a secret
        try:
            # A lock of one byte of the file, held until this process ends.
            fcntl.lockf(reservations.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            with socket.socket() as probe:
                probe.bind(("0.0.0.0", port))  # noqa: S104  # nothing is received there
        except OSError:
            continue
        if port not in reservations.given:
            reservations.given.add(port)
            return port


@dataclass(frozen=True)
class _Reservations:
    """The ports of this process, for which it holds locks of the user's one file."""

    descriptor: int
    given: set[int]


@functools.cache
def _reservations() -> _Reservations:
    path = Path(tempfile.gettempdir()) / f"strataregula-test-ports-{os.getuid()}"
    return _Reservations(os.open(path, os.O_CREAT | os.O_RDWR), set())


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Notes a time for the summary at the end."""
    return lambda line: record_property(MEASURED, line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = [
        line
        for report in terminalreporter.stats.get("passed", ())
        for name, line in report.user_properties
        if name == MEASURED
    ]
    if lines:
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.write_line(str(line))
