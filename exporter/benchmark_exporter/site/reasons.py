"""Reasons that come from elsewhere in the exporter, as logs and the API have them too."""

from html import escape

from benchmark_exporter.texts.say import ENGLISH, Say, phrase

# Those that are met while all is well. Others name files, settings and errors of the system.
REASONS = (
    phrase("the ledger is being opened"),
    phrase("the file ends before its JSON does"),
    phrase("too many requests at once"),
)


def reason(text: str, say: Say) -> str:
    """A reason as HTML, in the reader's language if it is one of REASONS, else in English."""
    if text in REASONS or say.language == ENGLISH.language:
        return escape(say(text))
    return f'<span lang="en">{escape(text)}</span>'
