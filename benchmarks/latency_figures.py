"""The figures of what was timed from a file to its alert."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from benchmarks.report import Figure, percentile

STAGES = ("/metrics", "Prometheus", "firing", "webhook")


def of_stages(
    what: str,
    measured: Sequence[Mapping[str, float]],
    targets: Sequence[float | None] = (None,) * len(STAGES),
    ours: Sequence[Figure] = (),
) -> list[Figure]:
    """Return two figures for each stage, in seconds. The targets are for the second, the p95.

    `ours` are the figures that these are compared with.
    """
    figures: list[Figure] = []
    for stage, target in zip(STAGES, targets, strict=True):
        seconds = [times[stage] for times in measured]
        figures += p50_and_p95(f"{what}, file → {stage}", seconds, target)
    if not ours:
        return figures
    return [replace(one, ours=our) for one, our in zip(figures, ours, strict=True)]


def p50_and_p95(what: str, seconds: Sequence[float], p95_at_most: float | None) -> list[Figure]:
    """Return both figures, the second with its target."""
    return [
        Figure(f"{what}, p50", percentile(seconds, 50), "s"),
        Figure(f"{what}, p95", percentile(seconds, 95), "s", at_most=p95_at_most),
    ]
