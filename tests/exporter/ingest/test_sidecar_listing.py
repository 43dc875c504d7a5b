"""Which documents may have a sidecar, and when their folder is listed to find out."""

import os
from collections import Counter
from pathlib import Path

import pytest

from benchmark_exporter.ingest.sidecar_listing import PROBE_ENTRIES, SidecarListing

DOCUMENTS = 50


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each folder was listed, by its name."""
    counts: Counter[str] = Counter()
    scandir = os.scandir

    def counting(path: str) -> object:
        counts[Path(path).name] += 1
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counting)
    return counts


@pytest.fixture
def listing(tmp_path: Path) -> SidecarListing:
    return SidecarListing(f"{tmp_path}/", ".meta.json")


def fill(folder: Path, documents: int) -> list[str]:
    """Writes documents, the first with a sidecar; returns their paths, seen from above."""
    folder.mkdir()
    for number in range(documents):
        (folder / f"{number}.json").touch()
    (folder / "0.meta.json").touch()
    return [f"{folder.name}/{number}.json" for number in range(documents)]


def test_only_a_document_with_a_sidecar_needs_to_be_asked_for_one(
    listing: SidecarListing, tmp_path: Path
) -> None:
    (tmp_path / "0.meta.json").touch()
    paths = [*fill(tmp_path / "a", DOCUMENTS), "0.json", "1.json"]
    assert listing.perhaps_with_sidecar(paths) == {"a/0.json", "0.json"}


def test_a_sidecar_that_came_after_the_last_listing_is_found(
    listing: SidecarListing, tmp_path: Path
) -> None:
    paths = fill(tmp_path / "a", DOCUMENTS)
    listing.perhaps_with_sidecar(paths)
    (tmp_path / "a" / "1.meta.json").touch()
    assert listing.perhaps_with_sidecar(paths) == {"a/0.json", "a/1.json"}


def test_a_large_folder_is_not_listed_for_each_of_its_batches(
    listing: SidecarListing, listed: Counter[str], tmp_path: Path
) -> None:
    paths = fill(tmp_path / "a", 20 * PROBE_ENTRIES)
    for start in range(10, len(paths), 10):
        batch = paths[start : start + 10]
        found = listing.perhaps_with_sidecar(batch)
        assert found == (set() if start == 10 else set(batch))  # so each is asked for
    assert listed == {"a": 1}
    assert listing.perhaps_with_sidecar(paths) == {paths[0]}  # worth it for so many
    assert listed == {"a": 2}


def test_documents_of_a_folder_that_cannot_be_listed_are_asked_for_theirs(
    listing: SidecarListing,
) -> None:
    assert listing.perhaps_with_sidecar(["gone/0.json"]) == {"gone/0.json"}
