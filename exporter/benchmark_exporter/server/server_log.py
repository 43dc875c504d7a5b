"""What aiohttp logs of requests: what clients cause is one line without a traceback."""

import logging

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

MAX_REASON_CHARACTERS = 200
_OF_CLIENTS = (HttpProcessingError, web.RequestPayloadError, ConnectionError)


class _ClientErrors(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, _OF_CLIENTS):
            reason = str(getattr(error, "message", error)).strip().partition("\n")[0]
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.msg, record.args, record.exc_info = "a malformed request was refused", (), None
            record.fields = {"reason": reason[:MAX_REASON_CHARACTERS]}
        return True


_CLIENT_ERRORS = _ClientErrors()


def server_log() -> logging.Logger:
    """The logger to give to aiohttp."""
    logger = logging.getLogger("aiohttp.server")
    logger.addFilter(_CLIENT_ERRORS)  # once, however often
    return logger
