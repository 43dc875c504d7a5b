"""The Compare dashboard: environments and baseline versions side by side."""

from grafana_foundation_sdk.builders import dashboard

from grafana import few
from grafana.board import Board
from grafana.cells import figure, label
from grafana.no_data import NO_HISTORY, NO_RUN, NO_RUN_NOW
from grafana.panels import SLOW_SCRAPE, SPARSE, Panel, bars, lines, now, query
from grafana.selectors import (
    AHEAD,
    BY_SUBJECT,
    LEGEND,
    ON_SUBJECT,
    RESULT,
    SUBJECT,
    worst_verdict,
)
from grafana.style import DASHES, GOOD, NEUTRAL, VERDICTS, WARNING, logarithmic, mapping, thresholds
from grafana.tables import listing, matrix, rows

TIMES = f'benchmark_time_seconds{{statistic="p50", {RESULT}}}'
ONE_ENVIRONMENT = "No result of the selection in two environments"
# What is the same in every environment, whose machine class belongs to it.
EVERYWHERE = "benchmark_name, project, branch"


def rows_and_columns(expr: str) -> str:
    """Return the expression with the labels of a matrix: `result`, and `place` where it ran."""
    named = f'label_join({expr}, "result", " ", "benchmark_name", "project", "branch")'
    return f'label_join({named}, "place", " ", "environment", "machine_class")'


def compare() -> dashboard.Dashboard:
    """Build Compare: first environments, then versions."""
    description = (
        "How does the same benchmark differ between environments, tracked branches and pinned "
        "versions?"
    )
    board = Board("Compare", description, since="now-24h", variables=True)
    board.annotate()
    board.link_diff()
    board.row("Environments")
    # The tables have a column for each environment or version, hence the whole width.
    board.place(9, times())
    board.place(9, verdicts())
    board.place(10, slowdown(), ratio_over_runs())
    board.place(10, times_over_runs())
    board.row("Branches")
    board.place(9, branches())
    board.row("Baseline versions")
    board.place(9, speedups())
    board.place(9, references_of_times())
    board.place(8, references_of_others())
    board.place(9, speedup_over_runs())
    return board.dashboard


def times() -> Panel:
    return matrix(
        "Median time",
        "The p50 of the newest run of each result in each environment and machine class.",
        rows(rows_and_columns(f"{BY_SUBJECT} ({TIMES})")),
        unit="s",
        no_value=NO_RUN_NOW,
        row="result",
        across="place",
    )


def branches() -> Panel:
    named = (
        f'label_join({BY_SUBJECT} ({TIMES}), "result", " ", "benchmark_name", "project", '
        '"environment", "machine_class")'
    )
    return matrix(
        "Median time by branch",
        "The p50 of the newest run of each result on each tracked branch. Other branches are "
        "compared by the exporter's diff, at the top.",
        rows(f"max by (result, branch) ({named})"),
        unit="s",
        no_value=NO_RUN_NOW,
        row="result",
        across="branch",
    )


def slowdown() -> Panel:
    fastest = f"min by ({EVERYWHERE}) ({TIMES})"
    several = f"count by ({EVERYWHERE}) ({TIMES}) > 1"
    expr = (
        f"{BY_SUBJECT} ({TIMES} / on ({EVERYWHERE}) group_left () {fastest} "
        f"and on ({EVERYWHERE}) {several})"
    )
    panel = bars(
        "Slowdown against the fastest environment",
        "How many times slower the newest run of each result is than in the environment where "
        "it is fastest, of the twenty slowest. Bars end at four times, numbers do not.",
        now(f"sort_desc(topk(20, {expr}))", LEGEND),
        unit="suffix:×",
        no_value=ONE_ENVIRONMENT,
    )
    return (
        panel.decimals(2).min(0).max(4).thresholds(thresholds(GOOD, (1.25, NEUTRAL), (2, WARNING)))
    )


def verdicts() -> Panel:
    def state(name: str) -> str:
        return f'{BY_SUBJECT} (benchmark_verdict{{state="{name}", {RESULT}}})'

    return matrix(
        "Verdict",
        "The verdict on the newest run of each result, against its own history in each "
        "environment. A result that is slower in only one environment points to that machine.",
        rows(rows_and_columns(worst_verdict(state))),
        unit="none",
        no_value=NO_HISTORY,
        row="result",
        across="place",
        words=mapping(VERDICTS),
    )


