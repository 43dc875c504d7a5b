"""`POST /api/v1/alerts`: Alertmanager's webhook."""

import logging
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from aiohttp import web

from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.model import Notification
from benchmark_exporter.server.bodies import ALERTS_BYTES, Bodies, BodyShare
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.publishing import Publisher
from benchmark_exporter.server.refusal import Refused
from benchmark_exporter.server.requests_at_once import refusal_response
from benchmark_exporter.server.worker import Worker

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
# Alertmanager is near, and retries.
TIMEOUT_SECONDS = 10.0


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
        self._bodies = Bodies(
            BodyShare(ALERTS_BYTES),
            MAX_MESSAGE_BYTES,
            TIMEOUT_SECONDS,
            size_limit=f"{MAX_MESSAGE_BYTES} bytes",
            time_limit=f"{TIMEOUT_SECONDS:g} s",
        )

    async def handle(self, request: web.Request) -> web.Response:
        """Answers 200 once the alerts are counted, and 503 if Alertmanager has to retry."""
        try:
            async with self._bodies.received(request) as body:
                return await self._count(body)
        except Refused as refused:
            return refusal_response(refused)

    async def _count(self, body: bytes) -> web.Response:
        try:
            message = msgspec.json.decode(body, type=AlertmanagerMessage)
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
                extra={"repeats": "alerts", "fields": {"reason": error}},
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
