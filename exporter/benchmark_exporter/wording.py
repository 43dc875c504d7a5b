"""Quantities and changes as people read them, and texts of others so that they can be shown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark_exporter.texts.say import ENGLISH, Say, phrase

# What no text of a document or file name may do to a terminal, a log or a page: control it (C0, C1
# and DEL), break a line, or change the order or presence of what stands around it (bidirectional
# controls, invisible characters, tags). Surrogates stand for bytes that are not UTF-8.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
# Not within a name, like sleep_5us or io/5ms.
_DURATION = re.compile(r"(?<![\w./-])(\d+(?:\.\d+)?)(ns|us|ms)\b")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

Kind = Literal["critical", "warning", "undecided", "good", "unknown"]

# From which value on, scaled by what, in which unit.
_TIMES = ((1.0, 1.0, "s"), (1e-3, 1e-3, "ms"), (1e-6, 1e-6, "µs"), (0.0, 1e-9, "ns"))
_SIZES = ((1e9, 1e9, "GB"), (1e6, 1e6, "MB"), (1e3, 1e3, "kB"), (0.0, 1.0, "B"))

# Numbers from this one on have an exponent.
_MOST_PLAIN = 1e9
# A verdict's change that is smaller is shown as none: `0.0% worse` says nothing.
_LEAST_CHANGE = 0.0005

# A detectable change is that of the limits if the noise alone would allow one as much smaller.
_LIMITED = 0.85


def with_unit(value: float, unit: str) -> str:
    """A result's value with its unit (`seconds`, `bytes`, …), scaled to be short.

    0.0123 seconds is 12.3 ms.
    """
    if unit == "ratio":
        return _digits(value, 4)
    if unit == "per_second":
        return f"{_digits(value, 6)} per second"
    scales = {"seconds": _TIMES, "bytes": _SIZES}.get(unit)
    if scales is None:
        return f"{_digits(value, 6)} {unit}".rstrip()
    size, name = next((size, name) for least, size, name in scales if abs(value) >= least)
    return f"{_digits(value / size, 4)} {name}"


def _digits(value: float, count: int) -> str:
    """So many significant digits, up to a billion without an exponent: 10,810 and not 1.081e+04."""
    text = f"{value:.{count}g}"
    return f"{float(text):,.0f}" if "e+" in text and abs(value) < _MOST_PLAIN else text


def detectable(
    ratio: float | None,
    quiet_ratio: float | None,
    reachable_ratio: float | None,
    reachable_samples: int | None,
    samples: int | None,
    say: Say = ENGLISH,
) -> str:
    """The smallest change that would be reported, and what would make it smaller.

    The ratios are a verdict's, `samples` how many the run has; empty where nothing is known.
    """
    if ratio is None:
        return ""
    if quiet_ratio is not None and quiet_ratio < _LIMITED * ratio:
        noise = f"{quiet_ratio:.1%}"
        return say("{ratio} by its limits, {noise} by its noise", ratio=f"{ratio:.1%}", noise=noise)
    if reachable_ratio is not None and reachable_samples is not None and samples is not None:
        more = reachable_samples - samples
        reachable = f"{100 * reachable_ratio:.3g}%"
        return say(
            "{ratio}, {reachable} with {more} more samples",
            ratio=f"{ratio:.1%}",
            reachable=reachable,
            more=more,
        )
    if samples is None or samples < 2:
        return f"{ratio:.1%}"
    return say("{ratio}, more samples do not help", ratio=f"{ratio:.1%}")


def change(worsening_ratio: float | None, say: Say = ENGLISH) -> str:
    """How much worse or better a result is than its reference: 0.125 is `12.5% worse`.

    Empty where that is not known. `worsening_ratio` is a verdict's: above 0 for worse.
    """
    if worsening_ratio is None:
        return ""
    ratio = f"{abs(worsening_ratio):.1%}"
    if worsening_ratio > 0:
        return say("{ratio} worse", ratio=ratio)
    return say("{ratio} better", ratio=ratio)


def level_change(ratio: float | None, *, worse: bool, say: Say = ENGLISH) -> str:
    """A change of a level with its direction: 0.2 is `+20.0%, worse` of a time.

    `ratio` is None where a share means nothing.
    """
    direction = say("worse") if worse else say("better")
    if ratio is None:
        return direction
    return say("{ratio}, {direction}", ratio=f"{ratio:+.1%}", direction=direction)


# What `watch`, the pages and reports call the outcome of a run. The live page has the same in
# stream/page/words.js.
ENDED_WITH_ERROR, NO_GATE = phrase("ended with an error"), phrase("no gate")
_VERDICT_KINDS: Mapping[str, Kind] = {
    "critical": "critical",
    "warning": "warning",
    "suspect": "undecided",
    "ok": "good",
    "improved": "good",
}
# The verdicts whose names are words of the reader's language; the others are names everywhere.
_VERDICT_WORDS = {
    "suspect": phrase("suspect"),
    "improved": phrase("improved"),
    "insufficient_data": phrase("insufficient data"),
}
_BADNESS: Sequence[Kind] = ("unknown", "good", "undecided", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Said:
    """A state in words, and the kind that decides its colour."""

    text: str
    kind: Kind


def verdict_said(
    state: str,
    worsening_ratio: float | None,
    triage: str = "",
    triaged_by: str = "",
    say: Say = ENGLISH,
) -> Said:
    """A verdict, like `critical, 100.0% worse, fixing by ann`."""
    is_changed = worsening_ratio is not None and abs(worsening_ratio) >= _LEAST_CHANGE
    changed = change(worsening_ratio, say) if is_changed else ""
    by = say("{state} by {who}", state=triage, who=triaged_by) if triage else ""
    text = say(", ").join(filter(None, (verdict_word(state, say), changed, by)))
    return Said(text, _VERDICT_KINDS.get(state, "unknown"))


def verdict_word(state: str, say: Say = ENGLISH) -> str:
    """The name of a verdict, as people read it."""
    return say(_VERDICT_WORDS.get(state, state))


def gate_said(passed: bool | None, severity: str | None, say: Say = ENGLISH) -> Said:
    """The outcome of a gate, like `failed, critical regression`; `passed` is None without one."""
    if passed is None:
        return Said(say(NO_GATE), "unknown")
    outcome = say("passed") if passed else say("failed")
    if severity is not None:
        kind: Kind = "critical" if severity == "critical" else "warning"
        text = say("{outcome}, {severity} regression", outcome=outcome, severity=severity)
        return Said(text, kind)
    return Said(outcome, "good" if passed else "critical")


def run_said(failed: bool, gate: Said, verdict: Said | None, say: Say = ENGLISH) -> Said:
    """What is said of a run in one word: its error, else the worse of its gate and its verdict.

    The gate's outcome if both are as bad; `verdict` is the worst one, None if there is none.
    """
    if failed:
        return Said(say(ENDED_WITH_ERROR), "critical")
    if verdict is None:
        return gate
    if gate.kind == "unknown" or _BADNESS.index(verdict.kind) > _BADNESS.index(gate.kind):
        return verdict
    return gate


def speedup(ratio: float) -> str:
    """How many times faster something is, like `8.8×`."""
    return f"{_digits(ratio, 4)}×"


def with_spaced_units(text: str) -> str:
    """A text of Prometheus' templates, which write `428.5us`, with times as `with_unit` does."""
    return _DURATION.sub(lambda match: f"{match[1]} {match[2].replace('u', 'µ')}", text)


def printable(text: str) -> str:
    r"""A text of a document, or a file name, as one line that is safe to print.

    A line break becomes `\n`, another control character `\x1b` or `\u202e`, and a byte that is not
    UTF-8 `\xff`. Everything else stays.
    """
    return _UNPRINTABLE.sub(_escaped, text)


def reason_of(error: Exception) -> str:
    """Why a file could not be read or written, without its path, which the message names itself."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def path_and_reason(error: OSError) -> str:
    """The same, after the path where there is one."""
    return f"{error.filename}: {reason_of(error)}" if error.filename else reason_of(error)


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
