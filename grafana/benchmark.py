"""The dashboard Benchmark: one benchmark in depth, its results beside what they are judged by."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as d

from grafana.board import EXPORTER_URL, Board
from grafana.overview import NO_HISTORY, NO_RUN, speedup_scale
from grafana.panels import (
    COLORED,
    CRITICAL,
    DASHES,
    SLOW_SCRAPE,
    VERDICTS,
    Panel,
    column,
    fixed_color,
    heat,
    lines,
    listing,
    logarithmic,
    mapping,
    query,
    rows,
    states,
    to_page,
)
from grafana.selectors import RESULT, RESULT_NAME, RUN

LEGEND = "{{benchmark_name}} {{environment}}"
BY_RESULT = "max by (benchmark_name, environment)"


def benchmark() -> dashboard.Dashboard:
    """Benchmark; where several are selected, the panels are there for each."""
    description = "One benchmark in depth: its times beside what they are judged by, their spread and noise, what else it measures, its baselines."
    board = Board("Benchmark", description, since="now-24h", refresh="5s", variables=True)
    board.annotate()
    board.row("$benchmark", repeat="benchmark")
    board.place(8, results(), counts(), widths=(13, 11))
    board.place(11, judged(), percentiles())
    board.place(9, distribution(), verdict_history())
    board.place(8, noise(), speedup(), quantities())
    board.place(8, all_runs(), baselines())
    return board.dashboard


def results() -> Panel:
    def of_result(metric: str) -> str:
        return f"{BY_RESULT} ({metric})"

    def state(name: str) -> str:
        return of_result(f'benchmark_verdict{{state="{name}", {RESULT}}}')

    panel = listing(
        "Results of the newest run",
        "Each result beside its history: the verdict (fine is also what improved and what has too few runs to tell), how much worse it is "
        "than the stricter reference, and how much of that could be chance; for times the median and the number of samples behind it.",
        rows(f"2 * {state('critical')} > 0 or {state('warning')}"),
        rows(of_result(f"benchmark_worsening_ratio{{{RESULT}}}"), ref="B"),
        rows(of_result(f"benchmark_noise_ratio{{{RESULT}}}"), ref="C"),
        rows(of_result(f'benchmark_time_seconds{{statistic="p50", {RESULT}}}'), ref="D"),
        rows(of_result(f"benchmark_samples{{{RESULT}}}"), ref="E"),
        no_value=NO_HISTORY,
        columns=[
            "Value #A",
            "benchmark_name",
            "environment",
            "Value #B",
            "Value #C",
            "Value #D",
            "Value #E",
        ],
        sort="Worse by",
    )
    return (
        panel.override_by_name(
            "Value #A",
            column(
                "Verdict",
                mappings=[mapping(VERDICTS)],
                custom__cellOptions=COLORED,
                custom__width=85,
            ),
        )
        .override_by_name(
            "Value #B", column("Worse by", unit="percentunit", decimals=1, custom__width=90)
        )
        .override_by_name(
            "Value #C", column("Chance", unit="percentunit", decimals=1, custom__width=80)
        )
        .override_by_name("Value #D", column("Median", unit="s", decimals=2, custom__width=95))
        .override_by_name("Value #E", column("Samples", decimals=0, custom__width=80))
        .override_by_name("benchmark_name", column("Result"))
        .override_by_name("environment", column("Environment", custom__width=110))
    )


def judged() -> Panel:
    # References and limits are in the unit of their result, which the judged value names.
    is_time = (
        f'and on (benchmark_name, environment) benchmark_judged_value{{unit="seconds", {RESULT}}}'
    )

    def of_judgement(metric: str, by: str = "benchmark_name, environment") -> str:
        return f"max by ({by}) (last_over_time({metric}[$__rate_interval]) {is_time})"

    panel = lines(
        "Time beside its baselines and limit",
        "The p50 of each run, the rolling median and the pinned baseline it is judged by (dashed), and the limit beyond which it is a "
        "regression. What it was judged by is known from when the exporter saw the run. Logarithmic.",
        query(
            f'max by (benchmark_name, environment) (last_over_time(benchmark_time_seconds{{statistic="p50", {RESULT}}}[$__rate_interval]))',
            LEGEND,
        ),
        query(
            of_judgement(
                f"benchmark_reference_value{{{RESULT}}}", "benchmark_name, environment, reference"
            ),
            f"{LEGEND} {{{{reference}}}}",
            ref="B",
            step=SLOW_SCRAPE,
        ),
        query(
            of_judgement(f"benchmark_limit_value{{{RESULT}}}"),
            f"{LEGEND} limit",
            ref="C",
            step=SLOW_SCRAPE,
        ),
        unit="s",
        no_value=NO_RUN,
    )
    limit = [DASHES, fixed_color(CRITICAL), d.DynamicConfigValue("custom.lineWidth", 1)]
    return (
        panel.decimals(2)
        .scale_distribution(logarithmic(10))
        .override_by_regexp("/ (rolling|pinned)$/", [DASHES])
        .override_by_regexp("/ limit$/", limit)
    )


def percentiles() -> Panel:
    times = f'benchmark_time_seconds{{{RESULT}, statistic=~"p50|p95|p99"}}'
    panel = lines(
        "Percentiles over runs",
        "Exact percentiles of each run, p95 and p99 dashed; a document without raw samples may have no p99. Logarithmic.",
        query(
            f"max by (benchmark_name, environment, statistic) (last_over_time({times}[$__rate_interval]))",
            f"{LEGEND} {{{{statistic}}}}",
            step=SLOW_SCRAPE,
        ),
        unit="s",
        no_value=NO_RUN,
    )
    return (
        panel.decimals(2)
        .scale_distribution(logarithmic(10))
        .override_by_regexp("/ p9[59]$/", [DASHES])
    )


def distribution() -> Panel:
    expr = (
        f"sum by (le) (increase(benchmark_execution_time_ms_bucket{{{RESULT}}}[$__rate_interval]))"
    )
    return heat(
        "Distribution of the times",
        "How many observations fell into each bucket of time, raw samples or each run's median. It is known from when the exporter saw the "
        "runs: history that was brought in has no distribution.",
        expr,
        unit="ms",
        no_value="No run since the exporter sees them",
        step=SLOW_SCRAPE,
    )


def verdict_history() -> Panel:
    def state(name: str) -> str:
        return f'{BY_RESULT} (max_over_time(benchmark_verdict{{state="{name}", {RESULT}}}[$__rate_interval]))'

    return states(
        "Verdicts over time",
        "What the newest run of each result was, the worst between two points; the right edge is now.",
        query(f"2 * {state('critical')} > 0 or {state('warning')}", LEGEND, step=SLOW_SCRAPE),
        no_value=NO_HISTORY,
        words=VERDICTS,
    )


def noise() -> Panel:
    panel = lines(
        "Noise",
        "Within a run: the standard deviation of its samples over their mean. From run to run (dashed): how much worse the next could be "
        "by chance, known from when the exporter judged.",
        query(
            f"{BY_RESULT} (last_over_time(benchmark_coefficient_of_variation_ratio{{{RESULT}}}[$__rate_interval]))",
            LEGEND,
            step=SLOW_SCRAPE,
        ),
        query(
            f"{BY_RESULT} (last_over_time(benchmark_noise_ratio{{{RESULT}}}[$__rate_interval]))",
            f"{LEGEND} run to run",
            ref="B",
            step=SLOW_SCRAPE,
        ),
        unit="percentunit",
        no_value="No run states its spread",
    )
    return panel.decimals(1).min(0).override_by_regexp("/ run to run$/", [DASHES])


def speedup() -> Panel:
    newest = f"last_over_time(speedup_ratio{{{RESULT_NAME}}}[$__rate_interval])"
    expr = f"max by (benchmark_name, percentile, baseline_version) ({newest})"
    panel = lines(
        "Speedup",
        "How many times faster each run was than the reference or the pinned baseline of that version, p95 dashed. Logarithmic. Lines at "
        "15, under which a gate fails, and 10, under which it is critical; a speedup over a pinned baseline lies around 1.",
        query(
            expr, "{{benchmark_name}} over {{baseline_version}} {{percentile}}", step=SLOW_SCRAPE
        ),
        unit="suffix:×",
        no_value="No reference, and no baseline is pinned",
    )
    return speedup_scale(panel).override_by_regexp("/ p95$/", [DASHES])


def quantities() -> Panel:
    def newest(metric: str) -> str:
        return f'max by (benchmark_name, environment) (last_over_time({metric}{{{RESULT}, statistic=~"p50|mean"}}[$__rate_interval]))'

    panel = lines(
        "Sizes and rates",
        "What else each run measured: sizes on the left, operations, items or bytes a second on the right.",
        query(newest("benchmark_size_bytes"), LEGEND, step=SLOW_SCRAPE),
        query(
            newest("benchmark_throughput_per_second"),
            f"{LEGEND}, a second",
            ref="B",
            step=SLOW_SCRAPE,
        ),
        unit="decbytes",
        no_value="It measures times alone",
    )
    return panel.decimals(1).override_by_regexp("/, a second$/", column_of_rates())


def column_of_rates() -> list[d.DynamicConfigValue]:
    return [
        d.DynamicConfigValue("unit", "ops"),
        d.DynamicConfigValue("custom.axisPlacement", "right"),
        DASHES,
    ]


def all_runs() -> Panel:
    times = (
        f"sum by (benchmark_name, iteration, le) (benchmark_execution_time_ms_bucket{{{RESULT}}})"
    )
    counts = f"sum by (benchmark_name, iteration) (benchmark_execution_time_ms_count{{{RESULT}}})"
    panel = listing(
        "Execution time, all runs",
        "Percentiles over all runs ever, interpolated in the buckets of the histogram, to see whether a newest run is unusual. Of: the raw "
        "samples, or each run's median where a document has no more.",
        rows(f"histogram_quantile(0.5, {times})"),
        rows(f"histogram_quantile(0.95, {times})", ref="B"),
        rows(counts, ref="C"),
        no_value=NO_RUN,
        columns=["benchmark_name", "iteration", "Value #C", "Value #A", "Value #B"],
        sort="P50",
    )
    return (
        panel.override_by_name("benchmark_name", column("Result"))
        .override_by_name("iteration", column("Of", custom__width=75))
        .override_by_name("Value #A", column("P50", unit="ms", decimals=2, custom__width=85))
        .override_by_name("Value #B", column("P95", unit="ms", decimals=2, custom__width=85))
        .override_by_name("Value #C", column("Count", decimals=0, custom__width=70))
    )


def counts() -> Panel:
    run = "max by (benchmark_name, environment, commit_hash, run_id)"
    by = "on (benchmark_name, environment) group_left ()"

    def of_run(metric: str) -> str:
        return f"{run} (benchmark_run_info{{{RUN}}} * {by} max by (benchmark_name, environment) ({metric}))"

    panel = listing(
        "Runs",
        "The newest run in each environment, how many there were, and how many gave an error in place of a measurement.",
        rows(of_run("benchmark_last_run_timestamp_seconds * 1000")),
        rows(of_run("benchmark_runs_total"), ref="B"),
        rows(of_run("benchmark_failures_total"), ref="C"),
        no_value=NO_RUN,
        columns=[
            "Value #A",
            "environment",
            "Value #B",
            "Value #C",
            "commit_hash",
            "run_id",
            "benchmark_name",
        ],
        sort="Newest",
    )
    return (
        panel.override_by_name(
            "Value #A", column("Newest", unit="dateTimeAsIso", custom__width=165)
        )
        .override_by_name("Value #B", column("Runs", decimals=0, custom__width=65))
        .override_by_name("Value #C", column("Errors", decimals=0, custom__width=65))
        .override_by_name("environment", column("Environment", custom__width=110))
        .override_by_name("commit_hash", column("Commit", custom__width=110))
        .override_by_name("run_id", column("Run"))
        .override_by_name("benchmark_name", column("Benchmark"))
        .links([to_page("The exporter's page", EXPORTER_URL)])
    )


def baselines() -> Panel:
    pinned = "max by (benchmark_name, environment, baseline_version, commit_hash)"
    by = "on (benchmark_name, environment) group_left ()"

    def of_baseline(metric: str) -> str:
        return f"{pinned} (benchmark_baseline_info{{{RESULT}}} * {by} max by (benchmark_name, environment) ({metric}))"

    drift = 'benchmark_reference_value{reference="rolling"} / ignoring (reference) benchmark_reference_value{reference="pinned"} - 1'
    panel = listing(
        "Pinned baselines",
        "Which run each result is judged by beside its rolling median, since when, and how far the rolling median has moved from it. "
        "`benchmark-exporter baseline set` pins one.",
        rows(of_baseline("benchmark_baseline_pinned_timestamp_seconds * 1000")),
        rows(of_baseline(drift), ref="B"),
        no_value="Nothing is pinned",
        columns=[
            "benchmark_name",
            "environment",
            "baseline_version",
            "Value #B",
            "commit_hash",
            "Value #A",
        ],
        sort="Pinned",
    )
    return (
        panel.override_by_name(
            "Value #A", column("Pinned", unit="dateTimeAsIso", custom__width=165)
        )
        .override_by_name(
            "Value #B", column("Moved", unit="percentunit", decimals=1, custom__width=75)
        )
        .override_by_name("benchmark_name", column("Result"))
        .override_by_name("environment", column("Environment", custom__width=110))
        .override_by_name("baseline_version", column("Version"))
        .override_by_name("commit_hash", column("Commit", custom__width=110))
    )
