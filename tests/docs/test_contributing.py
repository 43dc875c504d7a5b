"""CONTRIBUTING.md and the architecture name files, folders and commands that exist."""

import re

from tests.docs.pages import read_page
from tests.support.paths import REPOSITORY

PACKAGE = REPOSITORY / "exporter" / "benchmark_exporter"


def code_spans(page: str) -> list[str]:
    return re.findall(r"`([^`]+)`", "\n".join(read_page(REPOSITORY / page).lines.values()))


def is_missing(path: str) -> bool:
    """Whether nothing is called so, from the top of the repository or of the package."""
    return not any(list(root.glob(path.rstrip("/"))) for root in (REPOSITORY, PACKAGE))


SPANS = code_spans("CONTRIBUTING.md")
PYTEST = ".venv/bin/python -m pytest "
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")


def test_every_path_leads_to_a_file_or_folder() -> None:
    paths = [
        span
        for span in SPANS
        if re.fullmatch(r"[\w.-]*[/.][\w./*-]*", span) and not span.startswith(".venv/")
    ]
    assert len(paths) > 20
    assert [path for path in paths if is_missing(path)] == []


def test_every_source_file_that_the_architecture_names_exists() -> None:
    names = [
        span
        for span in code_spans("docs/architecture.md")
        if re.fullmatch(r"[\w./-]+\.(py|ya?ml)", span)
    ]
    assert len(names) > 10
    assert [name for name in names if is_missing(name)] == []


def test_every_test_command_names_tests_that_exist() -> None:
    words = [span.removeprefix(PYTEST).split() for span in SPANS if span.startswith(PYTEST)]
    paths = [word for command in words for word in command if not word.startswith("-")]
    assert len(paths) > 10
    assert [path for path in paths if not (REPOSITORY / path).exists()] == []


def test_every_make_target_exists() -> None:
    targets = {word for span in SPANS if span.startswith("make ") for word in span.split()[1:]}
    assert {"lint", "check", "test", "generate", "lock"} <= targets
    assert targets <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def test_pytest_is_never_called_by_its_bare_name() -> None:
    # `make` does not put the virtual environment on PATH.
    assert [span for span in SPANS if re.match(r"(pytest|python)\b", span)] == []
