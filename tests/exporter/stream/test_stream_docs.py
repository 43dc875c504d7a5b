"""The examples of docs/stream.md match what the exporter reads and writes."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmark_exporter.stream import hub
from benchmark_exporter.stream.live_folder import LiveFolder
from benchmark_exporter.stream.messages import MESSAGE_TYPES, METRICS, Hello
from tests.support.paths import REPOSITORY

PAGE = (REPOSITORY / "docs" / "stream.md").read_text(encoding="utf-8")
MESSAGES, LIVE_FILES = PAGE.split("## Live files")
EXAMPLES = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", MESSAGES, re.DOTALL)]
LINES = re.search(r"```json\n(.*?)```", LIVE_FILES, re.DOTALL)


def test_every_type_has_an_example_and_a_description() -> None:
    assert {example["type"] for example in EXAMPLES} == set(MESSAGE_TYPES)
    assert all(f"`{kind}`: " in MESSAGES for kind in MESSAGE_TYPES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["type"])
def test_an_example_has_exactly_the_fields_that_are_sent(example: dict[str, Any]) -> None:
    kind = METRICS[example["type"]]
    metrics = msgspec.convert(example["metrics"], kind)
    assert set(example) == {"seq", "type", "timestamp", "metrics"}
    assert fields(json.loads(msgspec.json.encode(metrics))) == fields(example["metrics"])


def fields(value: object) -> object:
    """The names of the fields, at every level."""
    if isinstance(value, dict):
        return {name: fields(each) for name, each in value.items()}
    return [fields(each) for each in value] if isinstance(value, list) else None


def test_every_line_of_the_live_file_is_used(tmp_path: Path) -> None:
    assert LINES is not None
    (tmp_path / "example.jsonl").write_text(LINES[1])
    news = LiveFolder(tmp_path, "", "", monotonic=lambda: 0.0, clock=lambda: 0.0).check()
    assert news.rejected_lines == {}
    assert [event.progress.status for event in news.events] == [
        "running",
        "running",
        "running",
        "completed",
    ]
    assert news.events[1].progress.iteration == 17


def test_the_numbers_match_the_code() -> None:
    assert f"newest {hub.RING_MESSAGES:,} messages" in PAGE
    assert Hello.__struct_fields__ == tuple(
        next(example for example in EXAMPLES if example["type"] == "hello")["metrics"]
    )
