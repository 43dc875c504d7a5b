"""Fixtures that several folders of tests share."""

import fcntl
import signal
import socket
from collections.abc import Callable, Mapping

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from stack.programs import NAMES, Programs
from stack.settings import STATE, StackError
from tests.support.paths import REPOSITORY

MEASURED = "measured"
STACK_TESTS = "tests/stack/"

# On a busy machine drawing an example may take long, which is no fault of the test.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

# In the background of a script, or under nohup, a process begins with these ignored, and so does all that it starts: here, what tests
# stop by a signal.
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(
            number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        )


class _ByFile(LoadFileScheduling):  # type: ignore[misc]  # xdist is not typed
    """A file's tests run in one process, and so do all tests of the stack: they share one, and containers of one name."""

    def _split_scope(self, nodeid: str) -> str:
        return STACK_TESTS if nodeid.startswith(STACK_TESTS) else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    return _ByFile(config, log)


@pytest.fixture(scope="session")
def programs() -> Mapping[str, list[str]]:
    """The words that run each program of the stack, the ones that local mode uses too."""
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
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Tells a time for the summary at the end."""
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
