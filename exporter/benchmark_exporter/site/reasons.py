"""Reasons that come from elsewhere in the exporter, as logs and the API have them too."""

from html import escape

from benchmark_exporter.texts.errors import error_in
from benchmark_exporter.texts.say import ENGLISH, Say


def reason(text: str, say: Say) -> str:
    """A reason as HTML, in the reader's language if the catalog has it, else in English."""
    said = error_in(say, text)
    if said != text or say.language == ENGLISH.language:
        return escape(said)
    return f'<span lang="en">{escape(text)}</span>'
