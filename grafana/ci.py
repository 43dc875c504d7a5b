"""The CI dashboard: which pipelines fail, how often, and the outcomes of the gates."""

from grafana_foundation_sdk.builders import dashboard

from grafana import few
from grafana.board import Board, variable
from grafana.cells import figure
from grafana.no_data import NO_CI_RUN, NO_GATE
from grafana.overview import pipelines
from grafana.panels import SLOW_SCRAPE, SLOW_SPARSE, Panel, bars, lines, now, query, states
from grafana.selectors import AHEAD, LEGEND, OF_PROJECT, RUN, SUBJECT
from grafana.style import GOOD, NEUTRAL, PASSED, WARNING, symmetric_log, threshold_lines, thresholds
from grafana.tables import listing, rows

# A pipeline's branch is any branch, so the variable of the tracked ones does not select it.
PIPELINE = 'pipeline=~"$pipeline", project=~"$project"'
RUNS_OF = f"{{{{pipeline}}}} {{{{branch}}}} {{{{trigger}}}}{OF_PROJECT}"
NO_SHARE = "No share of the selection"
NO_DURATION = "No duration of the selection"


def ci() -> dashboard.Dashboard:
    """Build CI: first the pipelines, then their gates and durations."""
    board = Board(
        "CI",
        "Which pipelines and gates fail, how often, and how long do they take?",
        since="now-7d",
        variables=True,
    )
    board.dashboard.with_variable(
        variable("pipeline", "Pipeline", 'ci_pipeline_status{project=~"$project"}')
    )
    board.place(6, pipelines(PIPELINE), failure_ratio(), runs(), widths=(7, 7, 10))
    board.place(9, outcomes(), failure_trend())
    board.row("Gates and durations")
    board.place(8, gate_outcomes(), headroom())
    board.place(7, criteria())
    board.place(8, pipeline_duration(), suite_duration(), widths=(16, 8))
    return board.dashboard


def failure_ratio() -> Panel:
    panel = bars(
        "Failed runs",
        "Share of failed runs among the newest 20 of each pipeline, once it has five runs. "
        "Above 20 % an alert fires.",
        now(
            f"max by (pipeline, project) (ci_pipeline_failure_ratio{{{PIPELINE}}})",
            f"{{{{pipeline}}}}{OF_PROJECT}",
        ),
        unit="percentunit",
        no_value=NO_SHARE,
    )
    return panel.decimals(0).min(0).max(1).thresholds(thresholds(GOOD, (0.2, WARNING)))


def runs() -> Panel:
    panel = listing(
        "Runs by outcome",
        "Runs of each pipeline since the ledger was created.",
        rows(f'sum by (pipeline, project) (ci_pipeline_runs_total{{status="pass", {PIPELINE}}})'),
        rows(
            f'sum by (pipeline, project) (ci_pipeline_runs_total{{status="fail", {PIPELINE}}})',
            ref="B",
        ),
        no_value=NO_CI_RUN,
        columns=["project", "pipeline", "Value #A", "Value #B"],
        sort="Failed",
        key="project, pipeline",
    )
    return panel.override_by_name("Value #A", figure("Passed", decimals=0)).override_by_name(
        "Value #B", figure("Failed", decimals=0)
    )


def outcomes() -> Panel:
    status = f"ci_pipeline_status{{{PIPELINE}}}"
    expr = f"min by ({few.OF_PIPELINE}) (min_over_time({status}[$__rate_interval]))"
    return states(
        "Outcomes",
        "The outcome of the newest run of ten pipelines, those first that have failed at the end "
        "of the range, the worst between two points; it holds until the next run.",
        query(few.failed_pipelines_first(expr, status, 10), RUNS_OF, step=SLOW_SCRAPE),
        words=PASSED,
    ).span_nulls(True)


def failure_trend() -> Panel:
    # Each sample is the outcome of the newest run. Between two runs it only repeats, so one sample
    # an hour is counted.
    expr = (
        "1 - avg_over_time(min by (pipeline, project) "
        f"(min_over_time(ci_pipeline_status{{{PIPELINE}}}[1h]))[7d:1h] {AHEAD})"
    )
    panel = lines(
        "Failing hours, last 7 days",
        "In the seven days before each point, the share of hours with a failed run among the "
        "hours with any run. The line is at 20 %.",
        query(expr, f"{{{{pipeline}}}}{OF_PROJECT}", step="1h"),
        unit="percentunit",
        no_value=NO_CI_RUN,
    )
    return (
        panel.min(0)
        .max(1)
        .thresholds(thresholds(GOOD, (0.2, WARNING)))
        .thresholds_style(threshold_lines())
    )


