"""Quantities and changes as people read them."""

# From which value on, scaled by what, in which unit.
_TIMES = ((1.0, 1.0, "s"), (1e-3, 1e-3, "ms"), (1e-6, 1e-6, "µs"), (0.0, 1e-9, "ns"))
_SIZES = ((1e9, 1e9, "GB"), (1e6, 1e6, "MB"), (1e3, 1e3, "kB"), (0.0, 1.0, "B"))


def with_unit(value: float, unit: str) -> str:
    """A result's value with its unit (`seconds`, `bytes`, …), scaled to be short.

    0.0123 seconds is 12.3 ms.
    """
    if unit == "ratio":
        return f"{value:.4g}"
    if unit == "per_second":
        return f"{value:.6g} per second"
    scales = {"seconds": _TIMES, "bytes": _SIZES}.get(unit)
    if scales is None:
        return f"{value:.6g} {unit}".rstrip()
    size, name = next((size, name) for least, size, name in scales if abs(value) >= least)
    return f"{value / size:.4g} {name}"


def change(worsening_ratio: float | None) -> str:
    """How much worse or better a result is than its reference: 0.125 is `12.5% worse`.

    Empty where that is not known. `worsening_ratio` is a verdict's: above 0 for worse.
    """
    if worsening_ratio is None:
        return ""
    return f"{abs(worsening_ratio):.1%} {'worse' if worsening_ratio > 0 else 'better'}"


def level_change(ratio: float | None, *, worse: bool) -> str:
    """A change of a level with its direction: 0.2 is `+20.0%, worse` of a time.

    `ratio` is None where a share means nothing.
    """
    direction = "worse" if worse else "better"
    return direction if ratio is None else f"{ratio:+.1%}, {direction}"
