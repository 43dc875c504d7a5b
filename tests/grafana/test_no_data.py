"""What a panel shows where there is no data: that there is none, and no cause of it."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.grafana.dashboards import DASHBOARDS
from tests.grafana.queries import panels

PANELS = [
    pytest.param(panel, id=f"{uid}-{panel['type']}-{panel['title']}")
    for uid, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
]
# Grafana's state timelines say "Data does not have a time field" instead, its heat maps "No data".
SHOW_IT = {"bargauge", "stat", "table", "timeseries"}
# An empty answer has many causes: another selection, another range, a part that is not scraped.
CAUSES = re.compile(
    r"\bdown\b|\byet\b|\bcopy\b|\bkernel\b|\bprocessor\b|\bonly\b|\bfirst\b|\bthere is no\b|"
    r"\bnothing is\b|\bwrites?\b|\bless than\b|\bwith (four|5)\b|\bis reported\b|\bwas\b|"
    r"open regression$",
    re.IGNORECASE,
)


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_has_a_text_for_no_data_where_grafana_shows_it(panel: Mapping[str, Any]) -> None:
    text = panel["fieldConfig"]["defaults"].get("noValue")
    assert bool(text) is (panel["type"] in SHOW_IT)


@pytest.mark.parametrize("panel", PANELS)
def test_the_text_for_no_data_names_no_cause(panel: Mapping[str, Any]) -> None:
    assert not CAUSES.search(panel["fieldConfig"]["defaults"].get("noValue", ""))


@pytest.mark.parametrize("panel", PANELS)
def test_no_alert_is_a_zero_only_where_alerts_are_evaluated(panel: Mapping[str, Any]) -> None:
    """`vector(0)` is there even where nothing is evaluated, and says that no alert fires."""
    for target in panel["targets"]:
        assert "vector(0)" not in target["expr"]


@pytest.mark.parametrize("panel", [each for each in PANELS if "-table-" in str(each.id)])
def test_an_empty_table_has_no_headings(panel: Mapping[str, Any]) -> None:
    """Of several queries in the format of tables, an empty one still gives a column."""
    if len(panel["targets"]) == 1:
        return
    assert [each.get("format", "time_series") for each in panel["targets"]] == [
        "time_series"
    ] * len(panel["targets"])
    # Hence the names of their columns, and of their rows, are labels.
    first, second, *_ = panel["transformations"]
    assert (first["id"], first["options"]["valueLabel"]) == ("labelsToFields", "column")
    assert second["id"] == "merge"
    for target in panel["targets"]:
        assert f'"column", "Value #{target["refId"]}", "", ""' in target["expr"]
        assert target["expr"].startswith("label_join(")
        assert '"row", "|"' in target["expr"]


@pytest.mark.parametrize(
    "panel", [each for each in PANELS if re.search("-(stat|bargauge)-", str(each.id))]
)
def test_no_data_has_not_the_colour_of_what_is_good(panel: Mapping[str, Any]) -> None:
    """Grafana gives the text for no data the colour of the lowest threshold, often green."""
    own = panel["fieldConfig"]["defaults"]
    [nothing] = [each["options"] for each in own["mappings"] if each["type"] == "special"]
    assert nothing["match"] == "null"
    assert nothing["result"]["text"] == own["noValue"]
    # Without the Watchdog, no alert is evaluated.
    assert nothing["result"]["color"] == ("#D55E00" if panel["title"] == "Watchdog" else "text")
