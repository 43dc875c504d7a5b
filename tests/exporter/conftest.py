"""What the tests of the exporter's parts share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wired import Wired


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the expected files of tests/exporter/golden again",
    )


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[Wired]:
    """An exporter over an empty results folder and a new ledger."""
    exporter = Wired(tmp_path)
    yield exporter
    exporter.ledger.close()
