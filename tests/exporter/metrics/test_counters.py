"""counters.py as the only table of the ledger's totals."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark_exporter import counters
from benchmark_exporter.counters import COUNTERS, HISTOGRAMS, REGRESSIONS_BY_COMMIT, Total
from benchmark_exporter.metrics.series_limit import owning_labels
from tests.support.paths import REPOSITORY

SOURCES = sorted((REPOSITORY / "exporter" / "benchmark_exporter").rglob("*.py"))
TOTALS = (*COUNTERS, *HISTOGRAMS, REGRESSIONS_BY_COMMIT)


def counted(path: Path) -> Iterator[ast.expr]:
    """What each call of `transaction.count` and `transaction.observe` in a module counts."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("count", "observe")
            and ast.unparse(node.func.value).endswith("transaction")
        ):
            yield node.args[0]


def test_all_totals_of_the_table_are_counted_and_nothing_else() -> None:
    expressions = {ast.unparse(expression) for path in SOURCES for expression in counted(path)}
    names = {name for name, value in vars(counters).items() if value in (*COUNTERS, *HISTOGRAMS)}
    names.remove("NOTIFICATIONS_RECEIVED")  # by ledger/notifications.py, which bounds its series
    names -= {name for name in names if name.startswith("ALERTS")}  # by ledger/triage.py
    assert expressions == {f"{name}.name" for name in names}


@pytest.mark.parametrize("total", TOTALS, ids=lambda total: total.name)
def test_a_total_belongs_to_what_its_labels_name(total: Total) -> None:
    owning = owning_labels(total.labels)
    assert total.owner == ("exporter" if owning is None else owning[0])
    # The ledger finds the totals of a subject by their first labels.
    assert owning is None or list(owning[1]) == list(range(len(owning[1])))


@pytest.mark.parametrize("field", ["name", "metric"])
def test_no_two_totals_share_a_name(field: str) -> None:
    values = [getattr(total, field) for total in TOTALS]
    assert len(set(values)) == len(values)
