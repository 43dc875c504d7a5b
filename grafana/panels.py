"""How every panel of every dashboard looks: the data source, the colours, and the panel types with the options they share."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import dashboard as d
from grafana_foundation_sdk.models import prometheus as p

PROMETHEUS = c.DataSourceRef(type_val="prometheus", uid="prometheus")
WIDTH = 24

# Of the palette by Okabe and Ito, whose colours stay distinct with any colour vision. A state has its word beside its colour all the same.
# Series without a state keep Grafana's classic palette, which its themes for colour vision replace.
GOOD, NEUTRAL, WARNING, CRITICAL = "#009E73", "#56B4E9", "#E69F00", "#D55E00"

# The shortest window of a rate is four scrapes; Grafana takes it from the query's minimum step.
SLOW_SCRAPE = "30s"

Panel = timeseries.Panel | stat.Panel | table.Panel | statetimeline.Panel | bargauge.Panel
AnyPanel = TypeVar("AnyPanel", timeseries.Panel, stat.Panel, table.Panel, statetimeline.Panel, bargauge.Panel)


def query(expr: str, legend: str = "", *, ref: str = "A", step: str | None = None) -> prometheus.Dataquery:
    """A query over the shown time range. `step`: the least time between two points, and what the windows of rates follow."""
    built = prometheus.Dataquery().datasource(PROMETHEUS).editor_mode(p.QueryEditorMode.CODE).ref_id(ref).expr(expr).range()
    built.legend_format(legend)
    return built if step is None else built.interval(step)


def now(expr: str, legend: str = "", *, ref: str = "A") -> prometheus.Dataquery:
    """A query for the newest values alone."""
    return (
        prometheus.Dataquery()
        .datasource(PROMETHEUS)
        .editor_mode(p.QueryEditorMode.CODE)
        .ref_id(ref)
        .expr(expr)
        .legend_format(legend)
        .instant()
    )


def rows(expr: str, *, ref: str = "A") -> prometheus.Dataquery:
    """A query for the newest values as rows of a table, one column a label."""
    return now(expr, ref=ref).format(p.PromQueryFormat.TABLE)


def described(
    panel: AnyPanel, title: str, description: str, *, unit: str, no_value: str, targets: Sequence[prometheus.Dataquery]
) -> AnyPanel:
    """What every panel has. `no_value` is shown where there is no data, so it says what that means."""
    panel.datasource(PROMETHEUS).title(title).description(description).unit(unit).no_value(no_value)
    for target in targets:
        panel.with_target(target)
    return panel


def lines(title: str, description: str, *targets: prometheus.Dataquery, unit: str, no_value: str) -> timeseries.Panel:
    """Values over time that hold until the next run, hence steps."""
    return (
        described(timeseries.Panel(), title, description, unit=unit, no_value=no_value, targets=targets)
        .color_scheme(dashboard.FieldColor().mode(d.FieldColorModeId.PALETTE_CLASSIC))
        .line_interpolation(c.LineInterpolation.STEP_AFTER)
        .line_width(2)
        .show_points(c.VisibilityMode.AUTO)
        .legend(
            common.VizLegendOptions()
            .display_mode(c.LegendDisplayMode.TABLE)
            .placement(c.LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull", "min", "max"])
        )
        .tooltip(common.VizTooltipOptions().mode(c.TooltipDisplayMode.MULTI).sort(c.SortOrder.DESCENDING))
    )


def number(title: str, description: str, target: prometheus.Dataquery, *, unit: str, no_value: str) -> stat.Panel:
    """The newest value, large."""
    return (
        described(stat.Panel(), title, description, unit=unit, no_value=no_value, targets=[target])
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(c.BigValueGraphMode.NONE)
        .color_mode(c.BigValueColorMode.VALUE)
    )


def states(
    title: str, description: str, *targets: prometheus.Dataquery, no_value: str, words: Mapping[int, tuple[str, str]]
) -> statetimeline.Panel:
    """States over time as coloured bands, `words`: the text and colour of each value."""
    return (
        described(statetimeline.Panel(), title, description, unit="none", no_value=no_value, targets=targets)
        .mappings([mapping(words)])
        .color_scheme(dashboard.FieldColor().mode(d.FieldColorModeId.FIXED).fixed_color(NEUTRAL))
        .show_value(c.VisibilityMode.AUTO)
        .row_height(0.8)
        .legend(common.VizLegendOptions().show_legend(False).display_mode(c.LegendDisplayMode.LIST).placement(c.LegendPlacement.BOTTOM))
        .tooltip(common.VizTooltipOptions().mode(c.TooltipDisplayMode.SINGLE))
    )


def listing(title: str, description: str, *targets: prometheus.Dataquery, no_value: str, columns: Sequence[str], sort: str) -> table.Panel:
    """Rows of labels and values, merged where their labels agree.

    `columns`: fields in their order; of several queries a value is called "Value #A" after its query. `sort`: the shown name of the
    column whose greatest value comes first.
    """
    order = {"excludeByName": {"Time": True}, "indexByName": {name: index for index, name in enumerate(columns)}}
    return (
        described(table.Panel(), title, description, unit="none", no_value=no_value, targets=targets)
        .cell_height(c.TableCellHeight.SM)
        .sort_by([common.TableSortByFieldState().display_name(sort).desc(True)])
        .with_transformation(d.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(d.DataTransformerConfig(id_val="organize", options=order))
        # The text for no data at all would stand in every empty cell too.
        .override_by_regexp("/.*/", [d.DynamicConfigValue("noValue", "–")])
    )


def bars(title: str, description: str, target: prometheus.Dataquery, *, unit: str, no_value: str) -> bargauge.Panel:
    """The newest value of each series as a bar."""
    return (
        described(bargauge.Panel(), title, description, unit=unit, no_value=no_value, targets=[target])
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .orientation(c.VizOrientation.HORIZONTAL)
        .display_mode(c.BarGaugeDisplayMode.BASIC)
    )


def thresholds(base: str, *steps: tuple[float, str]) -> dashboard.ThresholdsConfig:
    """`base` is the colour under the first step; each step is the value from which its colour holds."""
    values: list[tuple[float | None, str]] = [(None, base), *steps]
    return (
        dashboard.ThresholdsConfig()
        .mode(d.ThresholdsMode.ABSOLUTE)
        .steps([d.Threshold(value=value, color=color) for value, color in values])
    )


def threshold_lines() -> common.GraphThresholdsStyleConfig:
    """Thresholds as dashed lines in a graph."""
    return common.GraphThresholdsStyleConfig().mode(c.GraphThresholdsStyleMode.DASHED)


def logarithmic(base: float) -> common.ScaleDistributionConfig:
    """An axis by powers of `base`, 2 or 10."""
    return common.ScaleDistributionConfig().type(c.ScaleDistribution.LOG).log(base)


def mapping(words: Mapping[int, tuple[str, str]]) -> d.ValueMap:
    """Shows values as words in their colour."""
    results = {str(value): d.ValueMappingResult(text=text, color=color, index=i) for i, (value, (text, color)) in enumerate(words.items())}
    return d.ValueMap(options=results)


def column(name: str, **properties: object) -> list[d.DynamicConfigValue]:
    """Properties of a table's column: its shown name and the given options, `__` standing for the dot in their ids."""
    return [d.DynamicConfigValue("displayName", name)] + [
        d.DynamicConfigValue(key.replace("__", "."), value) for key, value in properties.items()
    ]
