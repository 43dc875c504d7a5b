"""Says in another language what was put together in English: errors, and reasons in the ledger.

They come from where nobody knows who reads them, or were stored before that. The catalog has what
they are made of, with fields in braces, by which they are recognized.
"""

import re
from collections.abc import Sequence
from functools import cache

from benchmark_exporter.texts.catalog import section_of
from benchmark_exporter.texts.say import Say

_FIELD = re.compile(r"\{(\w+)\}")
# Longer ones are not ours.
_MOST_CHARACTERS = 4000
# A reason may have another one in it.
_MOST_DEEP = 3


def error_in(say: Say, text: str, deep: int = 0) -> str:
    """The text in the language of `say`; as it is if the catalog does not have it."""
    texts = section_of(say.language, "errors")
    if text in texts:
        return texts[text]
    if len(text) > _MOST_CHARACTERS or deep == _MOST_DEEP:
        return text
    for pattern, said in _patterns(say.language):
        if found := pattern.fullmatch(text):
            fields = {
                name: error_in(say, value, deep + 1) for name, value in found.groupdict().items()
            }
            return said.format_map(fields)
    return text


@cache
def _patterns(language: str) -> Sequence[tuple[re.Pattern[str], str]]:
    """What has fields, with what is said; first what has most words of its own."""
    texts = section_of(language, "errors")
    templates = sorted(filter(_FIELD.search, texts), key=lambda each: -len(_FIELD.sub("", each)))
    return [(re.compile(_pattern(each), re.DOTALL), texts[each]) for each in templates]


def _pattern(template: str) -> str:
    parts = _FIELD.split(template)  # text and names in turns
    return "".join(
        f"(?P<{part}>.+?)" if index % 2 else re.escape(part) for index, part in enumerate(parts)
    )
