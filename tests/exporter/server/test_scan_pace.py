"""How often the results folder is scanned: what that costs, and how soon a lost event is found."""

import pytest

from benchmark_exporter.server.ingest_loop import pause_seconds


@pytest.mark.parametrize(
    ("scan_seconds", "pause"),
    [
        (0.0001, 1.0),  # the least time between two scans
        (0.003, 1.0),
        (0.01, 10 / 3),  # 0.3 % of the time
        (0.015, 5.0),
        (0.05, 5.0),  # still found within 5 s
        (0.1, 10.0),  # 1 % of the time
        (2.0, 200.0),
    ],
)
def test_a_scan_costs_little_and_finds_what_events_do_not(
    scan_seconds: float, pause: float
) -> None:
    assert pause_seconds(scan_seconds, 1.0) == pytest.approx(pause)


def test_scans_are_never_closer_together_than_configured() -> None:
    assert pause_seconds(0.01, 60.0) == 60.0
