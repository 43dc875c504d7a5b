"""What an archive says of itself: `manifest.json`, its last member."""

import re
from typing import Any

import msgspec

from benchmark_exporter import __version__
from benchmark_exporter.ledger.schema import MIGRATIONS
from stack.settings import StackError

FORMAT = 1


class File(msgspec.Struct, frozen=True):
    """A member of the archive."""

    path: str
    size_bytes: int
    sha256: str


class Versions(msgspec.Struct, frozen=True):
    """What wrote the data: this project, the ledger's schema, and the programs that answered."""

    project: str
    ledger_schema: int
    programs: dict[str, str]


class Proof(msgspec.Struct, frozen=True):
    """What a restored stack has to show again; a part that did not run has proven nothing.

    `databases` is what the ledger and Grafana's database hold, by store: rows of tables, the
    schema's number, the newest run. `prometheus` is what queries answered for `at_seconds`, by
    query. `silences` are those that were not over, each with its end in seconds since 1970.
    """

    databases: dict[str, dict[str, Any]]
    at_seconds: float
    prometheus: dict[str, float]
    silences: dict[str, float]
    files_ingested: float


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """Everything about an archive. Times are in seconds since 1970.

    `stores` are those that were there, of which some may have had nothing in them.
    """

    format: int
    mode: str
    checkout: str
    begun_seconds: float
    ended_seconds: float
    holds_secrets: bool
    stores: list[str]
    versions: Versions
    proof: Proof
    files: list[File]

    @property
    def size_bytes(self) -> int:
        """Of all members, uncompressed."""
        return sum(file.size_bytes for file in self.files)

    def store_bytes(self, store: str) -> int:
        """Of the members of one store."""
        prefix = f"data/{store}/"
        return sum(file.size_bytes for file in self.files if file.path.startswith(prefix))


def encode(manifest: Manifest) -> bytes:
    """The manifest as JSON, for people too."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def decode(data: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        StackError: it is not one, or a newer version wrote it.
    """
    try:
        made = msgspec.json.decode(data, type=dict[str, Any])
        if made.get("format", 0) > FORMAT:
            raise StackError(
                f"the backup has format {made['format']}, and this version reads {FORMAT}; update "
                "this checkout, then restore"
            )
        return msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError as error:
        raise StackError(f"the backup's manifest is not one: {error}") from error


def refuse_newer(manifest: Manifest) -> None:
    """Check that this version can read the data.

    Raises:
        StackError: a newer version wrote it; the message says what to do.
    """
    versions = manifest.versions
    if versions.ledger_schema > len(MIGRATIONS):
        raise StackError(
            f"the backup's ledger has schema {versions.ledger_schema}, written by version "
            f"{versions.project}; this checkout has version {__version__}, which reads up to "
            f"{len(MIGRATIONS)}. Update this checkout to {versions.project} or newer, then restore"
        )
    if _numbers(versions.project) > _numbers(__version__):
        raise StackError(
            f"version {versions.project} made the backup, and this checkout has {__version__}; "
            f"update it to {versions.project} or newer, then restore"
        )


def refuse_newer_prometheus(manifest: Manifest, here: str) -> None:
    """Check that the Prometheus of this stack can read what that of the backup wrote.

    Blocks of Prometheus 3 can be read since 2.55.

    Raises:
        StackError: it cannot.
    """
    made = manifest.versions.programs.get("prometheus", "")
    if made and here and _numbers(made) >= (3,) and _numbers(here) < (2, 55):
        raise StackError(
            f"Prometheus {made} wrote the backup's samples, and this stack has {here}, which "
            "cannot read them; put Prometheus 2.55 or newer on PATH, use MODE=compose, or leave "
            "them out with WITHOUT=prometheus: `make backfill` then brings back what the ledger has"
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
