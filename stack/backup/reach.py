"""What the running parts answer."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from stack.settings import Part, Settings

ANSWER_SECONDS = 30.0


def ask(part: Part, settings: Settings, path: str, **parameters: str) -> bytes:
    """What a part answers to a GET.

    Raises:
        OSError: it does not answer, or refuses.
    """
    query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
    url = part.url(settings, f"{path}{query}")
    with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310  # ours
        body: bytes = answer.read()
    return body


def ask_json(part: Part, settings: Settings, path: str, **parameters: str) -> Any:
    """Likewise, decoded.

    Raises:
        OSError: it does not answer, or not with JSON.
    """
    try:
        return json.loads(ask(part, settings, path, **parameters))
    except ValueError as error:
        raise OSError(f"{part.name} does not answer with JSON: {error}") from error
