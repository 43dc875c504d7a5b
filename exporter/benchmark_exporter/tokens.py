"""Bearer tokens in a file: one a line, after a name or without; `#` begins a comment line."""

import hashlib
import hmac
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)

MIN_TOKEN_CHARACTERS = 16


class TokensError(Exception):
    """A file of tokens cannot be used; the message names the file and why, without any secret."""


@dataclass(frozen=True, slots=True)
class Token:
    """A secret that admits its bearer, and the bearer's name in the log."""

    name: str
    secret: str = field(repr=False)


def parse_tokens(text: str) -> tuple[list[Token], list[str]]:
    """The tokens in a file's text, and what is wrong with its other lines, without any secret."""
    tokens, mistakes = [], []
    for number, line in enumerate(text.splitlines(), 1):
        *names, secret = line.split() or [""]
        if not secret or line.lstrip().startswith("#"):
            continue
        if len(names) > 1:
            mistakes.append(
                f"line {number} has {len(names) + 1} words; "
                "it must have a token, or a name and a token"
            )
        elif len(secret) < MIN_TOKEN_CHARACTERS or not secret.isascii() or not secret.isprintable():
            mistakes.append(
                f"line {number}: a token has at least {MIN_TOKEN_CHARACTERS} characters, "
                "all of them ASCII"
            )
        else:
            tokens.append(Token(names[0] if names else f"line {number}", secret))
    return tokens, mistakes


def bearer(tokens: Iterable[Token], secret: str) -> Token | None:
    """The token with this secret, None if there is none.

    All are compared, each in constant time, so that the time it takes reveals nothing.
    """
    digest = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
    found = None
    for token in tokens:
        if hmac.compare_digest(hashlib.sha256(token.secret.encode()).digest(), digest):
            found = token
    return found


def require_token(path: Path) -> None:
    """Checks a file that must have a token.

    Raises:
        TokensError: it cannot be read, a line of it is not a token, or it has none.
    """
    try:
        tokens, mistakes = parse_tokens(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise TokensError(f"{path}: cannot be read: {reason}") from error
    if mistakes:
        raise TokensError(f"{path}: {mistakes[0]}")
    if not tokens:
        raise TokensError(f"{path}: there is no token in this file")


class TokenFile:
    """A file of tokens that may change or disappear at any time.

    A line that is not a token is logged, once per change, and admits nobody.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._signature: tuple[int, ...] | None = None
        self._tokens: Sequence[Token] = ()

    def read(self) -> Sequence[Token]:
        """The tokens that are in the file now; none if it is missing or cannot be read."""
        try:
            status = self.path.stat()
            signature = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            if signature != self._signature:
                self._tokens, mistakes = parse_tokens(self.path.read_text(encoding="utf-8"))
                self._signature = signature
                for mistake in mistakes:
                    log.warning(
                        "a line of the token file is not a token",
                        extra={"fields": {"file": self.path, "reason": mistake}},
                    )
        except FileNotFoundError:
            self._clear(None)
        except (OSError, UnicodeDecodeError) as error:
            self._clear(error)
        return self._tokens

    def _clear(self, error: Exception | None) -> None:
        if error is not None and self._signature != ():
            log.error(
                "the token file cannot be read, so nobody is admitted",
                extra={"fields": {"file": self.path, "reason": error}},
            )
        self._signature, self._tokens = None if error is None else (), ()


def token_file(path: Path | None) -> TokenFile | None:
    """The file of tokens at a path, None if no path is given."""
    return None if path is None else TokenFile(path)
