"""A row of the series that alerts are counted by."""

import msgspec

from benchmark_exporter.ledger.state import Labels


class ReceivedSeries(msgspec.Struct, frozen=True):
    """A series of the counter of alerts that are not known, and when it was last counted."""

    labels: Labels
    received_seconds: float
