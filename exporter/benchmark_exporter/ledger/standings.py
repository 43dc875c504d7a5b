"""What the next run of a series is judged by, after a run of it.

The series' row has it for the newest run. For any other place it follows from the runs before it,
beginning with the last *checkpoint*: it is stored after one run in CHECKPOINT_RUNS, which the run's
digest chooses, so that checkpoints do not depend on the order of arrival either. Of every verdict
the digest of the standing after it is stored. Where judging a run again gives the same digest, all
that follows stays as it is.

A series is *settled* at a place if what it is judged by after it does not follow from its runs:
when a baseline is pinned or its limits are changed, and at the newest run that an earlier version
judged. Nothing up to there is judged again.
"""

from hashlib import sha256

import msgspec

from benchmark_exporter.judge import VERSION, SeriesState
from benchmark_exporter.ledger.rows import CheckpointRow, Place, Series, SettledRow

CHECKPOINT_RUNS = 16

# How the state is stored. Until schema 4 it was JSON, as text, which takes several times as long.
encode_state = msgspec.msgpack.Encoder().encode
_from_bytes = msgspec.msgpack.Decoder(SeriesState).decode
_from_text = msgspec.json.Decoder(SeriesState).decode


class Standing(msgspec.Struct, frozen=True):
    """What the next run of a series is judged by; see Series for the fields."""

    state: SeriesState = SeriesState()
    passed_commit: str = ""
    shifted_runs: int = 0

    @classmethod
    def of_row(cls, row: Series | SettledRow) -> "Standing | None":
        """The one in a row; None if there is none, or one of another version of the judge."""
        state = None if row.state is None else _decode(row.state)
        return None if state is None else cls(state, row.passed_commit, row.shifted_runs)


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Standing).decode


def digest_of(standing: Standing, encoded: bytes) -> int:
    """A number that two standings share only if they are equal; `encoded` is the state of it."""
    more = f"{standing.shifted_runs} {standing.passed_commit}".encode()
    return int.from_bytes(sha256(encoded + more).digest()[:8], "big", signed=True)


def is_checkpoint(place: Place) -> bool:
    """Whether the standing after a run at a place is stored."""
    return place.tie % CHECKPOINT_RUNS == 0


def to_checkpoint(unit: str, standing: Standing) -> CheckpointRow:
    """The row of a checkpoint."""
    return CheckpointRow(unit, _pack(standing))


def read_checkpoint(stored: bytes) -> Standing | None:
    """The standing at a checkpoint; None if it is of another version of the judge."""
    try:
        standing = _unpack(stored)
    except msgspec.ValidationError:  # another version may have other fields
        return None
    return standing if standing.state.version == VERSION else None


def _decode(stored: bytes | str) -> SeriesState | None:
    try:
        state = _from_text(stored) if isinstance(stored, str) else _from_bytes(stored)
    except msgspec.ValidationError:  # another version may have other fields
        return None
    return state if state.version == VERSION else None
