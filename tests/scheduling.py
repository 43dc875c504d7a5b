"""What runs in one process of the test run, and what begins first.

Half of the tests' time is spent on waiting for a stack, so there are more processes than
processors. The parts that take longest begin first, or the end of the run would wait for one.
"""

import re
from pathlib import PurePosixPath
from typing import Protocol, TypeVar

from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

# With the backend's name in front, as pytest writes the parameter of a session's fixture.
_OF_A_BACKEND = re.compile(r"(?P<path>tests/stack/[^:]+)::\w+\[(?P<backend>local|compose)\b")
# What takes about a minute or more, from the longest on. What is not here begins later, in its
# order: `--durations` shows what belongs here.
LONGEST = (
    "tests/stack[compose]",
    "tests/stack[local]",
    "tests/benchmarks/test_benchmarks.py",
    "tests/exporter/ingest/test_crash.py",
    "tests/stack/test_soak.py",
    "tests/stack/test_long_term.py",
    "tests/stack/test_several_exporters.py",
    "tests/stack/test_high_availability.py",
    "tests/stack/test_overlays.py",
    "tests/rules/test_series_limit.py",
    "tests/stack/backup[compose]",
    "tests/exporter/server/test_serve.py",
    "tests/exporter/server/test_upload.py",
    "tests/exporter/commands/test_compare.py",
    "tests/rules/test_sparse_queries.py",
    "tests/stack/backup/test_interrupted.py",
    "tests/exporter/server/test_github.py",
    "tests/exporter/ingest/test_crash_late_runs.py",
    "tests/stack/test_guardian.py",
    "tests/stack/test_proxy_login.py",
    "tests/rules/test_alert_keeping.py",
    "tests/stack/test_local.py",
    "tests/stack/test_systemd.py",
    "tests/exporter/ingest/test_crash_naming.py",
    "tests/browser/test_live_page_connection.py",
)


def part(nodeid: str) -> str:
    """The part of the run a test belongs to, all of whose tests run in one process in order.

    That is its file; in tests/stack, the tests of a folder that have a backend are one part for
    each backend, because they share its stack.
    """
    found = _OF_A_BACKEND.match(nodeid)
    if found is None:
        return nodeid.partition("::")[0]
    return f"{PurePosixPath(found['path']).parent}[{found['backend']}]"


class Test(Protocol):
    """What is read of a test."""

    @property
    def nodeid(self) -> str:
        """Its file, name and parameters, as pytest writes them."""


AnyTest = TypeVar("AnyTest", bound=Test)


def longest_first(items: list[AnyTest]) -> None:
    """Reorder tests, without changing their order within a part."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(part(item.nodeid), len(LONGEST)))


class ByPart(LoadFileScheduling):  # type: ignore[misc]  # xdist is not typed
    """Gives each process the next part when it has nearly finished the one before."""

    def _split_scope(self, nodeid: str) -> str:
        return part(nodeid)
