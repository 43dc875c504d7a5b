"""What psutil says of this very process."""

import time

from benchmark_exporter.metrics.resources import Sampler


def test_cpu_use_is_measured_since_the_previous_sample() -> None:
    sampler = Sampler()
    before = sampler.sample()
    ends = time.process_time() + 0.3
    while time.process_time() < ends:
        pass
    after = sampler.sample()
    # The kernel counts in hundredths of a second.
    assert 0.25 <= after.process_cpu_seconds - before.process_cpu_seconds < 0.6
    assert after.process_percent > 0
    assert all(0 <= percent <= 100 for percent in after.core_percents)


def test_memory_and_start_are_those_of_this_process() -> None:
    held = bytearray(b"x" * 50_000_000)
    sample = Sampler().sample()
    assert sample.resident_bytes > len(held)
    assert sample.start_timestamp_seconds <= time.time()
