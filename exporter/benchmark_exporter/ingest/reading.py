"""Reads candidate files: bytes to a document, a sidecar or a rejection.

A file that ends early may still be written. It is incomplete rather than rejected until it has been
left unchanged for long enough, see `wait_seconds`.
"""

import hashlib
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import tzinfo

import msgspec

from benchmark_exporter.formats import (
    Origin,
    Sidecar,
    is_written_as_measured,
    parse,
    parse_sidecar,
)
from benchmark_exporter.ingest.inbox import Candidate, Inbox
from benchmark_exporter.ingest.inboxes import Inboxes
from benchmark_exporter.ingest.neighbours import reader_beside
from benchmark_exporter.model import Document, PipelineRun, Rejected, RejectionReason, Run

log = logging.getLogger(__name__)

# With this many new files, list their folders to find sidecars: probing for a sidecar that does not
# exist costs a tenth of the time that its document takes.
LISTED_FILES = 200
# How a file that is still being written, or not yet readable by us, may be rejected.
INCOMPLETE: frozenset[RejectionReason] = frozenset(
    {"truncated", "malformed_json", "not_utf8", "unreadable"}
)
# An array or object that has not been closed. Whether a tool has the file open cannot be seen from
# another container.
UNFINISHED_SETTLE_SECONDS = 300.0
# Of formats whose tools write each benchmark when it is done, as Google Benchmark does, and of an
# empty file, which hyperfine or a shell has created: a single benchmark may take hours.
MEASURING_SETTLE_SECONDS = 6 * 3600.0
# A file that was still growing after a pause may pause so many times longer.
PAUSE_FACTOR = 10.0


class Incomplete(msgspec.Struct, frozen=True):
    """An incomplete file: since when it is as it is, when it is rejected if it stays so, and why.

    `longest_pause_seconds` is that between two changes of it. `is_measuring` says that its tool
    writes each benchmark when it is done.
    """

    candidate: Candidate
    since: float
    due: float
    rejected: Rejected
    longest_pause_seconds: float = 0.0
    is_measuring: bool = False


class ReadSidecar(msgspec.Struct, frozen=True):
    """A sidecar as it was read together with its document."""

    candidate: Candidate
    digest: bytes
    data: bytes


class ReadFile(msgspec.Struct, frozen=True):
    """A file and its content; the digest is empty if the file could not be read.

    `fault` is one of the exporter that the file exposed, and for which it is rejected.
    `is_measuring` says that an unfinished document may be written for as long as its tool measures.
    """

    candidate: Candidate
    digest: bytes
    outcome: Document | Sidecar | Rejected
    sidecar: ReadSidecar | None = None
    fault: Exception | None = None
    is_measuring: bool = False

    @property
    def identity(self) -> bytes:
        """Digest of the document and its sidecar: two commits may measure exactly the same."""
        if self.sidecar is None:
            return self.digest
        return hashlib.sha256(self.digest + self.sidecar.digest).digest()

    @property
    def order(self) -> tuple[float, str]:
        """Sorts runs that arrive together by their time; documents of one run keep their order."""
        outcome = self.outcome
        if isinstance(outcome, Run):
            return outcome.timestamp_seconds, outcome.run_id
        return 0.0, ""


