"""The tables of the Benchmark dashboard: its newest results, runs and baselines."""

from grafana.cells import (
    OPENS_COMMIT,
    OPENS_COMMITS_SINCE,
    figure,
    label,
    linked_result,
    worded,
)
from grafana.no_data import NO_HISTORY, NO_RUN_NOW
from grafana.panels import Panel
from grafana.selectors import (
    BY_SUBJECT,
    ON_SUBJECT,
    RESULT,
    RUN,
    SUBJECT,
    with_benchmark,
    with_page,
    worst_verdict,
)
from grafana.style import VERDICTS, mapping
from grafana.tables import listing, rows

# Of a bucket, as quantiles of a histogram whose only observation is in it; 0 has none.
LOWER, UPPER = 1e-06, 1


def results() -> Panel:
    def of_result(metric: str) -> str:
        return f"{BY_SUBJECT} ({metric})"

    def state(name: str) -> str:
        return of_result(f'benchmark_verdict{{state="{name}", {RESULT}}}')

    panel = listing(
        "Results of the newest run",
        "Each result against its history: the verdict (improved results, and those with too "
        "few runs for a verdict, are shown as fine), how much worse it is than the stricter "
        "reference, and how much of that could be chance; how much it has drifted within 7 or "
        "30 days, if it does; for times, the median and the number of samples behind it.",
        rows(worst_verdict(state)),
        rows(of_result(f"benchmark_worsening_ratio{{{RESULT}}}"), ref="B"),
        rows(of_result(f"benchmark_noise_ratio{{{RESULT}}}"), ref="C"),
        rows(of_result(f'benchmark_time_seconds{{statistic="p50", {RESULT}}}'), ref="D"),
        rows(of_result(f"benchmark_samples{{{RESULT}}}"), ref="E"),
        rows(of_result(f"benchmark_drift_ratio{{{RESULT}}}"), ref="F"),
        no_value=NO_HISTORY,
        columns=[
            "Value #A",
            "benchmark_name",
            "environment",
            "Value #B",
            "Value #D",
            "Value #C",
            "Value #F",
            "Value #E",
            "project",
            "branch",
            "machine_class",
        ],
        sort="Worse by",
    )
    return (
        panel.override_by_name(
            "Value #A",
            worded("Verdict", mapping(VERDICTS)),
        )
        .override_by_name("Value #B", figure("Worse by", unit="percentunit", decimals=1))
        .override_by_name("Value #C", figure("Chance", unit="percentunit", decimals=1))
        .override_by_name("Value #F", figure("Drift", unit="percentunit", decimals=1))
        .override_by_name("Value #D", figure("Median", unit="s", decimals=2))
        .override_by_name("Value #E", figure("Samples", decimals=0))
        .override_by_name("benchmark_name", label("benchmark_name", "Result"))
    )


def all_runs() -> Panel:
    times = f"sum by ({SUBJECT}, iteration, le) (benchmark_execution_time_ms_bucket{{{RESULT}}})"
    counts = f"sum by ({SUBJECT}, iteration) (benchmark_execution_time_ms_count{{{RESULT}}})"

    def bound(share: float, which: float) -> str:
        """Return a bound of the bucket with a percentile: the lower is nearly 0, the upper 1.

        A histogram with one observation, in that bucket, gives them exactly.
        """
        of_all = f"on ({SUBJECT}, iteration) group_left () {share} * {counts}"
        return f"histogram_quantile({which}, {times} >= bool {of_all})"

    panel = listing(
        "Execution time, all runs",
        "Between which times P50 and P95 of all runs ever lie, as closely as the histogram's "
        "buckets say, to judge whether a newest run is unusual. They are of the raw samples, or of "
        "each run's median if its document has no samples.",
        rows(bound(0.5, LOWER)),
        rows(bound(0.5, UPPER), ref="B"),
        rows(bound(0.95, LOWER), ref="C"),
        rows(bound(0.95, UPPER), ref="D"),
        rows(counts, ref="E"),
        no_value=NO_RUN_NOW,
        columns=[
            "benchmark_name",
            "environment",
            "Value #A",
            "Value #B",
            "Value #C",
            "Value #D",
            "iteration",
            "Value #E",
            "project",
            "branch",
            "machine_class",
        ],
        sort="P95 up to",
    )
    return (
        panel.override_by_name("benchmark_name", label("benchmark_name", "Result"))
        .override_by_name("Value #A", figure("P50 above", unit="ms", decimals=2))
        .override_by_name("Value #B", figure("P50 up to", unit="ms", decimals=2))
        .override_by_name("Value #C", figure("P95 above", unit="ms", decimals=2))
        .override_by_name("Value #D", figure("P95 up to", unit="ms", decimals=2))
        .override_by_name("Value #E", figure("Count", decimals=0))
    )


