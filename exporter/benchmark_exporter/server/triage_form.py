"""Tokens of the confirmation page's form, so that only this page can have it sent.

A page of somebody else can have a browser send a form, but cannot read this page, so it knows no
token. A token is for one page's query and holds for an hour or two.
"""

import hashlib
import hmac
import secrets

PERIOD_SECONDS = 3600.0


class FormTokens:
    """Makes tokens and knows them again. They do not outlive the process."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def make(self, query: str, now: float) -> str:
        """The token of a page with this query at a time (seconds)."""
        return self._digest(query, int(now // PERIOD_SECONDS))

    def knows(self, token: str, query: str, now: float) -> bool:
        """Whether a token was made for this query, in this period or the one before."""
        period = int(now // PERIOD_SECONDS)
        sent = token.encode("utf-8", "surrogateescape")
        known = [self._digest(query, each).encode() for each in (period, period - 1)]
        return sum(hmac.compare_digest(sent, each) for each in known) > 0

    def _digest(self, query: str, period: int) -> str:
        text = f"{period}\n{query}".encode("utf-8", "surrogateescape")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()
