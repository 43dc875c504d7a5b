"""Several documents in one file: JSON lines, or documents of several runs of a tool, appended."""

import json
from collections.abc import Sequence
from typing import NamedTuple

# A file of so many documents is one of events, and not of results.
MAX_DOCUMENTS = 100_000

_WHITESPACE = " \t\r\n"


class Several(NamedTuple):
    """The documents of a file, at least two, all of them objects or all of them arrays."""

    documents: list[object]

    @property
    def entries(self) -> list[object]:
        """The entries of all arrays, or all objects (JSON lines)."""
        if isinstance(self.documents[0], list):
            return [entry for each in self.documents if isinstance(each, list) for entry in each]
        return self.documents


def several_documents(text: str) -> tuple[Several | None, str]:
    """The documents, if the text is nothing else; and what follows the last whole one.

    None if something else follows, or if there are objects and arrays.
    """
    decoder, documents, at = json.JSONDecoder(), list[object](), 0
    while (at := _next(text, at)) < len(text) and len(documents) < MAX_DOCUMENTS:
        try:
            document, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        documents.append(document)
    kinds = {type(document) for document in documents}
    whole = at == len(text) and len(documents) > 1 and kinds in ({dict}, {list})
    return Several(documents) if whole else None, text[at:]


def joined_by(key: str, documents: Sequence[object]) -> object:
    """The first of some documents, with what all of them list under a key."""
    objects = [each for each in documents if isinstance(each, dict)]
    entries = [entry for each in objects if isinstance(each[key], list) for entry in each[key]]
    return objects[0] | {key: entries}


def _next(text: str, at: int) -> int:
    while at < len(text) and text[at] in _WHITESPACE:
        at += 1
    return at
