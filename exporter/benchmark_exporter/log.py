"""Log lines: one event, one line, logfmt or JSON."""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Literal

from benchmark_exporter.wording import printable, printable_json

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


def configure(log_format: LogFormat) -> None:
    """Sends all log records to standard error in the given format."""
    handler = logging.StreamHandler()
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
