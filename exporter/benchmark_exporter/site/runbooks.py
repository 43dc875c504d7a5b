"""Where the runbooks are, in each language."""

import re
from pathlib import Path

from benchmark_exporter.alert_texts.language import ENGLISH, LANGUAGES

_NAME = re.compile(r"[A-Za-z0-9]{1,100}")  # names of alerts may be of any length


def runbook_file(folder: Path | None, name: str, language: str) -> Path | None:
    """The page of an alert in a language, or in English where that one is missing.

    `folder` has the English pages. Those of a language are next to it, in a folder of its name, as
    docs/ja/runbooks is next to docs/runbooks. None if there is no page, or no such language.
    """
    if folder is None or language not in LANGUAGES or not _NAME.fullmatch(name):
        return None
    folders = [folder] if language == ENGLISH else [folder.parent / language / folder.name, folder]
    pages = (each / f"{name}.md" for each in folders)
    return next((page for page in pages if page.is_file()), None)
