"""The numbers of a verdict, in the result's unit and as ratios."""

from benchmark_exporter.judge.detectability import Detectability
from benchmark_exporter.judge.reference import Reference, Scale
from benchmark_exporter.judge.state import Verdict, VerdictState


def described(
    state: VerdictState,
    value: float,
    scale: Scale,
    known: Reference,
    level: float,
    limit: float,
    seen: Detectability,
    unaccepted: float | None,
    suppressed: bool = False,
) -> Verdict:
    """A verdict on a value compared with a level, in badness as `limit`."""
    reference = _plain(scale.value(level))
    return Verdict(
        state,
        value,
        reference,
        _plain(scale.value(limit)),
        scale.worsening(value, reference),
        scale.ratio(known.noise[1], known.level),
        seen.ratio,
        len(known.runs),
        suppressed,
        unaccepted=unaccepted,
        rolling=reference if level == known.level else _plain(scale.value(known.level)),
        quiet_ratio=seen.quiet_ratio,
        reachable_ratio=seen.reachable_ratio,
        reachable_samples=seen.reachable_samples,
    )


def _plain(number: float) -> float:
    """Without the last digits, in which the logarithm leaves its rounding errors."""
    return float(f"{number:.12g}")
