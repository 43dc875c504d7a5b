"""Waiting until the exporter, which reads config.yaml by itself, has read it as it is now."""

import json
import time
import urllib.request

from stack.settings import StackError

# The exporter checks the file every second, and reads one that has not changed for a second.
CHECKED_SECONDS = 15.0
POLL_SECONDS = 0.2
ANSWER_SECONDS = 3.0


def await_exporter_settings(
    status_url: str, since_seconds: float, timeout_seconds: float = CHECKED_SECONDS
) -> None:
    """Wait until the file of a time (seconds since 1970) is in effect.

    `status_url` is the address of the exporter's status.

    Raises:
        StackError: the exporter refuses the file, or does not answer.
    """
    deadline = time.monotonic() + timeout_seconds
    reason = "it has not read its settings again"
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(status_url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310  # ours
                status = json.load(answer)
        except (OSError, ValueError) as error:
            reason = str(error)
        else:
            if status["config_checked_timestamp_seconds"] >= since_seconds:
                if status["config_failure"] is not None:
                    raise StackError(f"exporter keeps its old settings: {status['config_failure']}")
                return
        time.sleep(POLL_SECONDS)
    raise StackError(f"exporter does not answer ({reason}); `make up` starts the stack")
