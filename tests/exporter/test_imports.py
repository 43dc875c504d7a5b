"""Which module may import which: the table in docs/architecture.md holds for the code.

A module without a row fails, so that where it belongs is a decision.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.import_table import read_import_table
from tests.support.paths import REPOSITORY

PACKAGE = REPOSITORY / "exporter" / "benchmark_exporter"
ALLOWED = read_import_table()


def row_of(path: Path) -> str:
    """The row of a module: its own name at the root of the package, else its folder's."""
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
    parts = [name.split(".") for name in imported(path) if name.startswith("benchmark_exporter.")]
    used = {part[1] for part in parts} - {row_of(path), "__version__"}
    assert used <= ALLOWED[row_of(path)]


def test_every_row_has_a_module() -> None:
    assert {row_of(path) for path in SOURCES} == set(ALLOWED)


def test_sqlite_is_the_ledgers_alone() -> None:
    assert {row_of(path) for path in SOURCES if "sqlite3" in set(imported(path))} == {"ledger"}


def test_at_most_14_modules_lie_at_the_root() -> None:
    assert len([path for path in PACKAGE.glob("*.py") if path.name != "__init__.py"]) <= 14
