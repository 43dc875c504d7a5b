"""Waiting until the exporter, which reads config.yaml by itself, has read it as it is now."""

import time
from collections.abc import Callable
from typing import Any

from stack.settings import StackError

# The exporter checks the file every second, and reads one that has not changed for a second.
CHECKED_SECONDS = 15.0
POLL_SECONDS = 0.2


def await_exporter_settings(
    read_status: Callable[[], Any], since_seconds: float, timeout_seconds: float = CHECKED_SECONDS
) -> None:
    """Wait until the file of a time (seconds since 1970) is in effect.

    `read_status` gives the exporter's status, or raises OSError or ValueError where it cannot.

    Raises:
        StackError: the exporter refuses the file, or does not answer.
    """
    deadline = time.monotonic() + timeout_seconds
    reason = "it has not read its settings again"
    while time.monotonic() < deadline:
        try:
            status = read_status()
        except (OSError, ValueError) as error:
            reason = str(error)
        else:
            if status["config_checked_timestamp_seconds"] >= since_seconds:
                if status["config_failure"] is not None:
                    raise StackError(f"exporter keeps its old settings: {status['config_failure']}")
                return
        time.sleep(POLL_SECONDS)
    raise StackError(f"exporter does not answer ({reason}); `make up` starts the stack")
