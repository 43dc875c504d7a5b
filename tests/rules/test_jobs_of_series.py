"""Unit tests of rules give a series the job that scrapes it, or they would prove nothing."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.paths import REPOSITORY
from tests.support.wired import DEFINITIONS

UNIT_TESTS = sorted((REPOSITORY / "tests/rules").glob("*_test.yml"))
EXPORTER_JOBS = ("benchmark-exporter", "benchmark-exporter-slow")
_SUFFIX = re.compile(r"_(bucket|sum|count)$")
_LABEL = re.compile(r'(\w+)\s*=\s*"([^"]*)"')
KNOWN = {definition.name: definition for definition in DEFINITIONS.values()}


def job_of(name: str, labels: dict[str, str]) -> str | None:
    """The job that scrapes a series of the exporter; None if it is not one of its own."""
    definition = KNOWN.get(name) or KNOWN.get(_SUFFIX.sub("", name))
    if definition is None:
        return None
    of_state = definition.collect == "state" or any(
        labels.get(label) in values for label, values in definition.collect_state.items()
    )
    return EXPORTER_JOBS[0] if of_state else EXPORTER_JOBS[1]


def wrong_jobs(series: str) -> Iterator[str]:
    name, _, quoted = series.partition("{")
    labels = dict(_LABEL.findall(quoted))
    expected = job_of(name.strip(), labels)
    if expected is not None and labels.get("job") in {*EXPORTER_JOBS} - {expected}:
        yield f"{' '.join(series.split())}: {expected} scrapes it"


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.name)
def test_a_series_has_the_job_that_scrapes_it(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    wrong = [
        each
        for group in document["tests"]
        for series in group.get("input_series", [])
        for each in wrong_jobs(series["series"])
    ]
    assert not wrong, "\n".join(wrong)
