"""The detector of growth, on made-up series of a process that is sampled every 5 s."""

import random

import pytest

from benchmarks.growth import Allowance, Needs, Point, measure

MEGABYTE = 1e6
MINUTES = 10
ALLOWANCE = Allowance(total=2 * MEGABYTE, needs={"files": Needs(100)})
FILES_PER_SECOND = 10


def sampled(
    *,
    minutes: float = MINUTES,
    leak_bytes_per_second: float = 0,
    file_bytes: float = 0,
    warm_up_bytes: float = 0,
    spikes: float = 0,
    steps_bytes: float = 0,
) -> list[Point]:
    """What a process of 80 MB shows that grows in these ways, with noise of some 100 kB."""
    dice = random.Random(1)  # noqa: S311  # not a secret
    points = []
    for second in range(0, int(minutes * 60), 5):
        files = FILES_PER_SECOND * second
        value = 80 * MEGABYTE + leak_bytes_per_second * second + file_bytes * files
        value += min(second / 120, 1) * warm_up_bytes + dice.gauss(0, 0.1) * MEGABYTE
        value += steps_bytes * (second // 180 % 2)
        value += 30 * MEGABYTE if dice.random() < spikes else 0
        points.append(Point(second, value, {"files": files}))
    return points


@pytest.mark.parametrize(
    "course",
    [
        {},
        {"file_bytes": 100},
        {"warm_up_bytes": 40 * MEGABYTE},
        {"spikes": 0.2},
        {"steps_bytes": 1.5 * MEGABYTE},
        {"leak_bytes_per_second": -20_000},
    ],
    ids=str,
)
def test_what_the_data_explains_is_no_leak(course: dict[str, float]) -> None:
    growth = measure(sampled(**course), ALLOWANCE)
    assert growth is not None
    assert not growth.is_leak


@pytest.mark.parametrize(
    "course",
    [
        {"leak_bytes_per_second": 8_000},
        {"file_bytes": 1000},
        {"file_bytes": 1000, "spikes": 0.2},
        {"leak_bytes_per_second": 8_000, "steps_bytes": 1.5 * MEGABYTE},
        {"leak_bytes_per_second": 10_000, "warm_up_bytes": 40 * MEGABYTE},
    ],
    ids=str,
)
def test_what_grows_beyond_it_is_a_leak(course: dict[str, float]) -> None:
    growth = measure(sampled(**course), ALLOWANCE)
    assert growth is not None
    assert growth.is_leak


def test_the_growth_is_what_is_left_after_the_warm_up_and_the_files() -> None:
    growth = measure(sampled(leak_bytes_per_second=10_000, file_bytes=100), ALLOWANCE)
    assert growth is not None
    assert growth.seconds == pytest.approx(MINUTES * 60 * 2 / 3, abs=10)
    assert growth.growth == pytest.approx(10_000 * growth.seconds, rel=0.1)


@pytest.mark.parametrize(("filled_seconds", "is_leak"), [(400, False), (100_000, True)])
def test_a_cache_grows_with_its_database_until_it_is_full(
    filled_seconds: float, is_leak: bool
) -> None:
    needs = {"ledger_bytes": Needs(1, 8 * MEGABYTE)}
    allowance = Allowance(total=2 * MEGABYTE, needs=needs)
    points = [
        Point(second, 20_000 * min(second, filled_seconds), {"ledger_bytes": 20_000 * second})
        for second in range(0, 1200, 5)
    ]
    growth = measure(points, allowance)
    assert growth is not None
    assert growth.is_leak == is_leak


def test_one_descriptor_a_minute_is_a_leak_and_ten_that_come_and_go_are_not() -> None:
    allowance = Allowance(total=3)
    clients = [Point(second, 20 + second // 7 % 11) for second in range(0, 600, 5)]
    leaking = [Point(each.seconds, each.value + each.seconds // 60) for each in clients]
    steady, leak = measure(clients, allowance), measure(leaking, allowance)
    assert steady is not None
    assert leak is not None
    assert (steady.is_leak, leak.is_leak) == (False, True)


@pytest.mark.parametrize("minutes", [0, 0.5, 5])
def test_a_short_time_says_nothing(minutes: float) -> None:
    assert measure(sampled(minutes=minutes), ALLOWANCE) is None
