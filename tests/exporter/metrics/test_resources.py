"""What psutil says of this very process."""

import time

from benchmark_exporter.metrics.resources import Sampler


def test_a_look_tells_of_the_time_since_the_one_before() -> None:
    sampler = Sampler()
    before = sampler.sample()
    ends = time.process_time() + 0.3
    while time.process_time() < ends:
        pass
    after = sampler.sample()
    assert (
        0.25 <= after.process_cpu_seconds - before.process_cpu_seconds < 0.6
    )  # the kernel counts in hundredths
    assert after.process_percent > 0
    assert all(0 <= percent <= 100 for percent in after.core_percents)


def test_memory_and_start_are_this_processes() -> None:
    held = bytearray(b"x" * 50_000_000)
    sample = Sampler().sample()
    assert sample.resident_bytes > len(held)
    assert sample.start_timestamp_seconds <= time.time()
