"""What the settings of the long-term store and of remote write may be."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

# A header's value and a label's, without what a file or a command line could misread.
NAME = re.compile(r"[A-Za-z0-9_.@|()!*'-]*")
RETENTION = re.compile(r"[1-9][0-9]{0,4}[dwy]")


def _is_endpoint(value: str) -> bool:
    """Whether it is empty, or an http(s) address with a path and without credentials."""
    if not value:
        return True
    try:
        parts = urlsplit(value)
        _ = parts.port  # which may be none that exists
    except ValueError:
        return False
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    # An address is shown on pages and in logs, where a password must not be.
    return is_web and "@" not in parts.netloc and not re.search(r"\s", value)


def _is_one_of(*words: str) -> Callable[[str], object]:
    return lambda value: value in words


# By the names of the settings: what a valid value satisfies, and what it must be in words.
RULES: Mapping[str, tuple[Callable[[str], object], str]] = {
    "LONG_TERM_STORE": (_is_one_of("yes", "no"), "'yes' or 'no'"),
    "LONG_TERM_RETENTION": (RETENTION.fullmatch, "a number of days, weeks or years, like 400d"),
    "REMOTE_WRITE_URL": (
        _is_endpoint,
        "an http(s) URL without a user, like https://mimir.example.org/api/v1/push, or empty",
    ),
    "REMOTE_WRITE_USERNAME REMOTE_WRITE_TENANT REMOTE_WRITE_CLUSTER": (
        NAME.fullmatch,
        "letters, digits and any of _.@|()!*'-, or empty",
    ),
    "REMOTE_WRITE_REPLICA": (_is_one_of("drop", "keep"), "'drop' or 'keep'"),
}
