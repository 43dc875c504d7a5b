"""Publishes what was ingested, but not each batch of a backlog.

Publishing costs by the subjects that changed: with many benchmarks each batch changes most of them,
and publishing it would take longer than ingesting it. What was not published is in the ledger, and
the next publication shows all of it. A new counter is published at once, since it is held at 0 from
its birth.
"""

from collections.abc import Callable

# While batches follow, publishing takes at most this share of the time, unless nothing has been
# published for so long.
PUBLISHING_SHARE = 0.1
MOST_UNPUBLISHED_SECONDS = 5.0


class BacklogPublishing:
    """When `publish` is called; `monotonic` returns seconds that never go back.

    `commits` counts what was to be published.
    """

    def __init__(self, publish: Callable[[], None], monotonic: Callable[[], float]) -> None:
        self._publish = publish
        self._monotonic = monotonic
        self._published_seconds = float("-inf")
        self._took_seconds = 0.0
        self._is_pending = False
        self.commits = 0

    def publish(self) -> None:
        """Publishes what was committed."""
        self.commits += 1
        self._publish_now()

    def publish_batch(self, *, remaining: int, has_births: bool) -> None:
        """Publishes a batch now or with a later one.

        `remaining` is how many files follow it, `has_births` whether a counter was born with it.
        """
        self.commits += 1
        if remaining and not has_births:
            waited_seconds = self._monotonic() - self._published_seconds
            wanted_seconds = self._took_seconds * (1 / PUBLISHING_SHARE - 1)
            if waited_seconds < min(wanted_seconds, MOST_UNPUBLISHED_SECONDS):
                self._is_pending = True
                return
        self._publish_now()

    def publish_pending(self) -> None:
        """Publishes what was left to a later batch, which did not come."""
        if self._is_pending:
            self._publish_now()

    def _publish_now(self) -> None:
        started = self._monotonic()
        self._publish()
        self._published_seconds = self._monotonic()
        self._took_seconds = self._published_seconds - started
        self._is_pending = False