def counts() -> Panel:
    run = f"max by ({SUBJECT}, commit_hash, run_id) (benchmark_run_info{{{RUN}}}"

    def of_run(metric: str) -> str:
        return f"{run} * {ON_SUBJECT} group_left () {BY_SUBJECT} ({metric}))"

    panel = listing(
        "Runs",
        "The newest run by project, environment, branch and machine class, the number of runs, "
        "and how many reported an "
        "error instead of a measurement.",
        rows(with_page(of_run("benchmark_last_run_timestamp_seconds * 1000"))),
        rows(of_run("benchmark_runs_total"), ref="B"),
        rows(of_run("benchmark_failures_total"), ref="C"),
        no_value=NO_RUN_NOW,
        columns=[
            "Value #A",
            "environment",
            "Value #B",
            "Value #C",
            "commit_hash",
            "project",
            "branch",
            "run_id",
            "benchmark_name",
            "machine_class",
            "url",
        ],
        sort="Newest",
    )
    return (
        panel.override_by_name("Value #A", figure("Newest", unit="dateTimeAsIso"))
        .override_by_name("Value #B", figure("Runs", decimals=0))
        .override_by_name("Value #C", figure("Errors", decimals=0))
    )


def baselines() -> Panel:
    pinned = (
        f"max by ({SUBJECT}, baseline_version, commit_hash) (benchmark_baseline_info{{{RESULT}}}"
    )

    def of_baseline(metric: str) -> str:
        return f"{pinned} * {ON_SUBJECT} group_left () {BY_SUBJECT} ({metric}))"

    drift = (
        'benchmark_reference_value{reference="rolling"} / ignoring (reference) '
        'benchmark_reference_value{reference="pinned"} - 1'
    )
    panel = listing(
        "Pinned baselines",
        "Which run each result is judged against in addition to its rolling median, since "
        "when, and how far the rolling median has moved from it. `benchmark-exporter baseline "
        "set` pins a run.",
        rows(with_page(of_baseline("benchmark_baseline_pinned_timestamp_seconds * 1000"))),
        rows(of_baseline(drift), ref="B"),
        no_value="No pinned baseline of the selection",
        columns=[
            "benchmark_name",
            "environment",
            "baseline_version",
            "Value #B",
            "commit_hash",
            "Value #A",
            "project",
            "branch",
            "machine_class",
            "url",
        ],
        sort="Pinned",
    )
    return (
        panel.override_by_name("Value #A", figure("Pinned", unit="dateTimeAsIso"))
        .override_by_name("Value #B", figure("Moved", unit="percentunit", decimals=1))
        .override_by_name("benchmark_name", label("benchmark_name", "Result"))
    )


def changes() -> Panel:
    info = (
        f"max by ({SUBJECT}, direction, commit_hash, previous_commit_hash) "
        f"(benchmark_change_info{{{RESULT}}}"
    )

    def of_change(metric: str) -> str:
        return f"{info} * {ON_SUBJECT} group_left () {BY_SUBJECT} ({metric}))"

    panel = listing(
        "Newest change points",
        "Where the level of each result changed last, found afterwards over its newest 500 runs: "
        "the first run after the change, its commit, and that of the run before. A later run can "
        "move or withdraw one. `benchmark-exporter history --changes` lists all.",
        rows(with_page(with_benchmark(of_change("benchmark_change_timestamp_seconds * 1000")))),
        rows(of_change("benchmark_change_ratio"), ref="B"),
        no_value="No change point of the selection",
        columns=[
            "Value #A",
            "benchmark_name",
            "environment",
            "direction",
            "Value #B",
            "previous_commit_hash",
            "commit_hash",
            "project",
            "branch",
            "machine_class",
            "benchmark",
            "url",
        ],
        sort="First run",
    )
    return (
        panel.override_by_name("Value #A", figure("First run", unit="dateTimeAsIso"))
        .override_by_name("Value #B", figure("Change", unit="percentunit", decimals=1))
        .override_by_name("benchmark_name", linked_result())
        .override_by_name("previous_commit_hash", label("previous_commit_hash", "After commit"))
        .override_by_name(
            "commit_hash",
            label("commit_hash", "With commit", links=[OPENS_COMMIT, OPENS_COMMITS_SINCE]),
        )
    )
