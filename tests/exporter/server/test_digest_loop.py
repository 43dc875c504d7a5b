"""When the exporter sends the weekly digest, and when it does not."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from benchmark_exporter.alert_texts.language import Language
from benchmark_exporter.digest.schedule import Weekly
from benchmark_exporter.server.alertmanager_api import AlertmanagerApi
from benchmark_exporter.server.digest_loop import (
    CHECK_SECONDS,
    LASTING,
    LONGEST_WAIT,
    RESEND_SECONDS,
    SEARCHED_SECONDS,
    DigestLoop,
    Digests,
)
from tests.rules.endpoints import HttpEndpoint, http_endpoint
from tests.support.documents import result
from tests.support.histories import STEADY
from tests.support.wired import Wired

DUE = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday; the runs are of the day before
MINUTE = timedelta(minutes=1)


@pytest.fixture
def alertmanager() -> Iterator[HttpEndpoint]:
    with http_endpoint() as endpoint:
        yield endpoint


class Loop:
    """The loop with a clock that the test moves."""

    def __init__(self, wired: Wired, url: str, language: Language = "en") -> None:
        self.now, self.is_ready, self._url = DUE, True, url
        digests = Digests(Weekly(0, 9, 0), wired.ledger_path, None, lambda: UTC, lambda: language)
        self._loop = DigestLoop(
            digests, [url], dict, lambda: self.is_ready, lambda: self.now
        )  # fmt: skip

    async def check(self, at: datetime) -> float:
        self.now = at
        async with aiohttp.ClientSession() as session:
            return await self._loop.check(AlertmanagerApi([self._url], session, dict))


def take(wired: Wired, *, searched: bool = True) -> None:
    """Runs that became slower, from the first of March on."""
    for number, level in enumerate([*STEADY, *[1.5] * 12]):
        wired.take(f"{number}.json", result(number, {"parsing": level}))
    while searched and wired.ledger.search_changes(wired.now, lambda: False).due:
        pass


async def test_it_is_sent_when_it_is_due_and_again_with_the_same_text(
    wired: Wired, alertmanager: HttpEndpoint
) -> None:
    take(wired)
    loop = Loop(wired, alertmanager.url)
    assert await loop.check(DUE - MINUTE) == CHECK_SECONDS  # that of a week before is too old
    assert alertmanager.inbox.all() == []
    assert await loop.check(DUE) == RESEND_SECONDS
    assert await loop.check(DUE + LASTING - MINUTE) == RESEND_SECONDS
    assert await loop.check(DUE + LASTING) == CHECK_SECONDS
    first, second = alertmanager.inbox.all()
    assert first == second
    (alert,) = json.loads(json.dumps(first))
    assert alert["labels"] == {
        "alertname": "WeeklyDigest",
        "project": "router",
        "severity": "info",
        "team": "performance-engineering",
        "week": "2026-03-02",
    }
    assert alert["annotations"]["summary"] == (
        "router, 1 worse, 0 better, 1 open, week to 2026-03-02"
    )
    assert ": " not in json.dumps(alert["annotations"]["description"])
    assert datetime.fromisoformat(alert["endsAt"]) == DUE + LASTING


async def test_it_is_in_the_chosen_language(wired: Wired, alertmanager: HttpEndpoint) -> None:
    take(wired)
    assert await Loop(wired, alertmanager.url, "ja").check(DUE) == RESEND_SECONDS
    ((alert,),) = json.loads(json.dumps(alertmanager.inbox.all()))
    assert alert["annotations"]["summary"] == (
        "router、悪化 1 件、改善 0 件、継続中 1 件、2026-03-02 までの 1 週間"
    )
    assert alert["annotations"]["description"].startswith("悪化\n- parsing +")
    assert ": " not in alert["annotations"]["description"]


async def test_it_waits_until_everything_is_ingested_and_all_changes_are_found(
    wired: Wired, alertmanager: HttpEndpoint
) -> None:
    take(wired, searched=False)
    loop = Loop(wired, alertmanager.url)
    loop.is_ready = False
    assert await loop.check(DUE) == SEARCHED_SECONDS
    loop.is_ready = True
    assert await loop.check(DUE + MINUTE) == SEARCHED_SECONDS
    assert alertmanager.inbox.all() == []
    # Where results never end, it is sent in the end.
    assert await loop.check(DUE + MINUTE + LONGEST_WAIT) == RESEND_SECONDS
    assert len(alertmanager.inbox.all()) == 1


async def test_a_week_without_news_sends_nothing(wired: Wired, alertmanager: HttpEndpoint) -> None:
    assert await Loop(wired, alertmanager.url).check(DUE) == RESEND_SECONDS
    assert alertmanager.inbox.all() == []


async def test_an_alertmanager_that_is_away_is_asked_again(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    take(wired)
    with http_endpoint("error") as alertmanager:
        loop = Loop(wired, alertmanager.url)
        assert await loop.check(DUE) == CHECK_SECONDS
        assert await loop.check(DUE + MINUTE) == CHECK_SECONDS
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "the weekly digest was not sent, retrying"
    ] * 2
