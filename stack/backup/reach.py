"""What the running parts answer."""

import json
import urllib.parse
from typing import Any

from stack import internal
from stack.settings import Part, Settings

ANSWER_SECONDS = 30.0


def ask(part: Part, settings: Settings, path: str, **parameters: str) -> bytes:
    """What a part answers to a GET.

    Raises:
        OSError: it does not answer, or refuses.
    """
    query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
    return internal.request(part, settings, f"{path}{query}", timeout_seconds=ANSWER_SECONDS)


def ask_json(part: Part, settings: Settings, path: str, **parameters: str) -> Any:
    """Likewise, decoded.

    Raises:
        OSError: it does not answer, or not with JSON.
    """
    try:
        return json.loads(ask(part, settings, path, **parameters))
    except ValueError as error:
        raise OSError(f"{part.name} does not answer with JSON: {error}") from error
