"""`POST /api/v1/alerts`: Alertmanager's webhook."""

import logging
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from aiohttp import web

from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.model import Notification
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.publishing import Publisher
from benchmark_exporter.server.worker import Worker

log = logging.getLogger(__name__)


class Alert(msgspec.Struct, frozen=True):
    """One alert of a webhook message, version 4."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str]
    fingerprint: str


class AlertmanagerMessage(msgspec.Struct, frozen=True):
    """The part of a webhook message that is counted."""

    alerts: list[Alert]


class AlertReceiver:
    """Counts the alerts of webhook messages in the ledger. `wake` has the ingest loop run."""

    def __init__(
        self,
        opened: OpenLedger,
        publisher: Publisher,
        worker: Worker,
        *,
        note_error: Callable[[Exception], None],
        wake: Callable[[], None],
    ) -> None:
        self._opened = opened
        self._publisher = publisher
        self._worker = worker
        self._note_error = note_error
        self._wake = wake

    async def handle(self, request: web.Request) -> web.Response:
        """Answers 200 once the alerts are counted, and 503 if Alertmanager has to retry."""
        if request.content_type != "application/json":
            # A page can send any other type without asking the browser's leave.
            raise web.HTTPUnsupportedMediaType(text="send JSON, with its Content-Type\n")
        try:
            message = msgspec.json.decode(await request.read(), type=AlertmanagerMessage)
        except msgspec.DecodeError as error:
            raise web.HTTPBadRequest(
                text=f"not an Alertmanager webhook message, version 4: {error}\n"
            ) from error
        self._publisher.refuse_without_state()
        try:
            await self._worker.run(
                self._receive_by_worker, [_notification(alert) for alert in message.alerts]
            )
        except LedgerError as error:
            self._note_error(error)
            log.error(
                "alerts could not be counted; Alertmanager will retry",
                extra={"fields": {"reason": error}},
            )
            raise web.HTTPServiceUnavailable(text=f"{error}\n") from error
        # A new counter is held at 0 for a while, so the ingest loop may have to wake earlier.
        self._wake()
        return web.Response(text="ok\n")

    def _receive_by_worker(self, notifications: Sequence[Notification]) -> None:
        self._opened.ingest.receive(notifications)


def _notification(alert: Alert) -> Notification:
    label = alert.labels.get
    return Notification(
        fingerprint=alert.fingerprint,
        alertname=label("alertname", ""),
        benchmark=label("benchmark_name", ""),
        project=label("project", ""),
        environment=label("environment", ""),
        machine_class=label("machine_class", ""),
        branch=label("branch", ""),
        severity=label("severity", "none"),
        status=alert.status,
        summary=alert.annotations.get("summary", ""),
    )
