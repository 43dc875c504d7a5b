"""What is passed over in the results folder for its name. It is logged once."""

import logging
import os

from benchmark_exporter.wording import printable_name

log = logging.getLogger(__name__)

# Further names are not remembered, and not logged.
MAX_NAMES = 1000
NAMES_LOGGED = 5
# What the exporter's client and `run` write, which is read by the stream; and files of systems.
_OTHERS = (".jsonl", ".part", ".tmp", "~", "desktop.ini", "Thumbs.db", ".md")


class PassedOver:
    """The names that scans of a folder have passed over; `prefix` is its path and a slash."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._known: set[str] = set()
        self._new: list[str] = []

    def add(self, entry: os.DirEntry[str]) -> None:
        """Notes an entry, unless it was before or nobody could take it for a result."""
        path = entry.path[len(self._prefix) :]
        if (
            path in self._known
            or len(self._known) >= MAX_NAMES
            or entry.name.endswith(_OTHERS)
            or not self._may_hold_results(entry)
        ):
            return
        self._known.add(path)
        self._new.append(path)

    def log(self) -> None:
        """Logs the names that are new since the last time."""
        if not self._new:
            return
        names, self._new = self._new, []
        more = len(names) - NAMES_LOGGED
        shown = ", ".join(map(printable_name, names[:NAMES_LOGGED]))
        log.info(
            "not read: the names of result files end in .json or .json.gz, and neither they nor "
            "their folders begin with a dot",
            extra={"fields": {"names": f"{shown} and {more} more" if more > 0 else shown}},
        )

    def _may_hold_results(self, entry: os.DirEntry[str]) -> bool:
        """Whether it is a folder, or a file that is not written under a temporary name."""
        if not entry.name.startswith("."):
            return True
        try:
            return entry.is_dir(follow_symlinks=False)
        except OSError:
            return False
