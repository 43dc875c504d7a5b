"""What the dashboards share: links, variables, annotations, and the grid for panels."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as d

from grafana import annotations
from grafana.panels import PROMETHEUS, WIDTH, Panel
from grafana.selectors import SCOPE

TAG = "strataregula"
# The addresses on a local machine; `make up` replaces them with those in .env.
EXPORTER_URL, PROMETHEUS_URL, ALERTMANAGER_URL = (
    "http://localhost:8000",
    "http://localhost:9090",
    "http://localhost:9093",
)
# Grafana divides the range by the pixels of the window: about 2 s at an hour, half an hour at 30
# days. With a fixed one, a long range would be asked for again before its answers are there.
REFRESH = "auto"
REFRESH_INTERVALS = ["1s", "5s", "15s", "1m", "5m", "15m"]


class Board:
    """A dashboard that is being laid out from top to bottom.

    `variables` tells whether those of the benchmarks are shown. All dashboards have them, so that a
    link keeps the selection. `in_depth` shows one benchmark until others are chosen.
    """

    def __init__(
        self,
        title: str,
        description: str,
        *,
        since: str,
        variables: bool,
        in_depth: bool = False,
    ) -> None:
        self._identifiers = iter(range(1, 1000))
        hide = d.VariableHide.DONT_HIDE if variables else d.VariableHide.HIDE_VARIABLE
        self.dashboard = (
            dashboard.Dashboard(title)
            .uid(title.lower().replace(" ", "-"))
            .description(description)
            .tags([TAG])
            .time(since, "now")
            .refresh(REFRESH)
            .timepicker(dashboard.TimePicker().refresh_intervals(REFRESH_INTERVALS))
            .tooltip(d.DashboardCursorSync.CROSSHAIR)
            .annotations([])
            .link(_to_other_dashboards())
            .link(
                _link(
                    "Exporter",
                    EXPORTER_URL,
                    "The newest runs, and which files were rejected and why",
                )
            )
            .link(
                _link(
                    "Prometheus",
                    f"{PROMETHEUS_URL}/",  # its other pages have other addresses in each build
                    "Rules, alerts and targets are in its menu",
                )
            )
            .link(_link("Silences", f"{ALERTMANAGER_URL}/#/silences", "Alertmanager"))
        )
        for shared in _shared_variables(in_depth=in_depth):
            self.dashboard.with_variable(shared.hide(hide))
        for label, plural in (
            ("project", "projects"),
            ("instance", "exporters"),
            ("branch", "branches"),
            ("machine_class", "machine_classes"),
        ):
            self.dashboard.with_variable(_several(label, f"several_{plural}"))

    def place(self, height: int, *panels: Panel, widths: Sequence[int] = ()) -> None:
        """Place panels side by side, of equal width by default; the grid is 24 wide."""
        for panel, width in zip(
            panels, widths or [WIDTH // len(panels)] * len(panels), strict=True
        ):
            self.dashboard.with_panel(panel.id(next(self._identifiers)).height(height).span(width))

    def row(self, title: str, *, repeat: str | None = None) -> None:
        """Add a heading. The panels below it repeat for each value of the variable `repeat`."""
        row = dashboard.Row(title).id(next(self._identifiers))
        self.dashboard.with_row(row if repeat is None else row.repeat(repeat))

    def link_diff(self) -> None:
        """Link to the exporter's diff of two sides, which two variables name."""
        for name, label, side in (
            ("diff_base", "Diff from", "baseline"),
            ("diff_head", "to", "branch:main"),
        ):
            box = dashboard.TextBoxVariable(name).label(label)
            self.dashboard.with_variable(box.default_value(side))
        sides = "base=${diff_base:percentencode}&head=${diff_head:percentencode}"
        url = f"{EXPORTER_URL}/api/v1/diff?{sides}"
        tooltip = "How two runs, commits, branches, environments or baselines differ, as JSON"
        self.dashboard.link(_link("Diff", url, tooltip))

    def annotate(self) -> None:
        """Mark where each commit was first seen, and where an alert on a regression began."""
        self.dashboard.annotation(annotations.commits(EXPORTER_URL))
        self.dashboard.annotation(annotations.regressions())

    def annotate_changes(self) -> None:
        """Mark the change points, each at the first run after it."""
        for each in annotations.changes(EXPORTER_URL):
            self.dashboard.annotation(each)


