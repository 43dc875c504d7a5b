"""The numbers of a verdict, in the result's unit and as ratios."""

from collections.abc import Sequence

from benchmark_exporter.judge.detectability import detectability
from benchmark_exporter.judge.reference import Reference, Scale
from benchmark_exporter.judge.state import Verdict


def described(
    value: float,
    scale: Scale,
    known: Reference,
    level: float,
    limit: float,
    cv_ratios: Sequence[float],
    samples: int | None,
) -> Verdict:
    """A verdict on a value compared with a level, in badness as `limit`; its state is to be set."""
    reference = _plain(scale.value(level))
    seen = detectability(known, scale, cv_ratios, samples)
    return Verdict(
        "ok",
        value,
        reference,
        _plain(scale.value(limit)),
        scale.worsening(value, reference),
        scale.ratio(known.noise[1], known.level),
        seen.ratio,
        len(known.runs),
        rolling=_plain(scale.value(known.level)),
        quiet_ratio=seen.quiet_ratio,
        reachable_ratio=seen.reachable_ratio,
        reachable_samples=seen.reachable_samples,
    )


def _plain(number: float) -> float:
    """Without the last digits, in which the logarithm leaves its rounding errors."""
    return float(f"{number:.12g}")
