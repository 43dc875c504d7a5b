"""Live files that are followed without a running exporter."""

from collections.abc import Sequence
from pathlib import Path

from benchmark_exporter.stream.live_folder import LiveFolder
from benchmark_exporter.stream.messages import Progress


class Followed:
    """A results folder whose live files are followed, by a clock that the test moves."""

    def __init__(self, results: Path) -> None:
        self.results = results
        self.now = 0.0
        self.folder = LiveFolder(
            results / "live",
            "strataregula",
            "local",
            monotonic=lambda: self.now,
            clock=lambda: self.written_seconds + self.now,
        )

    @property
    def written_seconds(self) -> float:
        return max((path.stat().st_mtime for path in self.results.glob("live/*")), default=0.0)

    def check(self) -> Sequence[Progress]:
        self.news = self.folder.check(scan=True)
        return [event.progress for event in self.news.events]
