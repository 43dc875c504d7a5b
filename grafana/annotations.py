"""Marks in the graphs: commits, alerts on regressions, and change points.

The value of each query is the time of its mark, in milliseconds since 1970. A query whose value is
not a time marks each of its points, which Grafana joins to a band as wide as the query's window.
"""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard

from grafana.panels import PROMETHEUS, SLOW_SCRAPE, query
from grafana.selectors import (
    AHEAD,
    BY_SUBJECT,
    ON_SUBJECT,
    REGRESSION_ALERTS,
    RESULT,
    RUN,
    SCOPE,
    SUBJECT,
    newest,
    until_next_point,
)
from grafana.style import CRITICAL, GOOD, NEUTRAL

# What began before the range would else be a mark at its left edge.
IN_RANGE = ">= ${__from}"
# The time between two points. A sparse series of the slow job has a sample in each.
STEP_OF_COMMITS = "5m"
# Those without characters that have a meaning in an address or in HTML: PromQL escapes nothing. The
# instance is that of this stack's exporter; what others have judged, it knows nothing of.
LINKED = "benchmark-exporter ([0-9a-fA-F]{7,64}) ([0-9A-Za-z._/-]+)"
SCOPE_OF_COMMON = "instance, project, environment, machine_class, branch, last_good_commit"


def with_link(expr: str, exporter_url: str) -> str:
    """Add the label `link`, HTML of a link to the commit; a space where there is none.

    Grafana shows the texts of marks as HTML, and writes the name of a label that is absent.
    """
    named = f'label_join({expr}, "of", " ", "instance", "commit_hash", "project")'
    address = f"{exporter_url}/commit?hash=$1&project=$2"
    link = f"<a href='{address}' target='_blank'>Open the commit</a>"
    without = f'label_replace({named}, "link", " ", "", "")'
    return f'label_replace({without}, "link", "{link}", "of", "{LINKED}")'


def commits(exporter_url: str) -> dashboard.AnnotationQuery:
    """Mark the run with which a commit appears, at the time of that run, of each exporter.

    At a start of the stack the newest commits appear, whose runs may be old.
    """
    info, at = f"benchmark_run_info{{{RUN}}}", f"benchmark_last_run_timestamp_seconds{{{RUN}}}"
    commit = f"{SUBJECT}, commit_hash"
    began = (
        f"group by ({commit}) (last_over_time({info}[$__interval] {AHEAD})) "
        f"unless group by ({commit}) (last_over_time({info}[$__interval]))"
    )
    time = f"{BY_SUBJECT} (last_over_time({at}[$__interval] {AHEAD}))"
    runs = (
        f"min by (instance, project, branch, commit_hash) "
        f"(({began}) * {ON_SUBJECT} group_left () {time})"
    )
    expr = f"{with_link(runs, exporter_url)} * 1000 {IN_RANGE}"
    return _annotation(
        "Commits",
        expr,
        NEUTRAL,
        "commit {{commit_hash}}",
        "measured of {{project}} on {{branch}} {{link}}",
        step=STEP_OF_COMMITS,
        shown=False,  # at 30 days there are so many that the charts are buried
    )


def regressions() -> dashboard.AnnotationQuery:
    """Mark where an alert on a regression of a selected benchmark began.

    A common regression has no benchmark of its own: it is marked for each that is part of it.
    """

    def began(matchers: str) -> str:
        since = newest(f"ALERTS_FOR_STATE{{{matchers}}}")
        firing = newest(f'ALERTS{{alertstate="firing", {matchers}}}')
        return f"({since} and ignoring (alertstate) {firing})"

    part_of = (
        f'label_replace({newest(f"benchmark_regression_info{{{RESULT}}}")}, "last_good_commit", '
        '"$1", "previous_commit_hash", "(.*)")'
    )
    common = began(f'alertname="CommonRegression", {SCOPE}')
    by = f"max by (alertname, {SUBJECT})"
    own = f"{by} ({began(f'{REGRESSION_ALERTS}, {RESULT}')})"
    of_common = (
        f"{by} ({part_of} * on ({SCOPE_OF_COMMON}) group_left (alertname) "
        f"max by (alertname, {SCOPE_OF_COMMON}) ({common}))"
    )
    return _annotation(
        "Regressions",
        until_next_point(f"({own} or {of_common}) * 1000 {IN_RANGE}"),
        CRITICAL,
        "{{alertname}}",
        "{{benchmark_name}} of {{project}} in {{environment}} on {{branch}}",
        step=SLOW_SCRAPE,
    )


def changes(exporter_url: str) -> Iterator[dashboard.AnnotationQuery]:
    """Mark the change points, each at the first run after it, whenever it was found."""
    for direction, color in (("worse", CRITICAL), ("better", GOOD)):
        info = f'benchmark_change_info{{direction="{direction}", {RESULT}}}'
        at = f"{BY_SUBJECT} (benchmark_change_timestamp_seconds)"
        found = (
            f"max by ({SUBJECT}, commit_hash, previous_commit_hash) "
            f"({info} * {ON_SUBJECT} group_left () {at})"
        )
        yield _annotation(
            f"Changes for the {direction}",
            f"{with_link(found, exporter_url)} * 1000 {IN_RANGE}",
            color,
            f"{{{{benchmark_name}}}} is {direction} from here on",
            "{{project}} in {{environment}} on {{branch}}, commit {{commit_hash}}, "
            "after {{previous_commit_hash}} {{link}}",
            step=SLOW_SCRAPE,
        )


def _annotation(
    name: str,
    expr: str,
    color: str,
    title: str,
    text: str,
    *,
    step: str,
    shown: bool = True,
) -> dashboard.AnnotationQuery:
    target = query(expr, step=step).expr(expr)  # commits compare with what was before the point
    return (
        dashboard.AnnotationQuery()
        .name(name)
        .datasource(PROMETHEUS)
        .enable(shown)
        .hide(False)
        .icon_color(color)
        .target(target)
        .expr(expr)
        .step(step)
        .title_format(title)
        .text_format(text)
        .use_value_for_time(True)
    )
