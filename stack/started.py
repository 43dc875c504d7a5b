"""The parts of the stack that was started, which the next `make up` may choose otherwise."""

from dataclasses import replace

from stack import record
from stack.parts import ALL, EXPORTER_ALONE
from stack.settings import Settings


def as_started(settings: Settings) -> Settings:
    """The settings with the PARTS that the stack was started with, if it was started.

    `make up PARTS=exporter` leaves no trace in .env, and `make status` is about what runs.
    """
    addresses = record.read(settings).get("addresses")
    if not isinstance(addresses, dict):
        return settings
    parts = ALL if "prometheus" in addresses else EXPORTER_ALONE
    return replace(settings, values={**settings.values, "PARTS": parts})
