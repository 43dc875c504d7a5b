"""What is logged about files."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from benchmark_exporter.ledger import RunShiftRow
from benchmark_exporter.wording import change

log = logging.getLogger(__name__)

# A batch with more news than this logs single lines only for what somebody has to act on.
LOGGED_FILES = 20


class LogLine:
    """What to log about a file: a level of `logging` and a text."""

    __slots__ = ("level", "text")

    def __init__(self, level: int, text: str) -> None:
        self.level = level
        self.text = text


class Lasting(NamedTuple):
    """What became the level with a run, without anybody having accepted it.

    The names of results whose worse level lasted, and an environment shift that lasted.
    """

    names: Sequence[str] = ()
    shift: RunShiftRow | None = None


def lasting(what: Lasting, run_id: str) -> str:
    """What to do about a level that has lasted, for the log; empty if there is none."""
    return "; ".join(filter(None, (_worse(what.names, run_id), _shifted(what.shift))))


def _shifted(shift: RunShiftRow | None) -> str:
    if shift is None:
        return ""
    return (
        f"an environment shift has lasted, and how the results are now is their level: "
        f"{shift.accepted} of {shift.judged} {change(shift.ratio)}; to reject it: "
        "benchmark-exporter baseline set RUN --version NAME with a run from before it"
    )


def _worse(names: Sequence[str], run_id: str) -> str:
    if not names:
        return ""
    return (
        f"{', '.join(names)} stayed worse and is no longer critical; to accept the level: "
        f"benchmark-exporter baseline set {run_id} --version NAME; to reject it: the same with "
        "the run_id of a run before it"
    )


def log_batch(news: Sequence[tuple[str, LogLine]], *, remaining: int) -> None:
    """Logs what became of a batch's files; `remaining` files are still to come."""
    few = len(news) <= LOGGED_FILES
    single = [(name, line) for name, line in news if few or line.level > logging.INFO]
    for name, line in single:
        log.log(line.level, line.text, extra={"fields": {"file": name}})
    if len(single) < len(news):
        fields = {"remaining": remaining}
        log.info(f"ingested {len(news) - len(single):,} files", extra={"fields": fields})
