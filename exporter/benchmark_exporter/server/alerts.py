"""`POST /api/v1/alerts`: Alertmanager's webhook."""

import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from aiohttp import web

from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.notifications import OTHER
from benchmark_exporter.model import Notification
from benchmark_exporter.server.absence_report import ALERTNAME
from benchmark_exporter.server.bodies import ALERTS_BYTES, Bodies, BodyShare
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.publishing import Publisher
from benchmark_exporter.server.refusal import Refused
from benchmark_exporter.server.requests_at_once import refusal_response
from benchmark_exporter.server.worker import Worker

log = logging.getLogger(__name__)

# Of one message. Those beyond are only counted.
MAX_ALERTS = 1000
MAX_LABEL_CHARACTERS, MAX_SUMMARY_CHARACTERS = 500, 2000
# Of an alert's labels and annotations, each. Ours need some hundred.
MAX_TEXTS_CHARACTERS = 4000
WARN_SECONDS = 60.0
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
    """Counts the alerts of webhook messages in the ledger.

    `known` are the names of alerts that the stack has rules for. `wake` has the ingest loop run.
    """

    def __init__(
        self,
        opened: OpenLedger,
        publisher: Publisher,
        worker: Worker,
        known: Collection[str],
        *,
        note_error: Callable[[Exception], None],
        wake: Callable[[], None],
    ) -> None:
        self._opened = opened
        self._publisher = publisher
        self._worker = worker
        self._known = known
        self._warned_seconds = -math.inf
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
        if request.content_type != "application/json":
            # A page can send any other type without asking the browser's leave.
            raise web.HTTPUnsupportedMediaType(text="send JSON, with its Content-Type\n")
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
            nameless = await self._worker.run(self._receive_by_worker, message.alerts)
        except LedgerError as error:
            self._note_error(error)
            log.error(
                "alerts could not be counted; Alertmanager will retry",
                extra={"repeats": "alerts", "fields": {"reason": error}},
            )
            raise web.HTTPServiceUnavailable(text=f"{error}\n") from error
        if nameless:
            self._warn(nameless)
        # A new counter is held at 0 for a while, so the ingest loop may have to wake earlier.
        self._wake()
        return web.Response(text="ok\n")

    def _receive_by_worker(self, alerts: Sequence[Alert]) -> int:
        notifications = [_notification(alert) for alert in alerts[:MAX_ALERTS]]
        others: Counter[str] = Counter(alert.status for alert in alerts[MAX_ALERTS:])
        return self._opened.ingest.receive(notifications, self._known, others)

    def _warn(self, nameless: int) -> None:
        """Logs once in WARN_SECONDS that there are too many names."""
        now = time.monotonic()
        if now < self._warned_seconds + WARN_SECONDS:
            return
        self._warned_seconds = now
        log.warning(
            "alerts have too many different names, so some are counted without",
            extra={"fields": {"counted_as": OTHER, "alerts": nameless}},
        )


def known_alerts(runbooks_dir: Path | None) -> Collection[str]:
    """The names of the stack's own alerts: each has a runbook. Two are always known."""
    pages = () if runbooks_dir is None else runbooks_dir.glob("*.md")
    return frozenset({"Watchdog", ALERTNAME, *(page.stem for page in pages)})


def _notification(alert: Alert) -> Notification:
    def label(name: str, default: str = "") -> str:
        return alert.labels.get(name, default)[:MAX_LABEL_CHARACTERS]

    texts = alert.labels, alert.annotations
    is_kept = all(_characters(each) <= MAX_TEXTS_CHARACTERS for each in texts)
    return Notification(
        fingerprint=alert.fingerprint[:MAX_LABEL_CHARACTERS],
        alertname=label("alertname"),
        benchmark=label("benchmark_name"),
        project=label("project"),
        environment=label("environment"),
        machine_class=label("machine_class"),
        branch=label("branch"),
        severity=label("severity", "none"),
        status=alert.status,
        summary=alert.annotations.get("summary", "")[:MAX_SUMMARY_CHARACTERS],
        labels=alert.labels if is_kept else {},
        annotations=alert.annotations if is_kept else {},
    )


def _characters(texts: Mapping[str, str]) -> int:
    return sum(len(name) + len(text) for name, text in texts.items())
