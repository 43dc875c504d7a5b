"""Why an upload or a delivery is not accepted."""

from collections.abc import Mapping

import msgspec

RETRY_AFTER_SECONDS = 5


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of the answer. `json_path` is empty unless the reason is in the document."""

    reason: str
    detail: str
    json_path: str = ""


class Refused(Exception):
    """A request that is not accepted: the answer's status, headers and body."""

    def __init__(
        self, status: int, refusal: Refusal, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{refusal.reason}: {refusal.detail}")
        self.status = status
        self.refusal = refusal
        self.headers = headers or {}


def unavailable(why: str) -> Refused:
    """The refusal of what can be accepted later."""
    return Refused(
        503,
        Refusal("unavailable", f"{why}; retry later"),
        {"Retry-After": str(RETRY_AFTER_SECONDS)},
    )
