"""Quantities in words that people read."""

# From what value on, in what unit.
_TIMES = ((1.0, 1.0, "s"), (1e-3, 1e-3, "ms"), (1e-6, 1e-6, "µs"), (0.0, 1e-9, "ns"))
_SIZES = ((1e9, 1e9, "GB"), (1e6, 1e6, "MB"), (1e3, 1e3, "kB"), (0.0, 1.0, "B"))


def with_unit(value: float, unit: str) -> str:
    """A value of a result with its unit (`seconds`, `bytes`, …), scaled so that it is short: 0.0123 seconds is 12.3 ms."""
    if unit == "ratio":
        return f"{value:.4g}"
    if unit == "per_second":
        return f"{value:.6g} per second"
    scales = {"seconds": _TIMES, "bytes": _SIZES}.get(unit)
    if scales is None:
        return f"{value:.6g} {unit}".rstrip()
    size, name = next((size, name) for least, size, name in scales if abs(value) >= least)
    return f"{value / size:.4g} {name}"
