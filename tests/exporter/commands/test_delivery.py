"""How long a document's delivery waits between its tries."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmark_exporter.commands.delivery import Exporter as Target
from benchmark_exporter.commands.push import push
from tests.exporter.commands.upload_server import LATER, RECEIPT, answering
from tests.support.uploading import TOKEN


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "a.json"
    path.write_text("{}")
    return path


def waits_of(
    document: Path, *answers: tuple[int, dict[str, str], bytes], jitter: float = 1.0
) -> Sequence[float]:
    """The waits between tries where every random number is the same share of its range."""
    waits: list[float] = []
    with answering(*answers) as server:
        target = Target(f"http://127.0.0.1:{server.port}", TOKEN, timeout_seconds=1000.0)
        assert push(
            [document],
            target,
            {},
            sleep=waits.append,
            jitter=lambda least, most: least + (most - least) * jitter,
        )
    return waits


def test_waits_grow_up_to_half_a_minute(document: Path) -> None:
    assert waits_of(document, *[(503, {}, LATER)] * 8, (201, {}, RECEIPT)) == [
        0.5,
        1,
        2,
        4,
        8,
        16,
        30,
        30,
    ]


def test_a_wait_is_a_random_part_of_that(document: Path) -> None:
    assert waits_of(
        document, (503, {}, LATER), (503, {}, LATER), (201, {}, RECEIPT), jitter=0.25
    ) == [0.125, 0.25]


def test_it_waits_as_long_as_the_answer_asks(document: Path) -> None:
    assert waits_of(
        document,
        (429, {"Retry-After": "7"}, LATER),
        (503, {"Retry-After": "0"}, LATER),
        (200, {}, RECEIPT),
    ) == [7, 1]


def test_a_broken_connection_is_retried(document: Path) -> None:
    assert len(waits_of(document, (0, {}, b""), (201, {}, RECEIPT))) == 1
