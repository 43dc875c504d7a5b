"""Thirty days of made-up runs, so that every dashboard has something to show in `make demo`.

Three benchmarks in two environments, each with a machine of its own, every two hours on working
days and once a day at weekends. What there is to find in them:

- a step: pattern expansion is 30 % slower for three days, too little for its gate;
- a drift: config compilation becomes 23 % slower over the month, which only a pinned baseline
  shows;
- a noisy week: the kernel cache's times scatter in one environment, and are no regression;
- a bad day in CI.
"""

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from typing import Any

from stack.demo_documents import (
    CI_PIPELINE,
    CONFIG_COMPILATION,
    KERNEL_CACHE,
    MACHINES,
    NIGHTLY_PIPELINE,
    PATTERN_EXPANSION,
    PerfSuiteBenchmark,
    SampledBenchmark,
    perf_suite_document,
    pipeline_document,
    sampled_document,
)

DAYS = 29  # Prometheus keeps 30, so it drops none of them during a demo
ENVIRONMENTS = tuple(MACHINES)
# The second environment's machine is slower, in everything alike.
CI_SLOWER = 1.35
# From one run to the next, the spread of the logarithm.
RUN_SIGMA, NOISY_SIGMA = 0.015, 0.18
STEP = 1.3
DRIFT = 1.23  # at the end
BASELINE_VERSION = "demo-start"

Dated = tuple[str, dict[str, Any]]


def documents(now: datetime, seed: int = 1) -> Iterator[Dated]:
    """Each document with its file's name, in the order of their times.

    The newest is at least an hour older than `now`.
    """
    noise = random.Random(seed)  # noqa: S311  # made-up measurements
    for number, at in enumerate(_slots(now), 1):
        age_days = (now - at) / timedelta(days=1)
        hour = f"{at:%Y%m%d%H}".encode()
        commit = sha1(hour).hexdigest()[:10]  # noqa: S324  # looks like a commit's
        for place, environment in enumerate(ENVIRONMENTS):
            # No two runs share a second: perf_suite makes their ids of it.
            begun = at + timedelta(minutes=10 * place)
            for offset, benchmark in enumerate((PATTERN_EXPANSION, CONFIG_COMPILATION)):
                slowed = _of_that_day(benchmark, environment, age_days, noise)
                made = begun + timedelta(seconds=20 * offset)
                document = perf_suite_document(
                    slowed, commit, made, noise.lognormvariate, environment=environment
                )
                yield f"{benchmark.project}-{environment}-{number:04}.json", document
            made = begun + timedelta(seconds=40)
            cache = _cache_of_that_day(environment, age_days, noise)
            yield (
                f"{cache.project}-{environment}-{number:04}.json",
                sampled_document(cache, commit, made, noise, environment=environment),
            )
        passed = not (number % 4 if 11 < age_days < 12 else number % 19 == 7)
        yield f"ci-{number:04}.json", _pipeline_run(CI_PIPELINE, at, 20, noise, passed=passed)
        if at.hour == 12:
            nightly = _pipeline_run(
                NIGHTLY_PIPELINE, at, 45, noise, passed=number % 23 != 9, trigger="schedule"
            )
            yield f"nightly-{number:04}.json", nightly


def _pipeline_run(
    pipeline: str,
    at: datetime,
    minutes: float,
    noise: random.Random,
    *,
    passed: bool,
    trigger: str = "push",
) -> dict[str, Any]:
    """A run that begins at a time and takes about so many minutes, fewer when it fails."""
    duration = timedelta(minutes=minutes * noise.uniform(0.9, 1.1) * (1.0 if passed else 0.6))
    run_id = at.strftime("%Y%m%dT%H%M%SZ")
    seconds = duration.total_seconds()
    return pipeline_document(
        pipeline, run_id, at + duration, passed=passed, trigger=trigger, duration_seconds=seconds
    )


def first_run_id(document: dict[str, Any]) -> str:
    """The run id in a document of perf_suite's shape."""
    run_id: str = document["run"]["run_id"]
    return run_id


def _slots(now: datetime) -> Iterator[datetime]:
    """When runs begin. The seconds are those of `now`, so another demo's runs are other runs."""
    first = (now - timedelta(days=DAYS)).replace(hour=0)
    for day in range(DAYS + 1):
        date = first + timedelta(days=day)
        for hour in (12,) if date.weekday() >= 5 else range(8, 20, 2):
            at = date.replace(hour=hour, minute=0, microsecond=0)
            if now - timedelta(days=DAYS) < at < now - timedelta(hours=2):
                yield at.astimezone(UTC)


def _of_that_day(
    benchmark: PerfSuiteBenchmark, environment: str, age_days: float, noise: random.Random
) -> PerfSuiteBenchmark:
    run = noise.lognormvariate(0.0, RUN_SIGMA) * (
        CI_SLOWER if environment != ENVIRONMENTS[0] else 1.0
    )
    change = 1.0
    if benchmark is PATTERN_EXPANSION and 6 < age_days < 9:
        change = STEP
    elif benchmark is CONFIG_COMPILATION:
        change = 1 + (DRIFT - 1) * (1 - age_days / DAYS)
    return PerfSuiteBenchmark(
        benchmark.project,
        benchmark.compiled_ms * run * change,
        benchmark.fallback_ms * run,
        benchmark.sigma,
    )


def _cache_of_that_day(environment: str, age_days: float, noise: random.Random) -> SampledBenchmark:
    noisy = environment != ENVIRONMENTS[0] and 14 < age_days < 21
    run = (
        math.exp(abs(noise.gauss(0.0, NOISY_SIGMA)))
        if noisy
        else noise.lognormvariate(0.0, RUN_SIGMA)
    )
    slower = CI_SLOWER if environment != ENVIRONMENTS[0] else 1.0
    sigma = KERNEL_CACHE.sigma * (4 if noisy else 1)
    return SampledBenchmark(
        KERNEL_CACHE.project,
        KERNEL_CACHE.lookup_ms * run * slower,
        KERNEL_CACHE.memory_bytes,
        sigma,
    )
