"""Says a text in a language. The English text is the key; what it says of is named in braces."""

from collections.abc import Mapping


class Say:
    """Texts in one language: `say("of {count} runs", count=3)`.

    `texts` has them by their English; what is not in it stays English. No text has a character
    that HTML gives a meaning, so what comes out is text if the fields are text, and HTML if they
    are HTML.
    """

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self._texts = texts

    def __call__(self, text: str, **fields: object) -> str:
        """The text with its fields filled in."""
        found = self._texts.get(text, text)
        return found.format_map(fields) if fields else found

    def counted(self, count: int, one: str, several: str, **fields: object) -> str:
        """The text for one or for several, whose `{count}` is the count: `1 run`, `1,000 runs`.

        Both have one text in a language without plurals.
        """
        return self(one if count == 1 else several, count=f"{count:,}", **fields)


def phrase(text: str) -> str:
    """Marks a text that is said later, by a variable, so that the catalog has to have it."""
    return text


ENGLISH = Say("en", {})
