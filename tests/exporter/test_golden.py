"""Input folders beside the whole exposition they must give: tests/exporter/golden/<case>/*.json and expected.txt.

The files of a case are ingested one after another, in the order of their names, with a scan after each. A side file goes first.
`pytest tests/exporter --update-golden` writes the expected files anew; read the difference before it is committed.
"""

import difflib
import platform
from pathlib import Path

import pytest

from benchmark_exporter import __version__
from tests.support.paths import REPOSITORY
from tests.support.wired import Wired

GOLDEN = REPOSITORY / "tests" / "exporter" / "golden"
CASES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())


@pytest.mark.parametrize("case", CASES)
def test_exposition_of_a_folder(case: str, wired: Wired, request: pytest.FixtureRequest) -> None:
    for path in sorted(
        (GOLDEN / case).rglob("*.json"), key=lambda path: path.name.replace(".meta.json", ".")
    ):
        wired.take(path.name, path.read_bytes())
    actual = (
        wired.exposition()
        .replace(f'version="{__version__}"', 'version="VERSION"')
        .replace(f'python_version="{platform.python_version()}"', 'python_version="PYTHON_VERSION"')
    )
    expected: Path = GOLDEN / case / "expected.txt"
    if request.config.getoption("--update-golden", default=False):
        expected.write_text(actual, encoding="utf-8")
    before = expected.read_text(encoding="utf-8").splitlines()
    difference = list(
        difflib.unified_diff(before, actual.splitlines(), str(expected), "exposition", lineterm="")
    )
    assert not difference, "\n".join(difference)
