"""What is logged about a file."""

from collections.abc import Sequence


class LogLine:
    """What to log about a file: a level of `logging` and a text."""

    __slots__ = ("level", "text")

    def __init__(self, level: int, text: str) -> None:
        self.level = level
        self.text = text


def lasting(names: Sequence[str], run_id: str) -> str:
    """What to do about a worse level that has lasted, for the log."""
    return (
        f"{', '.join(names)} stayed worse and is no longer critical; to accept the level: "
        f"benchmark-exporter baseline set {run_id} --version NAME; to reject it: the same with "
        "the run_id of a run before it"
    )
