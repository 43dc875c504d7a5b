"""The lines that a scrape shows, kept by what they belong to, so that few are rendered again."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.metrics.exposition import Block
from benchmark_exporter.metrics.lines import Group, GroupLines, Layout
from benchmark_exporter.metrics.sorted_lines import Entry, SortedLines

_NO_LINES = GroupLines()


class Page:
    """The lines of all groups, in blocks that are immutable and replaced where they change.

    `series` counts those of all groups, `left_out` has the groups whose lines are not in a block.
    """

    def __init__(self, layout: Layout) -> None:
        self.blocks: Mapping[Block, SortedLines] = dict.fromkeys(layout.blocks, SortedLines())
        self.groups: dict[Group, GroupLines] = {}
        self.left_out: Collection[Group] = frozenset()
        self.series: dict[Part, int] = {"state": 0, "distributions": 0}
        self._staged: dict[Group, GroupLines | None] = {}
        # Most groups of a kind have lines in the same blocks.
        self._shapes: dict[tuple[Block, ...], tuple[Block, ...]] = {}
        self._changed: dict[Group, GroupLines] = {}  # what the blocks have of groups that differ

    def replace(self, group: Group, lines: GroupLines | None) -> None:
        """Will have other lines in place of those of a group; None: it has gone.

        `take` does that, and `discard` forgets it. `show` brings it into the blocks.
        """
        if lines != self.groups.get(group):
            self._staged[group] = lines
        else:
            self._staged.pop(group, None)

    def discard(self) -> None:
        """Leaves all lines as they were at the last `take`."""
        self._staged.clear()

    def take(self) -> None:
        """Replaces what is to be replaced."""
        for group, lines in self._staged.items():
            self._take(group, lines)
        self._staged.clear()

    def _take(self, group: Group, lines: GroupLines | None) -> None:
        before = self.groups.get(group, _NO_LINES)
        if lines is None:
            self.groups.pop(group, None)
            lines = _NO_LINES
        else:
            lines = lines._replace(blocks=self._shapes.setdefault(lines.blocks, lines.blocks))
            self.groups[group] = lines
        self._changed.setdefault(group, _NO_LINES if group in self.left_out else before)
        self.series["state"] += lines.state_series - before.state_series
        self.series["distributions"] += lines.distributions_series - before.distributions_series

    def show(self, left_out: Collection[Group]) -> None:
        """Brings what was replaced into the blocks, without the groups that are left out."""
        if left_out or self.left_out:
            for group in set(left_out) ^ set(self.left_out):
                known = self.groups.get(group, _NO_LINES)
                self._changed.setdefault(group, _NO_LINES if group in self.left_out else known)
        removed: defaultdict[Block, list[Entry]] = defaultdict(list)
        added: defaultdict[Block, list[Entry]] = defaultdict(list)
        for group, before in self._changed.items():
            now = _NO_LINES if group in left_out else self.groups.get(group, _NO_LINES)
            if before.blocks == now.blocks:  # as most of the time
                for block, old, new in zip(now.blocks, before.entries, now.entries, strict=True):
                    if old != new:
                        removed[block].append(old)
                        added[block].append(new)
                continue
            for block, old in zip(before.blocks, before.entries, strict=True):
                removed[block].append(old)
            for block, new in zip(now.blocks, now.entries, strict=True):
                added[block].append(new)
        self._changed.clear()
        self.left_out = left_out
        changed = {
            block: self.blocks[block].changed(removed[block], added[block])
            for block in removed.keys() | added.keys()
        }
        if changed:
            self.blocks = {**self.blocks, **changed}
