"""Which of many documents have no sidecar, by listing their folders."""

import os
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress

from benchmark_exporter.ingest.suffixes import without_suffix

# Looking for a sidecar that does not exist costs as much as listing so many names.
PROBE_ENTRIES = 10
# How many folders' sizes are kept in mind.
_KNOWN_FOLDERS = 1000


class SidecarListing:
    """Lists folders where that costs less than looking for the sidecar of each document.

    All paths are relative to the folder that `prefix` names, which ends in a slash. That of a
    sidecar ends in `sidecar_suffix` instead of its document's suffix. How many names a large folder
    had is remembered, so that a first scan does not list it for each batch of its files.
    """

    def __init__(self, prefix: str, sidecar_suffix: str) -> None:
        self._prefix = prefix
        self._sidecar_suffix = sidecar_suffix
        self._large: dict[str, int] = {}

    def perhaps_with_sidecar(self, documents: Iterable[str]) -> set[str]:
        """The paths of these documents, without those that certainly have no sidecar."""
        of_folder: defaultdict[str, list[str]] = defaultdict(list)
        for path in documents:
            of_folder[path.rpartition("/")[0]].append(path)
        found: set[str] = set()
        for folder, paths in of_folder.items():
            sidecars = self._sidecars(folder, PROBE_ENTRIES * len(paths))
            found.update(
                path
                for path in paths
                if sidecars is None or without_suffix(path) + self._sidecar_suffix in sidecars
            )
        return found

    def _sidecars(self, folder: str, worth_entries: int) -> set[str] | None:
        """The sidecars in a folder; None if it has, or had, more names than it is worth to list."""
        if self._large.get(folder, 0) > worth_entries:
            return None
        inside = f"{folder}/" if folder else ""
        names, sidecars = 0, set()
        with suppress(OSError), os.scandir(self._prefix + folder) as entries:
            for entry in entries:
                names += 1
                if entry.name.endswith(self._sidecar_suffix):
                    sidecars.add(inside + entry.name)
            self._remember(folder, names)
            return sidecars
        return None

    def _remember(self, folder: str, names: int) -> None:
        if len(self._large) >= _KNOWN_FOLDERS:
            self._large.clear()
        self._large[folder] = names
