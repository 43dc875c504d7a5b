"""Log lines: one event, one line, logfmt or JSON. What strangers can repeat is limited."""

import json
import logging
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from benchmark_exporter.wording import printable, printable_json

# A record of these loggers is limited as if it named what repeats: they log what clients do.
_LOGGERS_OF_SERVERS = ("aiohttp.", "asyncio")
REPEAT_SECONDS = 60.0
# More kinds of lines than this count as one: their number must not be up to strangers either.
MAX_REPEATED_KINDS = 200

# Printed without quotes: no space, and none of " = \
_PLAIN = re.compile(r'[^ "=\\]+')
_SURROGATE = re.compile("[\ud800-\udfff]")
LogFormat = Literal["logfmt", "json"]
_to_json = json.JSONEncoder(
    ensure_ascii=False
).encode  # json.dumps would create an encoder for each line


class _Formatter(logging.Formatter):
    def _pairs(self, record: logging.LogRecord) -> dict[str, str]:
        pairs = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            pairs["exception"] = self.formatException(record.exc_info)
        return pairs


class _Logfmt(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return " ".join(
            f"{key}={_quoted(str(value))}" for key, value in self._pairs(record).items()
        )


class _Json(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _json({key: _text(str(value)) for key, value in self._pairs(record).items()})


class Repeats(logging.Filter):
    """Lets one line a minute pass of each kind that strangers can repeat.

    Such a record names its kind as `repeats`. The next line of the kind says as `left_out` how many
    were left out before it.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        # When the last line of each kind passed, and how many were left out since.
        self._passed: dict[object, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record passes."""
        kind = _repeated_kind(record)
        if kind is None:
            return True
        with self._lock:
            now = self._monotonic()
            if kind not in self._passed and len(self._passed) >= MAX_REPEATED_KINDS:
                self._discard_old(now)
                if len(self._passed) >= MAX_REPEATED_KINDS:
                    kind = "any other"
            passed, left_out = self._passed.get(kind, (float("-inf"), 0))
            if now - passed < REPEAT_SECONDS:
                self._passed[kind] = passed, left_out + 1
                return False
            self._passed[kind] = now, 0
        if left_out:
            record.fields = {**getattr(record, "fields", {}), "left_out": left_out}
        return True

    def _discard_old(self, now: float) -> None:
        self._passed = {
            kind: (passed, left_out)
            for kind, (passed, left_out) in self._passed.items()
            if now - passed < REPEAT_SECONDS
        }


def _repeated_kind(record: logging.LogRecord) -> object:
    """What a record repeats; None if it always passes."""
    if record.name.startswith(_LOGGERS_OF_SERVERS):
        return record.name, record.msg
    kind: object = getattr(record, "repeats", None)
    return kind


def configure(log_format: LogFormat) -> None:
    """Sends log records to standard error in the given format."""
    handler = logging.StreamHandler()
    handler.addFilter(Repeats())
    handler.setFormatter(_Json() if log_format == "json" else _Logfmt())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # No line names its thread or process, and looking those up costs time for each line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def _quoted(value: str) -> str:
    text = _text(value)
    is_plain = _PLAIN.fullmatch(text) and printable(text) == text
    return text if is_plain else _json(text)


def _json(value: object) -> str:
    return printable_json(_to_json(value))


def _text(value: str) -> str:
    r"""A byte that is not UTF-8 becomes `\xff`; everything else is left to the format."""
    return _SURROGATE.sub(lambda match: printable(match[0]), value)
