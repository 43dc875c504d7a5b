"""No module, class or function is so long that a reader loses the thread."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import REPOSITORY

MODULE_LINES, CLASS_LINES, FUNCTION_LINES = 300, 250, 60
FOLDERS = ("alertmanager", "benchmarks", "exporter", "grafana", "stack", "tests", "tools")
SOURCES = sorted(
    path
    for folder in FOLDERS
    for path in (REPOSITORY / folder).rglob("*.py")
    if not {".venv", "build"} & set(path.parts)
)


def too_long(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    if (lines := text.count("\n")) > MODULE_LINES:
        yield f"the module has {lines} lines, at most {MODULE_LINES}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            most = CLASS_LINES
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            most = FUNCTION_LINES
        else:
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > most:
            yield f"{node.name} (line {node.lineno}) has {lines} lines, at most {most}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_nothing_is_too_long(path: Path) -> None:
    assert list(too_long(path)) == []


def test_a_long_function_class_and_module_are_found(tmp_path: Path) -> None:
    body = "    x = 0\n" * CLASS_LINES
    source = tmp_path / "long.py"
    source.write_text(f"class C:\n{body}\n\ndef f():\n{body}")
    found = list(too_long(source))
    assert [each.split(" ")[0] for each in found] == ["the", "C", "f"]
