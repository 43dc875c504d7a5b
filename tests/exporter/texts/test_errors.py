"""What the catalog has of errors: all that the code can say to people, and nothing else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from benchmark_exporter.texts.catalog import say_in, section_of
from benchmark_exporter.texts.errors import error_in
from benchmark_exporter.texts.say import ENGLISH
from tests.support.paths import REPOSITORY

PACKAGE = REPOSITORY / "exporter" / "benchmark_exporter"
FILES = [
    path
    for folder in ("server", "site", "stream", "benchmark_page")
    for path in sorted((PACKAGE / folder).rglob("*.py"))
] + [PACKAGE / "ingest" / "triaging.py"]
# What is said of files of every format; details of one format stay English.
OF_FILES = [
    PACKAGE / each
    for each in (
        *("formats/__init__.py", "formats/decoding.py"),
        *("ingest/inbox.py", "ingest/reading.py", "ingest/recording.py"),
    )
]
# Only programs send what these refuse: documents, deliveries and alerts.
OF_PROGRAMS = {"upload.py", "upload_parameters.py", "github.py", "bodies.py", "alerts.py"}
# The reasons that the exporter itself gives for a state, which the ledger keeps.
REASONS = [PACKAGE / "triage" / "rule.py", PACKAGE / "ingest" / "triaging.py"]
RAISERS = {"TriageError", "bad", "_refused", "unavailable", "_unavailable", "error_in"}
REASONED = {"_notified_again": 1, "_unexpect": 2}
FIELD = re.compile(r"\{\w*\}")
JAPANESE = say_in("ja")


def shape(template: str) -> str:
    """A text whose fields have no names."""
    return FIELD.sub("{}", template).strip()


def literal(node: ast.expr | None) -> str:
    """The shape of a text in the code; empty if it comes from elsewhere."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.strip()
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
        text = "".join(map(str, parts)).strip()
        return text if re.search("[a-z]", text) else ""
    return ""


def error(call: ast.Call) -> ast.expr | None:
    """The text of an error that a call makes."""
    name = ast.unparse(call.func)
    if name.startswith("web.HTTP"):
        if getattr(web, name.removeprefix("web.")).status_code < 400:
            return None
        return next((each.value for each in call.keywords if each.arg == "text"), None)
    if name in ("Refusal", "Rejected") and len(call.args) > 1:
        return call.args[1]
    return call.args[0] if name in RAISERS and call.args else None


def reason(node: ast.AST) -> ast.expr | None:
    """The reason for a state that a call or assignment gives."""
    if isinstance(node, ast.keyword) and node.arg == "why":
        return node.value
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "why":
        return node.value
    if isinstance(node, ast.Call) and (name := ast.unparse(node.func)) in REASONED:
        return node.args[REASONED[name]]
    return None


def parsed(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def said_in_code() -> Iterator[str]:
    """The shapes of what the code says to people."""
    for path in (*FILES, *OF_FILES):
        for node in parsed(path) if path.name not in OF_PROGRAMS else ():
            if isinstance(node, ast.Call):
                yield literal(error(node))
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in (
                *("_ELSEWHERE", "detail"),
            ):
                yield literal(node.value)
    for path in REASONS:
        for node in parsed(path):
            yield literal(reason(node))


def test_all_errors_and_reasons_are_in_the_catalog() -> None:
    said = set(said_in_code()) - {""}
    assert len(said) > 40
    known = {shape(each) for each in section_of("ja", "errors")}
    assert sorted(said - known) == []


def test_the_catalog_has_nothing_else() -> None:
    in_code = {
        literal(node)
        for path in PACKAGE.rglob("*.py")
        for node in parsed(path)
        if isinstance(node, ast.expr)
    }
    unused = [each for each in section_of("ja", "errors") if shape(each) not in in_code]
    assert unused == []


def test_texts_have_the_same_fields() -> None:
    for english, said in section_of("ja", "errors").items():
        assert sorted(FIELD.findall(said)) == sorted(FIELD.findall(english)), english


@pytest.mark.parametrize("template", sorted(section_of("ja", "errors")))
def test_a_text_is_recognized_whatever_its_fields_have(template: str) -> None:
    fields = {name[1:-1]: f"<{name[1:-1]} {{x}}; 2: ü>" for name in FIELD.findall(template)}
    expected = section_of("ja", "errors")[template].format_map(fields)
    assert error_in(JAPANESE, template.format_map(fields)) == expected
    assert error_in(ENGLISH, template.format_map(fields)) == template.format_map(fields)


def test_a_reason_in_an_error_is_said_too() -> None:
    text = "nothing to show yet: the ledger is being opened"
    assert error_in(JAPANESE, text) == "まだ示すものがありません：台帳を開いています"


@pytest.mark.parametrize("text", ["", "odd", "x" * 10_000, "{name}", "; retry later", "\0\n"])
def test_what_is_not_in_the_catalog_stays(text: str) -> None:
    assert error_in(JAPANESE, text) == text


def test_long_texts_take_no_time() -> None:
    """A pattern that tried all ways to split a text would not end."""
    for text in ("a has b characters" * 200, "; " * 1_900, "{" * 3_900, " is unknown; use" * 240):
        error_in(JAPANESE, text)
