"""A row of an alert as it was last received."""

from typing import Literal

import msgspec

from benchmark_exporter.model import Notification


class ReceivedNotification(msgspec.Struct, frozen=True):
    """An alert as it was last received, when, and since when it has had this status.

    `known` says that the stack has a rule for it. `missing_seconds` is since when Alertmanager has
    not had it although nothing said that it ended, as after a restart of both; None if it has it,
    or was not asked.
    """

    notification: Notification
    received_seconds: float
    since_seconds: float
    known: bool
    missing_seconds: float | None = None

    @property
    def fires(self) -> bool:
        """Whether it is not resolved, as far as is known."""
        return self.notification.status == "firing"

    @property
    def status(self) -> Literal["firing", "missing", "resolved"]:
        """What is said of it; missing: it fired, and may have ended."""
        if not self.fires:
            return "resolved"
        return "firing" if self.missing_seconds is None else "missing"


class Unheard(msgspec.Struct, frozen=True):
    """What is known of an alert that fires, without a message about it.

    `received_seconds` identifies the message that it is about. Either `has_ended`, or
    `missing_seconds` is as above.
    """

    fingerprint: str
    received_seconds: float
    missing_seconds: float | None
    has_ended: bool = False
