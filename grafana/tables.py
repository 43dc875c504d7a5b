"""Tables of the newest values: a row for each result or part, or a matrix of two labels."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, prometheus, table
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import dashboard as d
from grafana_foundation_sdk.models import prometheus as p

from grafana.cells import HEADINGS, column, figure, label, worded
from grafana.panels import described, now
from grafana.selectors import SUBJECT
from grafana.widths import LONGEST, PLACE_PIXELS, fitting

# Else the text for no data would appear in every empty cell too.
EMPTY_CELLS = [d.DynamicConfigValue("noValue", "–")]
# Labels that queries of one table add: the column of a value, and what its row is about.
COLUMN, ROW = "column", "row"


@dataclass(frozen=True, slots=True)
class Rows:
    """A query for the newest values as rows of a table, with one column per label."""

    expr: str
    ref: str

    def alone(self) -> prometheus.Dataquery:
        """The query of a table that has no other; its values are the column `Value`."""
        return now(self.expr, ref=self.ref).format(p.PromQueryFormat.TABLE)

    def among(self, key: str) -> prometheus.Dataquery:
        """One of several queries; its values are the column `Value #A`, after its own reference.

        Not in the format of tables: an empty query would then still give a column with a heading.
        """
        named = f'label_replace({self.expr}, "{COLUMN}", "Value #{self.ref}", "", "")'
        of_row = ", ".join(f'"{each}"' for each in key.split(", "))
        return now(f'label_join({named}, "{ROW}", "|", {of_row})', ref=self.ref)


def rows(expr: str, *, ref: str = "A") -> Rows:
    """Return a query for the newest values as rows of a table, with one column per label."""
    return Rows(expr, ref)


def listing(
    title: str,
    description: str,
    *targets: Rows,
    no_value: str,
    columns: Sequence[str],
    sort: str,
    key: str = SUBJECT,
) -> table.Panel:
    """Return a table of labels and values, merged where their labels agree.

    It has no unit, with which the commit 0000000006 would be shown as 6.

    Args:
        columns: fields in order; of several queries, a value is called "Value #A" after its own.
        sort: the displayed name of the column to sort by, greatest value first.
        key: the labels that tell the rows of several queries apart.
    """
    columns = (*columns, *(("instance",) if "benchmark_name" in columns else ()))
    order = {
        "excludeByName": {"Time": True, ROW: True},
        "indexByName": {name: index for index, name in enumerate(columns)},
    }
    several = len(targets) > 1
    queries = [each.among(key) if several else each.alone() for each in targets]
    panel = (
        described(table.Panel(), title, description, unit=None, no_value=no_value, targets=queries)
        .cell_height(c.TableCellHeight.SM)
        .sort_by([common.TableSortByFieldState().display_name(sort).desc(True)])
    )
    if several:
        options = {"mode": "columns", "valueLabel": COLUMN}
        panel.with_transformation(d.DataTransformerConfig(id_val="labelsToFields", options=options))
    panel.with_transformation(d.DataTransformerConfig(id_val="merge", options={}))
    panel.with_transformation(d.DataTransformerConfig(id_val="organize", options=order))
    panel.override_by_regexp("/.*/", EMPTY_CELLS)
    for name in columns:
        if name in HEADINGS:
            panel.override_by_name(name, label(name))
    return panel


def matrix(
    title: str,
    description: str,
    target: Rows,
    *,
    unit: str,
    no_value: str,
    row: str,
    across: str,
    words: d.ValueMap | None = None,
) -> table.Panel:
    """Return a table of newest values: the labels `row` and `across` name its rows and columns.

    Args:
        words: the words of the values, which are shown in their colours.
    """
    options = {"rowField": row, "columnField": across, "valueField": "Value", "emptyValue": "null"}
    cells = worded("", words) if words else figure("", unit=unit, decimals=2)
    kept = [each for each in cells if each.id_val not in ("displayName", "custom.width")]
    # A place has a long name, of several words.
    of_place = [
        d.DynamicConfigValue("custom.width", PLACE_PIXELS),
        d.DynamicConfigValue("custom.wrapHeaderText", True),
    ]
    named = column(
        "Result",
        unit="string",
        custom__width=fitting("Result", LONGEST[row]),
        # Grafana 12 and 13 have it in different places.
        custom__cellOptions={"type": "auto", "wrapText": True},
        custom__wrapText=True,
    )
    queries = [target.alone()]
    return (
        described(table.Panel(), title, description, unit=unit, no_value=no_value, targets=queries)
        .cell_height(c.TableCellHeight.SM)
        .with_transformation(d.DataTransformerConfig(id_val="groupingToMatrix", options=options))
        .override_by_regexp("/.*/", [*EMPTY_CELLS, *kept, *of_place])
        .override_by_name(f"{row}\\{across}", named)
    )
