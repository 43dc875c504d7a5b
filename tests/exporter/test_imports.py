"""Which module may import which.

A module that is not in the table fails, so that its place is a decision.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

PACKAGE = REPOSITORY / "exporter" / "benchmark_exporter"
ALLOWED = {
    "model": {"judge"},
    "atomic_write": set(),
    "config": {"model", "regression"},
    "counters": {"model"},
    "formats": {"model"},
    "regression": {"judge", "model"},
    "judge": set(),
    "ledger": {"counters", "judge", "model"},
    "ingest": {
        "atomic_write",
        "config",
        "counters",
        "formats",
        "judge",
        "ledger",
        "model",
        "regression",
    },
    "client": {"atomic_write"},
    "stream": {"model", "ledger", "tokens"},
    "tokens": set(),
    "links": set(),
    "metrics": {"config", "counters", "ledger", "model", "stream"},
    "wording": set(),
    "log": set(),
}
# What wires the parts, and nothing else, may import any of them.
WIRING = {"__main__", "commands", "server"}


def module_of(path: Path) -> str:
    """The row of the table: a file, or the folder that is a module."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            if node.module == "benchmark_exporter":
                yield from (f"benchmark_exporter.{alias.name}" for alias in node.names)
            yield node.module or ""


SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_keep_to_the_table(path: Path) -> None:
    module = module_of(path)
    parts = [name.split(".") for name in imported(path) if name.startswith("benchmark_exporter.")]
    used = {part[1] for part in parts} - {module, "__version__"}
    assert module in WIRING or used <= ALLOWED[module]


def test_the_table_has_no_row_too_many() -> None:
    assert {module_of(path) for path in SOURCES} == set(ALLOWED) | WIRING


def test_sqlite_is_the_ledgers_alone() -> None:
    assert {module_of(path) for path in SOURCES if "sqlite3" in set(imported(path))} == {"ledger"}