def gate_outcomes() -> Panel:
    expr = (
        f'min by ({SUBJECT}) (min_over_time(benchmark_gate_passed{{criterion="overall", '
        f"{RUN}}}[$__rate_interval]))"
    )
    return (
        states(
            "Gates over time",
            "The gate outcome of ten benchmarks, those first whose gate has failed at the end of "
            "the range, the worst between two points. If the tool states no outcome, all criteria "
            "of the gate decide.",
            query(few.failed_first(expr, 10), LEGEND, step=SLOW_SCRAPE),
            words=PASSED,
        )
        .span_nulls(True)
        .links(few.ALL_BENCHMARKS)
    )


def headroom() -> Panel:
    panel = lines(
        "Headroom over the gate",
        "How far the p50 speedup of a benchmark is above its gate's threshold; below 0 the gate "
        "fails. Only the five that are furthest below at the end of the range, or next to it. "
        "Logarithmic beyond 10 %.",
        query(
            few.nearest_gate(
                f"min by ({SUBJECT}) "
                f"(last_over_time(benchmark_gate_headroom_ratio{{{RUN}}}[$__rate_interval]))"
            ),
            LEGEND,
            step=SLOW_SPARSE,
        ),
        unit="percentunit",
        no_value=NO_GATE,
    )
    return (
        panel.scale_distribution(symmetric_log(0.1))
        .thresholds(thresholds(WARNING, (0, GOOD)))
        .thresholds_style(threshold_lines())
        .links(few.ALL_BENCHMARKS)
    )


def criteria() -> Panel:
    def limit(metric: str) -> str:
        return f"max by ({SUBJECT}) ({metric})"

    panel = listing(
        "Gate limits",
        "The limits of each benchmark's gate: the minimum speedup at the median and at p95, "
        "and the maximum p95 time.",
        rows(limit(f'benchmark_gate_speedup_threshold_ratio{{percentile="p50", {RUN}}}')),
        rows(
            limit(f'benchmark_gate_speedup_threshold_ratio{{percentile="p95", {RUN}}}'),
            ref="B",
        ),
        rows(limit(f"benchmark_gate_time_threshold_seconds{{{RUN}}}"), ref="C"),
        no_value=NO_GATE,
        columns=[
            "benchmark_name",
            "environment",
            "Value #A",
            "Value #B",
            "Value #C",
            "project",
            "branch",
            "machine_class",
        ],
        sort="Speedup p50",
    )
    return (
        panel.override_by_name("Value #A", figure("Speedup p50", unit="suffix:×", decimals=1))
        .override_by_name("Value #B", figure("Speedup p95", unit="suffix:×", decimals=1))
        .override_by_name("Value #C", figure("P95", unit="s", decimals=1))
    )


def suite_duration() -> Panel:
    panel = bars(
        "Suite duration",
        "Wall time of whole suite runs, exact quantiles over a project's newest 100 runs that "
        "state it.",
        now(
            'max by (quantile, project) (benchmark_suite_duration_seconds{project=~"$project"})',
            f"quantile {{{{quantile}}}}{OF_PROJECT}",
        ),
        unit="dtdurations",
        no_value=NO_DURATION,
    )
    return panel.decimals(1).min(0).thresholds(thresholds(NEUTRAL))


def pipeline_duration() -> Panel:
    durations = f"ci_pipeline_duration_seconds{{{PIPELINE}}}"
    newest = f"last_over_time({durations}[$__rate_interval])"
    panel = lines(
        "Pipeline duration",
        "How long each run took, if its last job reported it, of the ten pipelines that took "
        "longest at the end of the range. Logarithmic above 10 minutes.",
        query(
            few.longest_pipelines(f"max by ({few.OF_PIPELINE}) ({newest})", durations, 10),
            RUNS_OF,
            step=SLOW_SCRAPE,
        ),
        unit="dthms",
        no_value=NO_DURATION,
    )
    return panel.min(0).scale_distribution(symmetric_log(600))
