"""Which language a reader prefers, by what a browser states (RFC 9110, section 12.5.4)."""

import re

from benchmark_exporter.texts.catalog import PAGE_LANGUAGES
from benchmark_exporter.texts.say import ENGLISH

# Browsers state a few; what is beyond is not looked at.
_MOST_CHARACTERS, _MOST_RANGES = 1000, 20
_RANGE = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*[Qq]\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?",
    re.ASCII,
)


def preferred(accept_language: str) -> str:
    """The language of PAGE_LANGUAGES that a header Accept-Language prefers; English if none.

    `ja-JP` means Japanese. Of languages with the same q-value, it is the first. An entry that is
    not as in the standard counts for nothing.
    """
    qualities: dict[str, float] = {}
    stated = accept_language[:_MOST_CHARACTERS].split(",", _MOST_RANGES)[:_MOST_RANGES]
    for entry in stated:
        if found := _RANGE.fullmatch(entry):
            language = found[1].partition("-")[0].lower()
            quality = float(found[2] or 1)
            qualities[language] = max(quality, qualities.get(language, 0.0))
    known = {each: quality for each, quality in qualities.items() if each in PAGE_LANGUAGES}
    best = max(known, key=known.__getitem__, default=ENGLISH.language)
    others = 0.0 if ENGLISH.language in known else qualities.get("*", 0.0)
    return best if known.get(best, 0.0) >= max(others, 1e-3) else ENGLISH.language