class Reader:
    """Reads files of an inbox and remembers which are incomplete.

    `zone` applies to times that state none; `monotonic` returns seconds that never go back.
    """

    def __init__(
        self,
        inbox: Inbox | Inboxes,
        zone: tzinfo,
        settle_seconds: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._inbox = inbox
        self._zone = zone
        self.settle_seconds = settle_seconds
        self._monotonic = monotonic
        self._incomplete: dict[str, Incomplete] = {}  # by name

    @property
    def incomplete(self) -> Sequence[Candidate]:
        """The files that were found but are not complete yet."""
        return [each.candidate for each in self._incomplete.values()]

    @property
    def measuring(self) -> int:
        """How many of these files have tools that may be measuring."""
        return sum(each.is_measuring for each in self._incomplete.values())

    @property
    def unfinished(self) -> Mapping[str, str]:
        """Why each of these files is incomplete, by its name."""
        return {name: each.rejected.detail for name, each in self._incomplete.items()}

    @property
    def due_seconds(self) -> float:
        """When the next incomplete file is due, on the `monotonic` clock; infinity if none is."""
        return min((each.due for each in self._incomplete.values()), default=math.inf)

    def discard(self, names: Iterable[str]) -> None:
        """No longer waits for these files: they were recorded, or have gone."""
        for name in names:
            self._incomplete.pop(name, None)

    def read(self, candidates: Sequence[Candidate]) -> list[ReadFile]:
        """What these files hold, for `complete`; not those gone. Another thread may call it.

        Raises:
            OSError: the process or the machine ran out of a resource; not the fault of a file.
        """
        perhaps = None  # probe for the sidecar of each
        if len(candidates) >= LISTED_FILES:
            perhaps = self._inbox.perhaps_with_sidecar(candidates)
        reads = (self._read(candidate, perhaps) for candidate in candidates)
        return [read for read in reads if read is not None]

    def moment_of(self, candidate: Candidate) -> tuple[str, float] | None:
        """The project of a file's run and its time, in seconds since 1970; None without a run.

        Raises:
            OSError: the process or the machine ran out of a resource; not the fault of the file.
        """
        read = None if candidate.is_sidecar else self._read(candidate, set())
        outcome = None if read is None else read.outcome
        if not isinstance(outcome, Run | PipelineRun):
            return None
        return outcome.project or "", outcome.timestamp_seconds

    def complete(self, reads: Iterable[ReadFile]) -> list[ReadFile]:
        """What can be ingested of files that were just read, oldest run first."""
        return sorted((each for read in reads if (each := self._complete(read))), key=_order)

    def _complete(self, read: ReadFile) -> ReadFile | None:
        candidate, outcome = read.candidate, read.outcome
        if read.fault is not None:
            internal_error(candidate, read.fault)
        if isinstance(outcome, Rejected):
            is_incomplete = outcome.reason in INCOMPLETE
            if is_incomplete and not self._has_settled(read, outcome):
                return None
            if outcome.settled is not None:
                return msgspec.structs.replace(read, outcome=outcome.settled)
        return read

    def _read(self, candidate: Candidate, perhaps_with_sidecar: set[str] | None) -> ReadFile | None:
        data, digest, sidecar = b"", b"", None
        origin = Origin(
            self._zone,
            candidate.mtime_ns / 1e9,
            path=candidate.path,
            beside=reader_beside(self._inbox, candidate),
        )
        try:
            data = self._inbox.read(candidate)
            digest = hashlib.sha256(data).digest()
            if candidate.is_sidecar:
                return ReadFile(candidate, digest, parse_sidecar(data, origin).sidecar)
            if perhaps_with_sidecar is None or candidate.name in perhaps_with_sidecar:
                sidecar = self._read_sidecar(candidate)
            return ReadFile(candidate, digest, parse(data, _complete(origin, sidecar)), sidecar)
        except FileNotFoundError:
            return None
        except Rejected as rejected:
            is_measuring = rejected.reason == "truncated" and is_written_as_measured(data)
            return ReadFile(candidate, digest, rejected, is_measuring=is_measuring)
        except OSError:
            raise
        except Exception as error:  # a fault of a format must cost only this one file
            return ReadFile(candidate, digest, _of_fault(error), fault=error)

    def _read_sidecar(self, document: Candidate) -> ReadSidecar | None:
        candidate = self._inbox.sidecar(document)
        if candidate is None:
            return None
        try:
            data = self._inbox.read(candidate)
        except FileNotFoundError:
            return None
        except Rejected as rejected:
            raise in_sidecar(rejected) from rejected
        return ReadSidecar(candidate, hashlib.sha256(data).digest(), data)

    def _has_settled(self, read: ReadFile, rejected: Rejected) -> bool:
        candidate, now = read.candidate, self._monotonic()
        known = self._incomplete.get(candidate.name)
        if known is not None and known.candidate.signature == candidate.signature:
            return now >= known.due
        pause = 0.0 if known is None else max(known.longest_pause_seconds, now - known.since)
        wait = self.settle_seconds
        if rejected.reason == "truncated" and rejected.settled is None:
            wait = wait_seconds(pause, is_measuring=read.is_measuring)
        self._incomplete[candidate.name] = Incomplete(
            candidate, now, now + wait, rejected, pause, read.is_measuring
        )
        return False


def wait_seconds(longest_pause_seconds: float = 0.0, *, is_measuring: bool) -> float:
    """For how long an unfinished document may stay unchanged before it is rejected."""
    least = MEASURING_SETTLE_SECONDS if is_measuring else UNFINISHED_SETTLE_SECONDS
    return max(least, PAUSE_FACTOR * longest_pause_seconds)


def in_sidecar(rejected: Rejected) -> Rejected:
    """The rejection of a document whose sidecar was rejected."""
    return Rejected(
        rejected.reason, f"in its sidecar: {rejected.detail}", json_path=rejected.json_path
    )


def internal_error(candidate: Candidate, error: Exception) -> Rejected:
    """The rejection of a file that exposed a fault of the exporter; the fault is logged."""
    log.error(
        "a fault in the exporter, not in the file",
        exc_info=error,
        extra={"fields": {"file": candidate.name}},
    )
    return _of_fault(error)


def _of_fault(error: Exception) -> Rejected:
    return Rejected("internal_error", f"{type(error).__name__}: {error}")


def _complete(origin: Origin, sidecar: ReadSidecar | None) -> Origin:
    if sidecar is None:
        return origin
    try:
        return parse_sidecar(sidecar.data, origin)
    except Rejected as rejected:
        raise in_sidecar(rejected) from rejected


def _order(read: ReadFile) -> tuple[float, str]:
    return read.order
