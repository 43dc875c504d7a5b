"""What a migration will do, how long it will take, and how much room it needs."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark_exporter.ledger.copies import space_needed_bytes
from benchmark_exporter.ledger.migration_words import changes_of
from benchmark_exporter.ledger.schema import MIGRATIONS

# Seconds for each GB of the ledger, as measured with 1,000,000 runs (1.1 GB) on two shared cores:
# benchmarks/results/migration.md. Of the migrations those that rewrite rows.
COPY_SECONDS, CHECKPOINT_SECONDS = 3.5, 2.5
MIGRATION_SECONDS = {3: 3.4, 4: 10.0, 5: 11.3}
OTHER_SECONDS = 0.3


@dataclass(frozen=True)
class Forecast:
    """`steps` are what the migrations do, in order; empty if there is nothing to migrate."""

    schema: int
    newest: int
    steps: Sequence[str]
    seconds: float
    space_bytes: int

    @property
    def is_newer(self) -> bool:
        """Whether a newer version wrote the ledger, so that this one cannot use it."""
        return self.schema > self.newest


def forecast(schema: int, ledger_bytes: int) -> Forecast:
    """What happens when this version opens a ledger."""
    newest = len(MIGRATIONS)
    numbers = range(schema + 1, newest + 1) if schema else range(0)
    if not numbers:
        return Forecast(schema, newest, (), 0.0, 0)
    per_gb = COPY_SECONDS + CHECKPOINT_SECONDS
    per_gb += sum(MIGRATION_SECONDS.get(number, OTHER_SECONDS) for number in numbers)
    return Forecast(
        schema,
        newest,
        [f"{number} {changes_of(number)}" for number in numbers],
        1 + per_gb * ledger_bytes / 1e9,
        space_needed_bytes(ledger_bytes),
    )
