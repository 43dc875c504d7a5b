"""`watch` on a terminal: what runs now in a table at the bottom, and past events above it."""

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from benchmark_exporter.commands.event_lines import Line, facts, progress_text
from benchmark_exporter.commands.screen import Trail
from benchmark_exporter.stream.messages import UNFINISHED, Progress
from benchmark_exporter.wording import printable

REFRESHES_A_SECOND = 8
MAX_RUNS = 20
BAR_WIDTH = 24


class TerminalScreen:
    """Shows events on a console within its `with` block. Messages are text, never markup."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._runs: dict[str, tuple[Progress, Trail]] = {}
        self._live = Live(
            console=console,
            refresh_per_second=REFRESHES_A_SECOND,
            get_renderable=self._table,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def line(self, at: datetime, line: Line) -> None:
        """Prints an event above the table."""
        self._console.print(
            Text.assemble(
                (f"{at.astimezone():%H:%M:%S} ", "dim"), (printable(line.text), line.style)
            )
        )

    def progress(self, at: datetime, progress: Progress) -> None:
        """Updates a run in the table, or prints its end."""
        before, trail = self._runs.get(progress.run_id, (None, Trail()))
        if progress.execution_time_ms is not None and (
            before is None or before.iteration != progress.iteration
        ):
            trail.add(progress.execution_time_ms)
        if progress.status in UNFINISHED:
            self._runs[progress.run_id] = (progress, trail)
            return
        self._runs.pop(progress.run_id, None)
        style = "green" if progress.status == "completed" else "red"
        self.line(at, Line(progress_text(progress, "ended"), style))

    def running(self, running: Sequence[Progress]) -> None:
        """Replaces the runs of the table; those that were in it keep their trail."""
        self._runs = {
            progress.run_id: self._runs.get(progress.run_id, (progress, Trail()))
            for progress in running
        }

    def _table(self) -> Table:
        table = Table(box=None, expand=True, show_header=bool(self._runs), header_style="dim")
        table.add_column(
            "Running" if self._runs else "", ratio=1, overflow="ellipsis", no_wrap=True
        )
        for heading in ("Progress", "Last iterations", "Newest"):
            table.add_column(heading, no_wrap=True)
        if not self._runs:
            table.add_row(Text("nothing is running; Ctrl-C quits", "dim"))
        for progress, trail in list(self._runs.values())[-MAX_RUNS:]:
            name = Text(printable(progress.benchmark), "bold")
            if progress.status == "silent":
                name.append("  silent for a minute", "yellow")
            total = progress.iterations
            bar = (
                ProgressBar(total, min(progress.iteration or 0, total), width=BAR_WIDTH)
                if total
                else Text(printable(progress.phase or ""))
            )
            table.add_row(name, bar, Text(str(trail), "cyan"), Text(facts(progress)))
        return table
