"""Overview's panel of results that moved together."""

from grafana_foundation_sdk.builders import timeseries

from grafana.panels import SPARSE, curves, query
from grafana.selectors import OF_SCOPE, SCOPE, newest
from grafana.style import symmetric_log


def moved_together() -> timeseries.Panel:
    """Environment shifts and common regressions over time."""
    scope = f"{{{{environment}}}}{OF_SCOPE}"
    return curves(
        "Moved together",
        "By how much results are worse that moved alike, as on another machine (negative for "
        "better), and the median of regressions since one commit, where these are many. "
        "Logarithmic beyond 10 %.",
        query(
            newest(f"benchmark_environment_shift_ratio{{{SCOPE}}}"),
            f"all alike, {scope}",
            step=SPARSE,
        ),
        query(
            newest(f"benchmark_common_regression_worsening_ratio{{{SCOPE}}}"),
            f"since {{{{last_good_commit}}}}, {scope}",
            ref="B",
            step=SPARSE,
        ),
        unit="percentunit",
        no_value="Nothing that moved together in this range",
    ).scale_distribution(symmetric_log(0.1))
