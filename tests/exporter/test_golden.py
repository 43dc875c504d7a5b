"""Input folders next to the exposition they must give: golden/<case>/*.json and expected.txt.

The files of a case are ingested one after another in the order of their names, with a scan after
each; a sidecar goes before its document. expected.txt shows only what a case is about: families
that have samples, without their help texts, and of the exporter's own metrics those about files.
"""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark_exporter.formats import FORMATS
from tests.support.paths import REPOSITORY
from tests.support.wired import Wired

GOLDEN = REPOSITORY / "tests" / "exporter" / "golden"
CASES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())
UPDATE = ".venv/bin/python -m pytest tests/exporter/test_golden.py --update-golden"
FAMILY = re.compile(r"^# HELP (\S+) .*\n(# TYPE .*\n)((?:[^#].*\n)*)", re.MULTILINE)
# The others say nothing about a case, and some change with every metric that is added.
OWN, OWN_ABOUT_FILES = "benchmark_exporter_", re.compile("files_|rejected_files|run_conflicts_")


def about_the_case(exposition: str) -> Iterator[str]:
    """What an exposition says about the files that it was made from."""
    for name, kind, samples in FAMILY.findall(exposition):
        if samples and (not name.startswith(OWN) or OWN_ABOUT_FILES.match(name.removeprefix(OWN))):
            yield kind + samples


def test_every_format_has_a_case() -> None:
    ingested = "".join((GOLDEN / case / "expected.txt").read_text("utf-8") for case in CASES)
    named = set(re.findall(r'files_ingested_total\{format="(\w+)"\}', ingested))
    assert named == {each.NAME for each in FORMATS}


@pytest.mark.parametrize("case", CASES)
def test_exposition_of_a_folder(case: str, wired: Wired, request: pytest.FixtureRequest) -> None:
    for path in sorted(
        (GOLDEN / case).rglob("*.json"), key=lambda path: path.name.replace(".meta.json", ".")
    ):
        wired.take(path.name, path.read_bytes())
    actual = "".join(about_the_case(wired.exposition()))
    expected: Path = GOLDEN / case / "expected.txt"
    if request.config.getoption("--update-golden", default=False):
        expected.write_text(actual, encoding="utf-8")
    if not expected.exists():
        pytest.fail(f"no expected.txt for {case}; create it with: {UPDATE}", pytrace=False)
    before = expected.read_text(encoding="utf-8").splitlines()
    difference = "\n".join(
        difflib.unified_diff(before, actual.splitlines(), str(expected), "exposition", lineterm="")
    )
    if difference:
        pytest.fail(f"{difference}\nif this is meant: {UPDATE}", pytrace=False)
