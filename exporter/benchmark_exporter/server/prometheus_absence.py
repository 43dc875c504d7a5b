"""Which Prometheus has stopped scraping, and since when."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmark_exporter.config import AlertKeeping

USER_AGENT = "Prometheus/"
MAX_SCRAPERS = 32


@dataclass(slots=True, eq=False)
class _Scraper:
    """When it scraped first and last, in seconds of the monotonic clock."""

    first_seconds: float
    last_seconds: float


class PrometheusAbsence:
    """Knows each Prometheus by its name, or its address and version, as scrapes come in.

    A Prometheus that is away for longer than `after_seconds` counts as away, for at most
    `limit_seconds`. It does not if another one began to scrape after its last scrape and has taken
    no other's place: it was upgraded, or its container has a new address. The start of the exporter
    counts as a scrape by one that is not known yet, so that a restart of the exporter hides no
    absence.
    """

    def __init__(
        self, after_seconds: float, limit_seconds: float, monotonic: Callable[[], float]
    ) -> None:
        self.configure(after_seconds, limit_seconds)
        self._monotonic = monotonic
        now = monotonic()
        self._scrapers = {("", ""): _Scraper(now, now)}
        self._last_seconds = now
        self.has_been_scraped = False

    def configure(self, after_seconds: float, limit_seconds: float) -> None:
        """Takes a Prometheus for away after, and for, other times from now on."""
        self._after_seconds = after_seconds
        self._limit_seconds = limit_seconds

    def note_scrape(self, address: str, name: str, user_agent: str) -> None:
        """Notes a scrape of what alerts depend on; whoever is not a Prometheus is ignored.

        Those that state the same name, not empty, are one: none is away while one of them scrapes.
        """
        if not user_agent.startswith(USER_AGENT):
            return
        now = self._monotonic()
        key = (name, "") if name else (address, user_agent)
        if key not in self._scrapers and len(self._scrapers) >= MAX_SCRAPERS:
            # Anybody may pretend to be many: who began last is the first to be forgotten.
            self._drop_old(now)
            while len(self._scrapers) >= MAX_SCRAPERS:
                del self._scrapers[max(self._scrapers, key=self._first_seconds)]
        scraper = self._scrapers.setdefault(key, _Scraper(now, now))
        scraper.last_seconds = self._last_seconds = now
        self.has_been_scraped = True

    def seconds(self) -> float | None:
        """For how long a Prometheus has been away, the shortest time of several; None: none is."""
        now = self._monotonic()
        self._drop_old(now)
        by_last = sorted(self._scrapers.values(), key=lambda each: each.last_seconds, reverse=True)
        successors = sorted(by_last, key=lambda each: each.first_seconds)
        for scraper in by_last:
            if not self._is_away(scraper, now):
                continue
            successor = next(
                (
                    each
                    for each in successors
                    if each is not scraper and each.first_seconds >= scraper.last_seconds
                ),
                None,
            )
            if successor is None:
                return now - scraper.last_seconds
            successors.remove(successor)
        return None

    def unscraped_seconds(self) -> float:
        """The time since the last scrape by any Prometheus, or since the start of the exporter."""
        return self._monotonic() - self._last_seconds

    def _drop_old(self, now: float) -> None:
        self._scrapers = {
            key: scraper
            for key, scraper in self._scrapers.items()
            if now - scraper.last_seconds <= self._limit_seconds
        }

    def _first_seconds(self, key: tuple[str, str]) -> float:
        return self._scrapers[key].first_seconds

    def _is_away(self, scraper: _Scraper, now: float) -> bool:
        return now - scraper.last_seconds > self._after_seconds


def absence_by(keeping: AlertKeeping, monotonic: Callable[[], float]) -> PrometheusAbsence:
    """One by the times of config.yaml's `alert_keeping`."""
    return PrometheusAbsence(keeping.after_seconds, keeping.limit_seconds, monotonic)
