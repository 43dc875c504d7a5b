"""The kinds of panels that the dashboards use, with the options they share."""

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

from grafana.selectors import rate_until_now, until_next_point
from grafana.style import GOOD, NEUTRAL, UNCOLORED, mapping, nothing, thresholds

PROMETHEUS = c.DataSourceRef(type_val="prometheus", uid="prometheus")
WIDTH = 24
# Of type, and of a bar with its name above it; those that have no room are scrolled to.
NAME_PIXELS, VALUE_PIXELS, BAR_PIXELS = 12, 16, 36

# The shortest window is four of the minimum steps. A sparse series has a sample each minute, or, of
# the slow job, every 210 s. The last step is for rates of those.
SLOW_SCRAPE, SPARSE, SLOW_SPARSE, SLOW_COUNTED = "30s", "20s", "75s", "210s"

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
    """Return a query over the shown time range, whose last point has the newest samples.

    `step` is the minimum time between two points, from which the windows of rates are derived.
    """
    moved = rate_until_now(expr) if "rate(" in expr else until_next_point(expr)
    built = (
        prometheus.Dataquery()
        .datasource(PROMETHEUS)
        .editor_mode(p.QueryEditorMode.CODE)
        .ref_id(ref)
        .expr(moved)
        .range()
    )
    built.legend_format(legend)
    return built if step is None else built.interval(step)


def now(expr: str, legend: str = "", *, ref: str = "A") -> prometheus.Dataquery:
    """Return a query for the newest values only."""
    return (
        prometheus.Dataquery()
        .datasource(PROMETHEUS)
        .editor_mode(p.QueryEditorMode.CODE)
        .ref_id(ref)
        .expr(expr)
        .legend_format(legend)
        .instant()
    )


def described(
    panel: AnyPanel,
    title: str,
    description: str,
    *,
    unit: str | None,
    no_value: str | None,
    targets: Sequence[prometheus.Dataquery],
) -> AnyPanel:
    """Set what every panel has.

    `no_value` is shown if there is no data: what is missing, never a cause. State timelines and
    heat maps do not show it.
    """
    panel.datasource(PROMETHEUS).title(title).description(description).targets(list(targets))
    if no_value is not None:
        panel.no_value(no_value)
    return panel if unit is None else panel.unit(unit)


def lines(
    title: str, description: str, *targets: prometheus.Dataquery, unit: str, no_value: str
) -> timeseries.Panel:
    """Return a graph of values that hold until the next run, drawn as steps across gaps."""
    return (
        curves(title, description, *targets, unit=unit, no_value=no_value)
        .line_interpolation(c.LineInterpolation.STEP_AFTER)
        .span_nulls(True)
    )


def curves(
    title: str, description: str, *targets: prometheus.Dataquery, unit: str, no_value: str
) -> timeseries.Panel:
    """Return a graph of values measured at every scrape, with a gap where there was none."""
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
    title: str,
    description: str,
    *targets: prometheus.Dataquery,
    unit: str,
    no_value: str,
    named: bool = False,
    words: d.ValueMap | None = None,
    absent: str = UNCOLORED,
) -> stat.Panel:
    """Return the newest value in large type, `named` by its legend where there may be several.

    Args:
        words: the texts of values, with their colours.
        absent: the colour of the text for no data, which would else be that of the lowest values.
    """
    panel = (
        described(stat.Panel(), title, description, unit=unit, no_value=no_value, targets=targets)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(c.BigValueGraphMode.NONE)
        .color_mode(c.BigValueColorMode.VALUE)
        .mappings([*([] if words is None else [words]), nothing(no_value, absent)])
        # A value of many is named even where there is only one, or a 0 of nothing remains.
        .text_mode(c.BigValueTextMode.VALUE_AND_NAME if named else c.BigValueTextMode.VALUE)
    )
    if not named:
        return panel
    # One below the other, and not in a type that becomes smaller the longer a name is.
    text = common.VizTextDisplayOptions().title_size(NAME_PIXELS).value_size(VALUE_PIXELS)
    return panel.orientation(c.VizOrientation.HORIZONTAL).text(text)


def tally(
    title: str, description: str, target: prometheus.Dataquery, *, color: str, no_value: str
) -> stat.Panel:
    """Return a count that should be 0; from 1 on it is shown in the colour."""
    return (
        number(title, description, target, unit="none", no_value=no_value)
        .decimals(0)
        .thresholds(thresholds(GOOD, (1, color)))
    )


def states(
    title: str,
    description: str,
    *targets: prometheus.Dataquery,
    words: Mapping[int, tuple[str, str]] | Mapping[float, tuple[str, str]],
) -> statetimeline.Panel:
    """Return states over time as coloured bands; `words` has the text and colour of each value."""
    return (
        described(
            statetimeline.Panel(),
            title,
            description,
            unit="none",
            no_value=None,
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


def bars(
    title: str, description: str, *targets: prometheus.Dataquery, unit: str, no_value: str
) -> bargauge.Panel:
    """Return the newest value of each series as a bar."""
    return (
        described(
            bargauge.Panel(), title, description, unit=unit, no_value=no_value, targets=targets
        )
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .mappings([nothing(no_value, UNCOLORED)])
        .orientation(c.VizOrientation.HORIZONTAL)
        .display_mode(c.BarGaugeDisplayMode.BASIC)
        .name_placement(c.BarGaugeNamePlacement.TOP)  # to its left, a long name is cut
        .value_mode(c.BarGaugeValueMode.TEXT)
        # Else many bars have no names, and few have such large ones that they are cut.
        .text(common.VizTextDisplayOptions().title_size(NAME_PIXELS).value_size(NAME_PIXELS))
        .sizing(c.BarGaugeSizing.MANUAL)
        .min_viz_height(BAR_PIXELS)
        .max_viz_height(BAR_PIXELS)
    )


def heat(title: str, description: str, expr: str, *, unit: str, step: str) -> heatmap.Panel:
    """Return the distribution of a histogram's observations over time.

    `expr` gives its buckets by `le`, whose bounds are in `unit`.
    """
    target = query(expr, "{{le}}", step=step).format(p.PromQueryFormat.HEATMAP)
    return (
        described(heatmap.Panel(), title, description, unit="none", no_value=None, targets=[target])
        .calculate(False)
        .color(
            heatmap.HeatmapColorOptions()
            .mode(h.HeatmapColorMode.SCHEME)
            .scheme("Viridis")  # its lightness is even, so it can be read without its hues
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
