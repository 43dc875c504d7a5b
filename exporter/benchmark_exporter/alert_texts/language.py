"""The languages of alerts, and which of them is chosen."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

log = logging.getLogger(__name__)

Language = Literal["en", "ja"]
ENGLISH: Language = "en"
LANGUAGES: tuple[Language, ...] = get_args(Language)


def language_in(path: Path | None) -> Callable[[], Language]:
    """Gives the language that a file names at the time; English without a file.

    A file that is missing, cannot be read or names another language is logged when that is found,
    and means English.
    """
    last: str | None = None

    def read() -> Language:
        nonlocal last
        if path is None:
            return ENGLISH
        try:
            found, reason = path.read_text(encoding="utf-8").strip(), ""
        except (OSError, UnicodeDecodeError) as error:
            found, reason = "", str(error)
        for language in LANGUAGES:
            if found == language:
                last = found
                return language
        if found != last:
            names = " or ".join(LANGUAGES)
            log.error(
                "no language of alerts, so they are in English",
                extra={"fields": {"file": path, "reason": reason or f"it must be {names}"}},
            )
        last = found
        return ENGLISH

    return read
