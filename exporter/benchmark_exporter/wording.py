"""Quantities and changes as people read them, and texts of others so that they can be shown."""

import re

# What no text of a document or file name may do to a terminal, a log or a page: control it (C0, C1
# and DEL), break a line, or change the order or presence of what stands around it (bidirectional
# controls, invisible characters, tags). Surrogates stand for bytes that are not UTF-8.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

# From which value on, scaled by what, in which unit.
_TIMES = ((1.0, 1.0, "s"), (1e-3, 1e-3, "ms"), (1e-6, 1e-6, "µs"), (0.0, 1e-9, "ns"))
_SIZES = ((1e9, 1e9, "GB"), (1e6, 1e6, "MB"), (1e3, 1e3, "kB"), (0.0, 1.0, "B"))

# A detectable change is that of the limits if the noise alone would allow one as much smaller.
_LIMITED = 0.85


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


def detectable(
    ratio: float | None,
    quiet_ratio: float | None,
    reachable_ratio: float | None,
    reachable_samples: int | None,
    samples: int | None,
) -> str:
    """The smallest change that would be reported, and what would make it smaller.

    The ratios are a verdict's, `samples` how many the run has; empty where nothing is known.
    """
    if ratio is None:
        return ""
    if quiet_ratio is not None and quiet_ratio < _LIMITED * ratio:
        return f"{ratio:.1%} by its limits, {quiet_ratio:.1%} by its noise"
    if reachable_ratio is not None and reachable_samples is not None and samples is not None:
        more = reachable_samples - samples
        return f"{ratio:.1%}, {100 * reachable_ratio:.3g}% with {more} more samples"
    if samples is None or samples < 2:
        return f"{ratio:.1%}"
    return f"{ratio:.1%}, more samples do not help"


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


def printable(text: str) -> str:
    r"""A text of a document, or a file name, as one line that is safe to print.

    A line break becomes `\n`, another control character `\x1b` or `\u202e`, and a byte that is not
    UTF-8 `\xff`. Everything else stays.
    """
    return _UNPRINTABLE.sub(_escaped, text)


def counted(count: int, one: str, several: str | None = None) -> str:
    """A count with its noun: `1 run`, `1,000 runs`. Without `several`, an s is added."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def printable_name(path: str) -> str:
    r"""The same for a path, so that no two paths become the same text: `\` becomes `\\`."""
    return printable(path.replace("\\", "\\\\"))


def printable_json(document: str) -> str:
    """The same for a JSON document; it keeps its line breaks and its meaning."""
    return _UNPRINTABLE.sub(_escaped_in_json, document)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def _escaped_in_json(match: re.Match[str]) -> str:
    if match[0] == "\n":
        return "\n"
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
