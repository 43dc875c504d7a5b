"""Colours, words for states, thresholds, columns and links that panels share."""

from collections.abc import Mapping

from grafana_foundation_sdk.builders import common, dashboard
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import dashboard as d

# From the palette by Okabe and Ito, whose colours stay distinct with any colour vision. A state
# still has its word next to its colour. Series without a state keep Grafana's classic palette,
# which its themes for colour vision replace.
GOOD, NEUTRAL, WARNING, CRITICAL = "#009E73", "#56B4E9", "#E69F00", "#D55E00"
# The colour of text in Grafana's theme.
UNCOLORED = "text"
# The words for states, with their colours.
PASSED = {1: ("passed", GOOD), 0: ("failed", CRITICAL)}
UP = {1: ("up", GOOD), 0: ("down", CRITICAL)}
VERDICTS = {
    2: ("critical", CRITICAL),
    1: ("warning", WARNING),
    0.5: ("suspect", NEUTRAL),
    0: ("fine", GOOD),
}
SEVERITIES = d.ValueMap(
    options={
        name: d.ValueMappingResult(text=name, color=color)
        for name, color in (("critical", CRITICAL), ("warning", WARNING))
    }
)
DASHES = d.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [10, 6]})


def thresholds(base: str, *steps: tuple[float, str]) -> dashboard.ThresholdsConfig:
    """Return thresholds: `base` is the colour below the first step, a step a value and colour."""
    values: list[tuple[float | None, str]] = [(None, base), *steps]
    return (
        dashboard.ThresholdsConfig()
        .mode(d.ThresholdsMode.ABSOLUTE)
        .steps([d.Threshold(value=value, color=color) for value, color in values])
    )


def threshold_lines() -> common.GraphThresholdsStyleConfig:
    """Return the style that draws thresholds as dashed lines."""
    return common.GraphThresholdsStyleConfig().mode(c.GraphThresholdsStyleMode.DASHED)


def logarithmic(base: float) -> common.ScaleDistributionConfig:
    """Return a logarithmic axis with powers of `base`, 2 or 10."""
    return common.ScaleDistributionConfig().type(c.ScaleDistribution.LOG).log(base)


def symmetric_log(linear: float) -> common.ScaleDistributionConfig:
    """Return an axis that is linear up to `linear`, and logarithmic beyond it.

    It shows a ratio or duration of one unusual run without flattening the others, and has a 0.
    """
    scale = common.ScaleDistributionConfig().type(c.ScaleDistribution.SYMLOG).log(10)
    return scale.linear_threshold(linear)


def mapping(words: Mapping[int, tuple[str, str]] | Mapping[float, tuple[str, str]]) -> d.ValueMap:
    """Return a mapping that shows values as words in their colour."""
    results = {
        str(value): d.ValueMappingResult(text=text, color=color, index=i)
        for i, (value, (text, color)) in enumerate(words.items())
    }
    return d.ValueMap(options=results)


def nothing(text: str, color: str | None = None) -> d.SpecialValueMap:
    """Return a mapping of no value to a text, in its own colour or that of the lowest threshold."""
    result = d.ValueMappingResult(text=text, color=color, index=99)
    options = d.DashboardSpecialValueMapOptions(match=d.SpecialValueMatch.NULL, result=result)
    return d.SpecialValueMap(options)


def fixed_color(color: str) -> d.DynamicConfigValue:
    """Return one colour for a series, whatever its position."""
    return d.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})


def to_benchmark(name: str) -> dict[str, object]:
    """Return a cell's link to the Benchmark dashboard, of the scope of the cell's row.

    `name` is the variable with the benchmark's name.
    """
    scope = ("instance", "project", "branch", "environment", "machine_class")
    of_row = "".join(f"&var-{label}=${{__data.fields.{label}:percentencode}}" for label in scope)
    url = f"/d/benchmark?var-benchmark=${{{name}:percentencode}}{of_row}&${{__url_time_range}}"
    return {"title": "Benchmark details", "url": url, "targetBlank": False}


def to_dashboard(title: str, uid: str) -> dashboard.DashboardLink:
    """Return a panel's link to another dashboard, with the selection and the time range."""
    url = f"/d/{uid}?${{__url_time_range}}&${{__all_variables}}"
    return dashboard.DashboardLink(title).type(d.DashboardLinkType.LINK).url(url)


def to_page(title: str, url: str) -> dashboard.DashboardLink:
    """Return a panel's link to a page outside Grafana, opened in a new window."""
    return dashboard.DashboardLink(title).type(d.DashboardLinkType.LINK).url(url).target_blank(True)
