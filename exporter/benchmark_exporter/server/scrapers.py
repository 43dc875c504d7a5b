"""Who scrapes, and which confirmed regressions they have had time to report.

A scrape alone reports nothing: a rule has to be evaluated, and Alertmanager has to wait for
group_wait, or for group_interval if it has just notified of the same group. An alert that ends
before that is never sent.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aiohttp import web

from benchmark_exporter.ledger.delivery import DELIVERY_MAX_AGE_SECONDS
from benchmark_exporter.ledger.reports import Alarm
from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.metrics.holding import AWAITED_SECONDS
from benchmark_exporter.metrics.live import LastScrapes
from benchmark_exporter.server.credential import FORWARDED_HEADER, PROXY_HEADER

USER_AGENT = "Prometheus/"
# Other programs that scrape as Prometheus does send it too. People's tools do not.
TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
# The parameter of a scrape with the name of those that count as one.
NAME_PARAMETER = "scraper"
MAX_NAME_CHARACTERS = 64
# Anybody may pretend to be a Prometheus, from any number of addresses.
MAX_SCRAPERS = 32
LEAST_SCRAPES = 2
# How old the stored time of a scraper may become.
SEEN_RESOLUTION_SECONDS = 3600.0


def is_scraper(headers: Mapping[str, str]) -> bool:
    """Whether a request is a scrape of a Prometheus, by its headers."""
    return headers.get("User-Agent", "").startswith(USER_AGENT) or TIMEOUT_HEADER in headers


def scraper_of(request: web.Request) -> tuple[str, str]:
    """The address that a scrape comes from, and the name that it states, empty if it states none.

    Prometheus servers that state the same name have the same rules and send to the same
    Alertmanagers. They count as one, since it suffices that one of them lives. What comes by the
    proxy has no name.
    """
    is_direct = PROXY_HEADER not in request.headers and FORWARDED_HEADER not in request.headers
    name = request.query.get(NAME_PARAMETER, "") if is_direct else ""
    return request.remote or "", f"name {name[:MAX_NAME_CHARACTERS]}" if name else ""


@dataclass(slots=True)
class _Progress:
    """The scrapes of one regression by one Prometheus."""

    first_seconds: float
    scrapes: int = 1


class Scrapers:
    """Every Prometheus that has scraped within the last day, and what it has seen.

    It belongs to the event loop. A regression counts as reported to a Prometheus once that has
    scraped it LEAST_SCRAPES times, over `least_seconds`. Nothing counts before `load`, nor for a
    day after one had no place among MAX_SCRAPERS: it could be the only real one.
    """

    def __init__(self, least_seconds: float) -> None:
        self.configure(least_seconds)
        self._seen: dict[str, float] = {}
        self._stored: dict[str, float] | None = None
        # By the monotonic clock: a clock that is set back must not make the day longer.
        self._turned_away_seconds = -math.inf
        self._progress: dict[Alarm, dict[str, _Progress]] = {}
        self._reported: set[Alarm] = set()
        self._last: dict[Part, dict[str, float]] = {}
        # A new mapping after each scrape, since the ledger's thread reads it.
        self.last_scrapes: LastScrapes = {}

    def configure(self, least_seconds: float) -> None:
        """Has regressions shown for so long from now on."""
        self._least_seconds = least_seconds

    def load(self, stored: Mapping[str, float], now: float) -> None:
        """Adds what the ledger knows, by address. Times are in seconds since 1970.

        A time in the future was stored before the clock was set back.
        """
        self._stored = dict(stored)
        self._seen = {each: min(seen, now) for each, seen in stored.items()} | self._seen
        # What is ingested from now on is held for those that scraped until lately.
        for address, seen in self._seen.items():
            if seen > now - SEEN_RESOLUTION_SECONDS - AWAITED_SECONDS:
                self.note_parts(address, ["state"], now)

    def note_parts(self, address: str, parts: Iterable[Part], now: float) -> None:
        """Notes that parts were scraped, in seconds since 1970; see `holding`."""
        for part in parts:
            last = self._last.setdefault(part, {})
            if address in last or len(last) < MAX_SCRAPERS:
                last[address] = now
            elif (oldest := min(last, key=last.__getitem__)) and last[
                oldest
            ] < now - AWAITED_SECONDS:
                del last[oldest]
                last[address] = now
        self.last_scrapes = {part: tuple(last.values()) for part, last in self._last.items()}

    @property
    def is_loaded(self) -> bool:
        """Whether `load` was called."""
        return self._stored is not None

    def forget(self, address: str) -> None:
        """Awaits an address no longer: whoever scraped from there has stated a name since."""
        for last in (self._seen, *self._last.values()):
            last.pop(address, None)

    def note_scrape(
        self, address: str, shown: Iterable[Alarm], now: float, monotonic: float
    ) -> bool:
        """Notes a scrape that was answered with these regressions.

        `now` is in seconds since 1970. Returns whether there is something to store.
        """
        if address not in self._seen and len(self._seen) >= MAX_SCRAPERS:
            self._drop_old(now)
            if len(self._seen) >= MAX_SCRAPERS:
                self._turned_away_seconds = monotonic
                return False
        self._seen[address] = now
        shown = set(shown)
        if shown or self._progress:
            self._progress = {alarm: self._progress.get(alarm, {}) for alarm in shown}
        for alarm, by_address in self._progress.items():
            progress = by_address.get(address)
            if progress is None:
                by_address[address] = _Progress(monotonic)
            else:
                progress.scrapes += 1
            if self.is_loaded and self._is_reported(by_address, now, monotonic):
                self._reported.add(alarm)
        return self.is_loaded and (bool(self._reported) or address in self.to_store())

    def _is_reported(
        self, by_address: Mapping[str, _Progress], now: float, monotonic: float
    ) -> bool:
        if self._turned_away_seconds > monotonic - DELIVERY_MAX_AGE_SECONDS:
            return False
        for address, seen in self._seen.items():
            if seen <= now - DELIVERY_MAX_AGE_SECONDS:
                continue
            progress = by_address.get(address)
            if (
                progress is None
                or progress.scrapes < LEAST_SCRAPES
                or monotonic < progress.first_seconds + self._least_seconds
            ):
                return False
        return True

    def to_store(self) -> Mapping[str, float]:
        """The scrapers whose stored time is too old."""
        stored = self._stored or {}
        return {
            address: seen
            for address, seen in self._seen.items()
            if abs(seen - stored.get(address, float("-inf"))) >= SEEN_RESOLUTION_SECONDS
        }

    def note_stored(self, seen: Mapping[str, float]) -> None:
        """Notes that these times were stored."""
        if self._stored is not None:
            self._stored |= seen

    def take_reported(self) -> set[Alarm]:
        """The regressions that were reported since the last call."""
        reported, self._reported = self._reported, set()
        return reported

    def put_back(self, reported: Iterable[Alarm]) -> None:
        """Has regressions taken again that could not be stored."""
        self._reported |= set(reported)

    def _drop_old(self, now: float) -> None:
        self._seen = {
            address: seen
            for address, seen in self._seen.items()
            if seen > now - DELIVERY_MAX_AGE_SECONDS
        }
