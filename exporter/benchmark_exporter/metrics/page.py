"""The lines that a scrape shows, kept by what they belong to, so that few are rendered again."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.metrics.exposition import Block
from benchmark_exporter.metrics.lines import Group, GroupLines, Layout, differing, owner_of
from benchmark_exporter.metrics.series_text import SeriesText
from benchmark_exporter.metrics.sorted_lines import Entry, SortedLines

_NO_LINES = GroupLines()
# The lines of so many groups are gathered as they are, more as text.
_GROUPS = 1000


class Page:
    """The lines of all groups, in blocks that are immutable and replaced where they change.

    `series` counts those of all groups, `left_out` has the groups whose lines are not in a block.
    """

    def __init__(self, layout: Layout, text: SeriesText) -> None:
        self._text = text
        self.blocks: Mapping[Block, SortedLines] = {
            block: SortedLines(seldom_read=block[0] == "distributions") for block in layout.blocks
        }
        self.groups: dict[Group, GroupLines] = {}
        self.left_out: Collection[Group] = frozenset()
        self.series: dict[Part, int] = {"state": 0, "distributions": 0}
        self._staged: dict[Group, GroupLines | None] = {}
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
            if before.histograms == lines.histograms:  # those in the blocks
                lines = lines._replace(histograms=before.histograms)
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
        self.left_out = left_out
        removed, added = self._differences()
        # Their names only: the lists of entries, which `take` extends, must not be kept for longer.
        blocks = dict.fromkeys((*removed.found, *added.found))
        changed = {
            block: self.blocks[block].changed(removed.take(block), added.take(block))
            for block in blocks
        }
        self._changed.clear()
        if changed:
            self.blocks = {**self.blocks, **changed}

    def _differences(self) -> tuple["_Gathered", "_Gathered"]:
        """What has to be removed from the blocks, and what has to be added."""
        removed, added = _Gathered(), _Gathered()
        for number, (group, before) in enumerate(self._changed.items()):
            if number % _GROUPS == _GROUPS - 1:
                removed.fold()
                added.fold()
            now = _NO_LINES if group in self.left_out else self.groups.get(group, _NO_LINES)
            owner = self._text.escaped(owner_of(group))
            if before.slots is now.slots:  # as most of the time
                for block, old, new in differing(before, now, owner):
                    removed.add(block, old)
                    added.add(block, new)
                continue
            for block, old in before.entries(owner) if before.slots else ():
                removed.add(block, old)
            for block, new in now.entries(owner):
                added.add(block, new)
        return removed, added


class _Gathered:
    """Entries by their blocks. Of many, each block's are there only when they are taken.

    So the memory of all of them together is never needed.
    """

    def __init__(self) -> None:
        self.found: dict[Block, list[Entry]] = {}
        self._folded: defaultdict[Block, list[bytes]] = defaultdict(list)

    def add(self, block: Block, entry: Entry) -> None:
        """Adds an entry, which is a line if others of its block are."""
        self.found.setdefault(block, []).append(entry)

    def fold(self) -> None:
        """Keeps the lines that were added as text until they are taken."""
        for block, entries in self.found.items():
            lines = [entry for entry in entries if isinstance(entry, str)]
            if lines:
                self._folded[block].append("\n".join(lines).encode())
                entries.clear()

    def take(self, block: Block) -> list[Entry]:
        """The entries of a block; they are kept no longer."""
        entries = self.found.pop(block, [])
        for text in self._folded.pop(block, ()):
            entries += text.decode().split("\n")
        return entries
