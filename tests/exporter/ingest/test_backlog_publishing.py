"""Publishing while a backlog is ingested: seldom where it is slow, and whole in the end."""

import pytest

from benchmark_exporter.ingest import ingest
from benchmark_exporter.ingest.backlog_publishing import (
    MOST_UNPUBLISHED_SECONDS,
    PUBLISHING_SHARE,
    BacklogPublishing,
)
from tests.support.documents import numbered_run
from tests.support.wired import Wired

BATCHES = 40


class Slow:
    """A publisher that takes a while, and a backlog of batches that take a second each."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = 0.0
        self.published: list[float] = []
        self.publishing = BacklogPublishing(self.publish, lambda: self.now)

    def publish(self) -> None:
        self.published.append(self.now)
        self.now += self.seconds

    def ingest(self, batches: int, *, remaining: int = 1, has_births: bool = False) -> None:
        for _ in range(batches):
            self.now += 1.0
            self.publishing.publish_batch(remaining=remaining, has_births=has_births)


def test_publishing_takes_a_small_share_of_a_backlog() -> None:
    slow = Slow(0.4)
    slow.ingest(BATCHES)
    spent_seconds = len(slow.published) * slow.seconds
    assert len(slow.published) > 2
    assert spent_seconds <= PUBLISHING_SHARE * slow.now + slow.seconds


def test_a_fast_one_publishes_each_batch() -> None:
    slow = Slow(0.1)
    slow.ingest(BATCHES)
    assert len(slow.published) == BATCHES


def test_nothing_waits_for_long_however_slow_publishing_is() -> None:
    slow = Slow(30.0)
    slow.ingest(BATCHES)
    waited = [
        later - earlier - slow.seconds
        for earlier, later in zip(slow.published, slow.published[1:], strict=False)
    ]
    assert waited
    assert max(waited) <= MOST_UNPUBLISHED_SECONDS


def test_a_birth_is_published_at_once() -> None:
    slow = Slow(0.4)
    slow.ingest(BATCHES, has_births=True)
    assert len(slow.published) == BATCHES


def test_the_last_batch_is_published_at_once() -> None:
    slow = Slow(0.4)
    slow.ingest(2)
    slow.ingest(1, remaining=0)
    assert slow.published[-1] == slow.now - slow.seconds


def test_what_was_left_to_a_batch_that_did_not_come_is_published() -> None:
    slow = Slow(0.4)
    slow.ingest(2)
    assert len(slow.published) == 1
    slow.publishing.publish_pending()
    slow.publishing.publish_pending()
    assert len(slow.published) == 2


def test_a_scan_of_many_files_ends_with_all_published(
    wired: Wired, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH_FILES", 2)
    published: list[int] = []

    def publish() -> None:
        published.append(wired.ledger.state().commits)
        wired.now += 0.4

    wired.take("first.json", numbered_run(0))  # its counters are born here
    wired.publish = publish
    for number in range(1, BATCHES):
        wired.drop(f"{number}.json", numbered_run(number))
    before, commits = wired.ingest.publishing.commits, wired.ledger.state().commits
    wired.ingest.scan()
    assert wired.ingest.publishing.commits - before == BATCHES // 2
    assert published[-1] == commits + BATCHES // 2
    assert len(published) < BATCHES // 2
