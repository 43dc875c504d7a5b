"""Texts of alerts begin and end with a word: their sentences depend on what is known."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.paths import REPOSITORY

UNIT_TESTS = sorted((REPOSITORY / "tests/rules").glob("*_test.yml"))


def annotations(document: Any) -> Iterator[tuple[str, str]]:
    for group in document["tests"]:
        for case in group.get("alert_rule_test", []):
            for alert in case.get("exp_alerts", []):
                yield from alert.get("exp_annotations", {}).items()


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.name)
def test_what_is_expected_has_no_space_around_it(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert not [(name, text) for name, text in annotations(document) if text != text.strip()]