def _shared_variables(*, in_depth: bool) -> Sequence[dashboard.QueryVariable]:
    """Return what every dashboard selects by, each within the choice of those before it."""
    of_branch = 'benchmark_run_info{project=~"$project", branch=~"$branch"}'
    return (
        # A project may have pipelines and no benchmark.
        variable("project", "Project", '{__name__=~"benchmark_run_info|ci_pipeline_status"}'),
        variable("instance", "Exporter", "benchmark_exporter_build_info"),
        variable("branch", "Branch", 'benchmark_run_info{project=~"$project"}'),
        _benchmark_in_range(of_branch)
        if in_depth
        else variable("benchmark", "Benchmark", of_branch, "benchmark_name"),
        variable("environment", "Environment", of_branch),
        variable(
            "machine_class",
            "Machine class",
            'benchmark_run_info{project=~"$project", branch=~"$branch", '
            'environment=~"$environment"}',
        ),
    )


def _benchmark_in_range(runs: str) -> dashboard.QueryVariable:
    """Return a variable without "All", of benchmarks that have samples in the shown range.

    Grafana lists series of other times too, and begins with the first one.
    """
    expr = f"query_result(count by (benchmark_name) (last_over_time({runs}[$__range])))"
    return (
        variable("benchmark", "Benchmark", runs, "benchmark_name")
        .query(
            {"qryType": 3, "query": expr, "refId": "PrometheusVariableQueryEditor-VariableQuery"}
        )
        .definition(expr)
        .regex('/benchmark_name="([^"]*)"/')
        .include_all(False)
        .allow_custom_value(False)  # a link with "All" shows the first one
        .current(d.VariableOption())
    )


def _several(label: str, name: str) -> dashboard.QueryVariable:
    """Return a hidden variable for legends.

    It is the label in a legend's notation, after a space, where the selected benchmarks have
    several values of it, and empty otherwise.
    """
    several = f"count(group by ({label}) (benchmark_run_info{{{SCOPE}}})) > 1"
    expr = f'query_result(label_replace({several}, "legend", " {{{{{label}}}}}", "", ""))'
    return (
        dashboard.QueryVariable(name)
        .hide(d.VariableHide.HIDE_VARIABLE)
        .datasource(PROMETHEUS)
        .query(
            {"qryType": 3, "query": expr, "refId": "PrometheusVariableQueryEditor-VariableQuery"}
        )
        .definition(expr)
        .regex('/legend="([^"]*)"/')
        .refresh(d.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(d.VariableSort.DISABLED)
        .multi(False)
        .include_all(False)
        .current(d.VariableOption(text="", value=""))
    )


def variable(
    name: str, label: str, series: str, source: str | None = None
) -> dashboard.QueryVariable:
    """Return a multi-value variable with the values of a label of some series.

    The label has the name of the variable unless `source` names another.
    """
    expr = f"label_values({series}, {source or name})"
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(PROMETHEUS)
        .query(
            {"qryType": 1, "query": expr, "refId": "PrometheusVariableQueryEditor-VariableQuery"}
        )
        .definition(expr)
        .refresh(d.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(d.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")  # includes benchmarks added after the page was loaded
        .current(d.VariableOption(text=["All"], value=["$__all"], selected=True))
    )


def _to_other_dashboards() -> dashboard.DashboardLink:
    """Return links to all dashboards with the tag, including users' own.

    They keep the variables and the time range.
    """
    return (
        dashboard.DashboardLink("Dashboards")
        .type(d.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .include_vars(True)
        .keep_time(True)
    )


def _link(title: str, url: str, tooltip: str) -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink(title)
        .type(d.DashboardLinkType.LINK)
        .icon("external link")
        .url(url)
        .tooltip(tooltip)
        .target_blank(True)
    )
