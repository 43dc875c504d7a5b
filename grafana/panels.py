"""How every panel of every dashboard looks: the data source, the colours, and the panel types with the options they share."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import dashboard as d
from grafana_foundation_sdk.models import heatmap as h
from grafana_foundation_sdk.models import prometheus as p

PROMETHEUS = c.DataSourceRef(type_val="prometheus", uid="prometheus")
WIDTH = 24

# Of the palette by Okabe and Ito, whose colours stay distinct with any colour vision. A state has its word beside its colour all the same.
# Series without a state keep Grafana's classic palette, which its themes for colour vision replace.
GOOD, NEUTRAL, WARNING, CRITICAL = "#009E73", "#56B4E9", "#E69F00", "#D55E00"

# States in words, with their colours.
PASSED = {1: ("passed", GOOD), 0: ("failed", CRITICAL)}
UP = {1: ("up", GOOD), 0: ("down", CRITICAL)}
VERDICTS = {2: ("critical", CRITICAL), 1: ("warning", WARNING), 0: ("fine", GOOD)}
SEVERITIES = d.ValueMap(
    options={
        name: d.ValueMappingResult(text=name, color=color)
        for name, color in (("critical", CRITICAL), ("warning", WARNING))
    }
)

DASHES = d.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [10, 6]})
COLORED = {"type": "color-background", "mode": "basic"}

# The shortest window of a rate is four scrapes; Grafana takes it from the query's minimum step.
SLOW_SCRAPE = "30s"

Panel = (
    timeseries.Panel
    | stat.Panel
    | table.Panel
    | statetimeline.Panel
    | bargauge.Panel
    | heatmap.Panel
)
AnyPanel = TypeVar(
    "AnyPanel",
    timeseries.Panel,
    stat.Panel,
    table.Panel,
    statetimeline.Panel,
    bargauge.Panel,
    heatmap.Panel,
)


def query(
    expr: str, legend: str = "", *, ref: str = "A", step: str | None = None
) -> prometheus.Dataquery:
    """A query over the shown time range. `step`: the least time between two points, and what the windows of rates follow."""
    built = (
        prometheus.Dataquery()
        .datasource(PROMETHEUS)
        .editor_mode(p.QueryEditorMode.CODE)
        .ref_id(ref)
        .expr(expr)
        .range()
    )
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
    panel: AnyPanel,
    title: str,
    description: str,
    *,
    unit: str,
    no_value: str,
    targets: Sequence[prometheus.Dataquery],
) -> AnyPanel:
    """What every panel has. `no_value` is shown where there is no data, so it says what that means."""
    panel.datasource(PROMETHEUS).title(title).description(description).unit(unit).no_value(no_value)
    for target in targets:
        panel.with_target(target)
    return panel


def lines(
    title: str, description: str, *targets: prometheus.Dataquery, unit: str, no_value: str
) -> timeseries.Panel:
    """Values that hold until the next run, hence steps, over whatever lies between two runs."""
    return (
        curves(title, description, *targets, unit=unit, no_value=no_value)
        .line_interpolation(c.LineInterpolation.STEP_AFTER)
        .span_nulls(True)
    )


def curves(
    title: str, description: str, *targets: prometheus.Dataquery, unit: str, no_value: str
) -> timeseries.Panel:
    """Values over time that are measured at every scrape; where there was none, there is a gap."""
    return (
        described(
            timeseries.Panel(), title, description, unit=unit, no_value=no_value, targets=targets
        )
        .color_scheme(dashboard.FieldColor().mode(d.FieldColorModeId.PALETTE_CLASSIC))
        .line_interpolation(c.LineInterpolation.LINEAR)
        .line_width(2)
        .show_points(c.VisibilityMode.AUTO)
        .legend(
            common.VizLegendOptions()
            .display_mode(c.LegendDisplayMode.TABLE)
            .placement(c.LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull", "min", "max"])
        )
        .tooltip(
            common.VizTooltipOptions().mode(c.TooltipDisplayMode.MULTI).sort(c.SortOrder.DESCENDING)
        )
    )


def number(
    title: str, description: str, *targets: prometheus.Dataquery, unit: str, no_value: str
) -> stat.Panel:
    """The newest value, large; of several series each with its name."""
    return (
        described(stat.Panel(), title, description, unit=unit, no_value=no_value, targets=targets)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(c.BigValueGraphMode.NONE)
        .color_mode(c.BigValueColorMode.VALUE)
    )


def tally(
    title: str, description: str, target: prometheus.Dataquery, *, color: str, no_value: str
) -> stat.Panel:
    """A count that had better be 0: from 1 on it is in the colour."""
    return (
        number(title, description, target, unit="none", no_value=no_value)
        .decimals(0)
        .thresholds(thresholds(GOOD, (1, color)))
    )


def states(
    title: str,
    description: str,
    *targets: prometheus.Dataquery,
    no_value: str,
    words: Mapping[int, tuple[str, str]],
) -> statetimeline.Panel:
    """States over time as coloured bands, `words`: the text and colour of each value."""
    return (
        described(
            statetimeline.Panel(),
            title,
            description,
            unit="none",
            no_value=no_value,
            targets=targets,
        )
        .mappings([mapping(words)])
        .color_scheme(dashboard.FieldColor().mode(d.FieldColorModeId.FIXED).fixed_color(NEUTRAL))
        .show_value(c.VisibilityMode.AUTO)
        .row_height(0.8)
        .legend(
            common.VizLegendOptions()
            .show_legend(False)
            .display_mode(c.LegendDisplayMode.LIST)
            .placement(c.LegendPlacement.BOTTOM)
        )
        .tooltip(common.VizTooltipOptions().mode(c.TooltipDisplayMode.SINGLE))
    )


def listing(
    title: str,
    description: str,
    *targets: prometheus.Dataquery,
    no_value: str,
    columns: Sequence[str],
    sort: str,
) -> table.Panel:
    """Rows of labels and values, merged where their labels agree.

    `columns`: fields in their order; of several queries a value is called "Value #A" after its query. `sort`: the shown name of the
    column whose greatest value comes first.
    """
    order = {
        "excludeByName": {"Time": True},
        "indexByName": {name: index for index, name in enumerate(columns)},
    }
    return (
        described(
            table.Panel(), title, description, unit="none", no_value=no_value, targets=targets
        )
        .cell_height(c.TableCellHeight.SM)
        .sort_by([common.TableSortByFieldState().display_name(sort).desc(True)])
        .with_transformation(d.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(d.DataTransformerConfig(id_val="organize", options=order))
        # The text for no data at all would stand in every empty cell too.
        .override_by_regexp("/.*/", [d.DynamicConfigValue("noValue", "–")])
    )


def matrix(
    title: str,
    description: str,
    target: prometheus.Dataquery,
    *,
    unit: str,
    no_value: str,
    row: str,
    column: str,
) -> table.Panel:
    """The newest value of each series in a table with the values of one label as its rows and those of another as its columns."""
    options = {"rowField": row, "columnField": column, "valueField": "Value", "emptyValue": "null"}
    return (
        described(table.Panel(), title, description, unit=unit, no_value=no_value, targets=[target])
        .cell_height(c.TableCellHeight.SM)
        .with_transformation(d.DataTransformerConfig(id_val="groupingToMatrix", options=options))
        .override_by_regexp("/.*/", [d.DynamicConfigValue("noValue", "–")])
    )


def bars(
    title: str, description: str, *targets: prometheus.Dataquery, unit: str, no_value: str
) -> bargauge.Panel:
    """The newest value of each series as a bar."""
    return (
        described(
            bargauge.Panel(), title, description, unit=unit, no_value=no_value, targets=targets
        )
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .orientation(c.VizOrientation.HORIZONTAL)
        .display_mode(c.BarGaugeDisplayMode.BASIC)
        .value_mode(c.BarGaugeValueMode.TEXT)
    )


def heat(
    title: str, description: str, expr: str, *, unit: str, no_value: str, step: str
) -> heatmap.Panel:
    """How the observations of a histogram are distributed over time, `expr` giving its buckets by `le`, their bounds in `unit`."""
    target = query(expr, "{{le}}", step=step).format(p.PromQueryFormat.HEATMAP)
    return (
        described(
            heatmap.Panel(), title, description, unit="none", no_value=no_value, targets=[target]
        )
        .calculate(False)
        .color(
            heatmap.HeatmapColorOptions()
            .mode(h.HeatmapColorMode.SCHEME)
            .scheme("Viridis")  # of even lightness, so that it is read without its hues
            .scale(h.HeatmapColorScale.EXPONENTIAL)
            .exponent(0.5)
            .steps(64)
            .reverse(False)
        )
        .exemplars_color(NEUTRAL)
        .cell_gap(1)
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .y_axis(heatmap.YAxisConfig().unit(unit).axis_placement(c.AxisPlacement.LEFT))
        .tooltip(heatmap.HeatmapTooltip().mode(c.TooltipDisplayMode.SINGLE).y_histogram(True))
        .show_legend()
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
    results = {
        str(value): d.ValueMappingResult(text=text, color=color, index=i)
        for i, (value, (text, color)) in enumerate(words.items())
    }
    return d.ValueMap(options=results)


def fixed_color(color: str) -> d.DynamicConfigValue:
    """One colour for a series, whatever its place."""
    return d.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})


def column(name: str, **properties: object) -> list[d.DynamicConfigValue]:
    """Properties of a table's column: its shown name and the given options, `__` standing for the dot in their ids."""
    return [d.DynamicConfigValue("displayName", name)] + [
        d.DynamicConfigValue(key.replace("__", "."), value) for key, value in properties.items()
    ]


def to_benchmark(name: str) -> dict[str, object]:
    """A link of a cell to the dashboard Benchmark; `name` is the variable that holds the benchmark's name."""
    url = f"/d/benchmark?var-benchmark=${{{name}:percentencode}}&${{project:queryparam}}&${{environment:queryparam}}&${{__url_time_range}}"
    return {"title": "The benchmark in depth", "url": url, "targetBlank": False}


def to_page(title: str, url: str) -> dashboard.DashboardLink:
    """A link of a panel's title to a page outside of Grafana, in a window of its own."""
    return dashboard.DashboardLink(title).type(d.DashboardLinkType.LINK).url(url).target_blank(True)
