"""What is known of a document besides its content: time zone, time of writing, sidecar."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Annotated

import msgspec
from msgspec.structs import replace

from benchmark_exporter.formats.dates import moment_of
from benchmark_exporter.formats.decoding import check_encoding, invalid_value
from benchmark_exporter.formats.fields import MachinePart, Name, Text, Timestamp, to_seconds
from benchmark_exporter.model import Better, Failure, Rejected, Result, measurements_digest


class Sidecar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`x.meta.json` next to `x.json`: context that the tool which wrote `x.json` does not state."""

    project: Name | None = None
    environment: Name | None = None
    commit: Text | None = None
    branch: Text | None = None
    base_branch: Annotated[
        Text | None, msgspec.Meta(description="the branch that `branch` will be merged into")
    ] = None
    timestamp: Timestamp | None = None
    run_id: Name | None = None
    benchmark: Annotated[
        Name | None,
        msgspec.Meta(description="its name, of tools that do not state what they measured"),
    ] = None
    better: Annotated[
        Better | None, msgspec.Meta(description="for quantities whose unit gives no direction")
    ] = None
    machine: MachinePart | None = None


class Origin(msgspec.Struct, frozen=True):
    """Where a document comes from.

    `zone` applies to times without one; `written_seconds` is when the file was last written, in
    seconds since 1970. `path` is relative to the results folder, and `beside` reads another file by
    its path from there, or returns None; neither is known of what was uploaded.
    """

    zone: tzinfo = UTC
    written_seconds: float = 0.0
    sidecar: Sidecar = Sidecar()
    path: str = ""
    beside: Callable[[str], bytes | None] = lambda _: None

    def to_seconds(self, moment: datetime, *, json_path: str) -> float:
        """Seconds since 1970 of a moment; one without a zone is taken to be in `zone`.

        Raises:
            Rejected: the moment is before 1970 or after 9999.
        """
        return to_seconds(
            moment if moment.tzinfo else moment.replace(tzinfo=self.zone), json_path=json_path
        )

    def moment(
        self, text: str, json_path: str, zone: tzinfo | None = None
    ) -> tuple[float, tuple[str, ...]]:
        """Seconds since 1970 that a tool's date means, in `zone` if it states none itself.

        What is no date, or is not between 1970 and 9999, costs only itself: then the time is that
        of a document which states none, and a note says so.
        """
        moment = moment_of(text)
        if moment is not None:
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=zone or self.zone)
            try:
                return to_seconds(moment, json_path=json_path), ()
            except (Rejected, OverflowError):
                pass
        shown = text if len(text) <= 40 else f"{text[:39]}…"
        instead = "its file's" if self.sidecar.timestamp is None else "its sidecar's"
        return self.seconds(), (f"{json_path} {shown!r} is not a date; its time is {instead}",)

    def seconds(self) -> float:
        """The time of a document that states none: its sidecar's, or else when it was written."""
        if self.sidecar.timestamp is not None:
            return to_seconds(self.sidecar.timestamp, json_path="$.timestamp")
        return self.written_seconds

    def run_id(
        self, timestamp_seconds: float, results: Sequence[Result], failures: Sequence[Failure] = ()
    ) -> str:
        """The id of a run that states none: its sidecar's, or else one derived from the run.

        That is the time to the second and a digest of the measurements, because two runs may fall
        into the same second.
        """
        if self.sidecar.run_id is not None:
            return self.sidecar.run_id
        digest = measurements_digest(results, failures).hex()[:8]
        return f"{datetime.fromtimestamp(timestamp_seconds, UTC):%Y%m%dT%H%M%SZ}-{digest}"


def parse_sidecar(data: bytes, origin: Origin) -> Origin:
    """The origin with what a sidecar's bytes add to it.

    Raises:
        Rejected: what is wrong in the sidecar, with the JSON path there.
    """
    try:
        sidecar = msgspec.json.decode(data, type=Sidecar)
    except msgspec.ValidationError as error:
        raise invalid_value(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        check_encoding(data)  # which may be why it is malformed: a character may end in a backslash
        raise Rejected("malformed_json", str(error)) from error
    if sidecar.timestamp is not None:
        to_seconds(sidecar.timestamp, json_path="$.timestamp")
    return replace(origin, sidecar=sidecar)