def times_over_runs() -> Panel:
    panel = lines(
        "Median time over runs",
        "The p50 of each run, by result and environment, of the five results that are worst at the "
        "end of the range. The table above has all. Logarithmic.",
        query(
            few.worst(f"{BY_SUBJECT} (last_over_time({TIMES}[$__rate_interval]))", by=EVERYWHERE),
            LEGEND,
            step=SPARSE,
        ),
        unit="s",
        no_value=NO_RUN,
    )
    return panel.decimals(2).scale_distribution(logarithmic(10))


def ratio_over_runs() -> Panel:
    # Environments do not run at the same time, but the mean of a day includes a run of each.
    mean = f"avg by ({SUBJECT}) (avg_over_time({TIMES}[1d] {AHEAD}))"
    panel = lines(
        "Slowdown against the fastest environment, over runs",
        "The mean p50 of the day before each point, as a multiple of that in the fastest "
        "environment, of the five results that are worst at the end of the range. A line that "
        "moves is a change seen in only one environment. Logarithmic.",
        query(
            few.worst(
                f"{mean} / on ({EVERYWHERE}) group_left () min by ({EVERYWHERE}) ({mean})",
                by=EVERYWHERE,
            ),
            LEGEND,
            step="10m",
        ),
        unit="suffix:×",
        no_value=NO_RUN,
    )
    return panel.scale_distribution(logarithmic(2))


def speedups() -> Panel:
    newest = f'max by ({SUBJECT}, baseline_version) (speedup_ratio{{percentile="p50", {RESULT}}})'
    labels = '"benchmark_name", "project", "branch", "environment", "machine_class", "instance"'
    return matrix(
        "Speedup over each version",
        "How many times faster the newest run is, at the median, than the reference or the pinned "
        "baseline of each version.",
        rows(f'label_join({newest}, "result", " ", {labels})'),
        unit="suffix:×",
        no_value=NO_RUN_NOW,
        row="result",
        across="baseline_version",
    )


def references_of_times() -> Panel:
    return references(
        "Times, their rolling median and pinned baseline",
        "The newest run of each time compared with both references, and how much worse it is than "
        "the stricter one.",
        'unit="seconds"',
        "s",
    )


def references_of_others() -> Panel:
    return references(
        "Sizes and rates, their rolling median and pinned baseline",
        "The newest run of each other result compared with both references, in the unit of the "
        "result, and how much worse it is than the stricter one.",
        'unit!="seconds"',
        "si: ",
    )


def references(title: str, description: str, of_unit: str, unit: str) -> Panel:
    judged = f"max by ({SUBJECT}, unit) (benchmark_judged_value{{{of_unit}, {RESULT}}}"

    def of_result(metric: str) -> str:
        return f"{judged} * 0 + {ON_SUBJECT} group_left () {BY_SUBJECT} ({metric}))"

    def reference(kind: str) -> str:
        return f'benchmark_reference_value{{reference="{kind}", {RESULT}}}'

    panel = listing(
        title,
        description,
        rows(f"{judged})"),
        rows(of_result(reference("rolling")), ref="B"),
        rows(of_result(reference("pinned")), ref="C"),
        rows(of_result("benchmark_worsening_ratio"), ref="D"),
        no_value="No judged result of the selection",
        columns=[
            "benchmark_name",
            "environment",
            "Value #D",
            "Value #A",
            "Value #B",
            "Value #C",
            "unit",
            "project",
            "branch",
            "machine_class",
        ],
        sort="Worse by",
    )
    return (
        panel.override_by_name("Value #A", figure("Now", unit=unit, decimals=2))
        .override_by_name("Value #B", figure("Rolling", unit=unit, decimals=2))
        .override_by_name("Value #C", figure("Pinned", unit=unit, decimals=2))
        .override_by_name("Value #D", figure("Worse by", unit="percentunit", decimals=1))
        .override_by_name("benchmark_name", label("benchmark_name", "Result"))
    )


def speedup_over_runs() -> Panel:
    newest = f"last_over_time(speedup_ratio{{{RESULT}}}[$__rate_interval])"
    expr = f"max by ({SUBJECT}, percentile, baseline_version) ({newest})"
    panel = lines(
        "Speedup over each version, over runs",
        "How many times faster runs were, p95 dashed, of the five benchmarks or results whose "
        "speedup is lowest at the end of the range. The table above has all. Logarithmic.",
        query(
            few.lowest_speedups(expr),
            f"{LEGEND} over {{{{baseline_version}}}} {{{{percentile}}}}",
            step=SLOW_SCRAPE,
        ),
        unit="suffix:×",
        no_value=NO_RUN,
    )
    return (
        panel.decimals(2).scale_distribution(logarithmic(2)).override_by_regexp("/ p95$/", [DASHES])
    )
