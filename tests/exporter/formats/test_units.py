"""Units and direction, and exact statistics."""

import hashlib
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark_exporter.formats.statistics import describe, from_samples
from benchmark_exporter.formats.units import Quantity, quantity
from benchmark_exporter.model import Statistics

TIMES = {
    "ns": 1e-9,
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "hr": 3600.0,
    "day": 86400.0,
}
X_DIGEST = hashlib.sha256(b"x" * 5000).hexdigest()[:16]


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("ns", Quantity("seconds", 1e-9, "lower")),
        ("µs", Quantity("seconds", 1e-6, "lower")),  # the micro sign
        ("μs", Quantity("seconds", 1e-6, "lower")),  # the Greek letter
        ("ms/op", Quantity("seconds", 1e-3, "lower")),
        ("ns/iter", Quantity("seconds", 1e-9, "lower")),
        (" Seconds ", Quantity("seconds", 1.0, "lower")),
        ("ops/s", Quantity("per_second", 1.0, "higher")),
        ("ops/us", Quantity("per_second", 1e6, "higher")),
        ("MB/sec", Quantity("per_second", 1e6, "higher")),
        ("KiB/ms", Quantity("per_second", 1024e3, "higher")),
        ("req/min", Quantity("per_second", 1 / 60, "higher")),
        ("rps", Quantity("per_second", 1.0, "higher")),
        ("Mops/s", Quantity("per_second", 1e6, "higher")),
        ("K items/sec", Quantity("per_second", 1e3, "higher")),
        ("1/s", Quantity("per_second", 1.0, "higher")),
        ("usec", Quantity("seconds", 1e-6, "lower")),
        ("Megabytes", Quantity("bytes", 1e6, "lower")),
        ("B/op", Quantity("bytes", 1.0, "lower")),
        ("KiB", Quantity("bytes", 1024.0, "lower")),
        ("MB", Quantity("bytes", 1e6, "lower")),
        ("%", Quantity("ratio", 0.01, None)),
        # Not one of ours, so the tool's own word is kept.
        ("Mb", Quantity("Mb", 1.0, "lower")),
        ("Mb/s", Quantity("Mb/s", 1.0, "higher")),
        ("GFLOP/s", Quantity("GFLOP/s", 1.0, "higher")),
        ("ms/s", Quantity("ms/s", 1.0, "higher")),
        ("allocs/op", Quantity("allocs/op", 1.0, "lower")),
        ("findings", Quantity("findings", 1.0, None)),
        # What JMH makes of TimeUnit, in both directions.
        *((f"{unit}/op", Quantity("seconds", factor, "lower")) for unit, factor in TIMES.items()),
        *((f"ops/{unit}", Quantity("per_second", 1 / f, "higher")) for unit, f in TIMES.items()),
        ("hours", Quantity("seconds", 3600.0, "lower")),
        ("days", Quantity("seconds", 86400.0, "lower")),
        ("msecs", Quantity("seconds", 1e-3, "lower")),
        ("usecs", Quantity("seconds", 1e-6, "lower")),
        ("millis", Quantity("seconds", 1e-3, "lower")),
        ("ms/frame", Quantity("seconds", 1e-3, "lower")),
        ("s/epoch", Quantity("seconds", 1.0, "lower")),
        ("ns per call", Quantity("seconds", 1e-9, "lower")),
        ("tps", Quantity("per_second", 1.0, "higher")),
        ("QPS", Quantity("per_second", 1.0, "higher")),
        ("IOPS", Quantity("per_second", 1.0, "higher")),
        ("kIOPS", Quantity("per_second", 1e3, "higher")),
        ("MHz", Quantity("per_second", 1e6, "higher")),
        ("rpm", Quantity("per_second", 1 / 60, "higher")),
        ("ops per second", Quantity("per_second", 1.0, "higher")),
        ("requests per minute", Quantity("per_second", 1 / 60, "higher")),
        ("MBps", Quantity("per_second", 1e6, "higher")),
        ("MiB per sec", Quantity("per_second", 2.0**20, "higher")),
        ("Mbps", Quantity("Mbps", 1.0, "higher")),
        ("Gbit/s", Quantity("Gbit/s", 1.0, "higher")),
        ("GFLOPS", Quantity("GFLOPS", 1.0, "higher")),
        ("kiB", Quantity("bytes", 1024.0, "lower")),
        ("mib", Quantity("mib", 1.0, "lower")),
        ("kb", Quantity("kb", 1.0, "lower")),
        ("PiB", Quantity("bytes", 2.0**50, "lower")),
        ("Kibibytes", Quantity("bytes", 1024.0, "lower")),
        ("kilobyte", Quantity("bytes", 1e3, "lower")),
        ("cycles/op", Quantity("cycles/op", 1.0, "lower")),
        ("x" * 5000, Quantity("x" * 1007 + "…" + X_DIGEST, 1.0, None)),
        ("", Quantity("", 1.0, None)),
        ("/", Quantity("/", 1.0, None)),
    ],
)
def test_a_unit_is_converted_to_a_base_unit_or_kept(unit: str, expected: Quantity) -> None:
    found = quantity(unit)
    assert (found.unit, found.better) == (expected.unit, expected.better)
    assert found.factor == pytest.approx(expected.factor)


def test_statistics_of_literal_samples() -> None:
    # Ranks of five samples are 0 to 4, so p95 lies at 3.8 and p99 at 3.96. The squared deviations
    # sum to 10, divided by 4.
    found = describe([5.0, 1.0, 4.0, 2.0, 3.0])
    assert (found.p50, found.mean, found.min, found.max) == (3.0, 3.0, 1.0, 5.0)
    assert found.p95 == pytest.approx(4.8)
    assert found.p99 == pytest.approx(4.96)
    assert found.stddev == pytest.approx(2.5**0.5)


def test_a_single_sample_is_every_statistic_and_has_no_deviation() -> None:
    assert describe([0.25]) == Statistics(0.25, 0.25, 0.25, 0.25, 0.25, 0.25, None)


@given(st.lists(st.floats(0, 1e15), min_size=2, max_size=50))
def test_statistics_agree_with_the_standard_library(samples: list[float]) -> None:
    found = describe(samples)
    assert found.p50 == pytest.approx(statistics.median(samples))
    assert found.mean == pytest.approx(statistics.fmean(samples))
    assert found.stddev == pytest.approx(
        statistics.stdev(samples), rel=1e-6, abs=max(1e-12, 1e-15 * max(samples))
    )
    assert found.p95 == pytest.approx(statistics.quantiles(samples, n=100, method="inclusive")[94])
    assert found.p99 == pytest.approx(statistics.quantiles(samples, n=100, method="inclusive")[98])


def test_a_mean_that_is_not_positive_has_no_coefficient_of_variation() -> None:
    assert from_samples("a", "", [-1.0, 1.0]).cv_ratio is None
    assert from_samples("a", "", [1.0, 3.0]).cv_ratio == pytest.approx(2**0.5 / 2)


def test_a_mean_close_to_zero_has_no_coefficient_of_variation_if_it_overflows() -> None:
    assert from_samples("parse", "", [5e-324, 1e-310, 0.0, 0.0]).cv_ratio is not None
    overflowing = from_samples("parse", "", [1.0, -1.0, 1e-320])
    assert 0 < (overflowing.statistics.mean or 0) < 1e-300
    assert overflowing.cv_ratio is None
