"""What names of files say of the time and the commit of a result."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from benchmark_exporter.importing.file_names import Stated, read_name


def at(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("2024-03-05.json", Stated(at(2024, 3, 5), "")),
        ("bench-20240305.json", Stated(at(2024, 3, 5), "")),
        ("2024-03-05T10-11-12.json", Stated(at(2024, 3, 5, 10, 11, 12), "")),
        ("2024-03-05T10:11:12Z.json", Stated(at(2024, 3, 5, 10, 11, 12), "")),
        ("2024-03-05 10.11.json", Stated(at(2024, 3, 5, 10, 11), "")),
        ("20240305T101112Z-linux.json", Stated(at(2024, 3, 5, 10, 11, 12), "")),
        # pytest-benchmark's own
        (
            "0001_9f2e9b539ffcb9d93942ee7417325a0db3888871_20240305_101112_uncommitted-changes.json",
            Stated(at(2024, 3, 5, 10, 11, 12), "9f2e9b539ffcb9d93942ee7417325a0db3888871"),
        ),
        ("2024.03.05-9f2e9b5.json", Stated(at(2024, 3, 5), "9f2e9b5")),
        ("1574927127.json", Stated(1574927127.0, "")),
        ("run_1574927127603_abc1234.json", Stated(1574927127.603, "abc1234")),
        ("9f2e9b5-virtualenv-py3.11.json", Stated(None, "9f2e9b5")),
        # Neither a date nor a hash
        ("results.json", Stated(None, "")),
        ("run-12345678.json", Stated(None, "")),
        ("deadline.json", Stated(None, "")),
        ("2024-13-05.json", Stated(None, "")),
        ("2023-02-31.json", Stated(None, "")),
        ("v2024.json", Stated(None, "")),
        ("0000000000000000000000000000000000000001.json", Stated(None, f"{1:040}")),
    ],
)
def test_a_name_states(name: str, stated: Stated) -> None:
    assert read_name(name, UTC) == stated


def test_a_time_without_a_zone_is_in_the_configured_one() -> None:
    assert read_name("2024-03-05_10-00.json", ZoneInfo("Asia/Tokyo")).seconds == at(2024, 3, 5, 1)
