"""What was found in the history of results: drifts, and changes too small to be found."""

from grafana.cells import figure, linked_result
from grafana.no_data import NO_HISTORY
from grafana.panels import SLOW_SCRAPE, Panel, bars, lines, now, query
from grafana.selectors import BY_SUBJECT, LEGEND, RESULT, SUBJECT, newest, with_benchmark
from grafana.style import NEUTRAL, WARNING, symmetric_log, thresholds
from grafana.tables import listing, rows


def drifting() -> Panel:
    """List the results that gradually become worse."""
    panel = listing(
        "Drifting results",
        "Results that gradually become worse, without a step that was reported: how much worse "
        "the newest runs are than those 7 or 30 days before, and when the run was made that first "
        "showed it. BenchmarkDrifting fires for each.",
        rows(with_benchmark(f"{BY_SUBJECT} (benchmark_drift_ratio{{{RESULT}}})")),
        rows(f"{BY_SUBJECT} (benchmark_drift_since_timestamp_seconds{{{RESULT}}}) * 1000", ref="B"),
        no_value="No drift of the selection",
        columns=[
            "Value #A",
            "benchmark_name",
            "environment",
            "Value #B",
            "project",
            "branch",
            "machine_class",
            "benchmark",
        ],
        sort="Worse by",
    )
    return (
        panel.override_by_name("Value #A", figure("Worse by", unit="percentunit", decimals=1))
        .override_by_name("Value #B", figure("Since", unit="dateTimeAsIso"))
        .override_by_name("benchmark_name", linked_result())
    )


def drift() -> Panel:
    """The drift of one benchmark's results over time."""
    panel = lines(
        "Drift",
        "How much worse the newest runs of a result are than those 7 or 30 days before, "
        "while it drifts, without steps that were reported. Logarithmic above 10 %.",
        query(
            f"max by ({SUBJECT}, window) ({newest(f'benchmark_drift_ratio{{{RESULT}}}')})",
            f"{LEGEND} {{{{window}}}}",
            step=SLOW_SCRAPE,
        ),
        unit="percentunit",
        no_value="No drift of the selection in this range",
    )
    return panel.min(0).scale_distribution(symmetric_log(0.1))


def least_visible() -> Panel:
    """The results of which only a large change would be noticed."""
    panel = bars(
        "Least visible changes",
        "The smallest lasting worsening that would be reported, of the ten results for which it is "
        "largest. Smaller ones stay unnoticed there; the dashboard Benchmark says what would help. "
        "Bars end at 100 %, numbers do not.",
        now(f"topk(10, {BY_SUBJECT} (benchmark_detectable_change_ratio{{{RESULT}}}))", LEGEND),
        unit="percentunit",
        no_value=NO_HISTORY,
    )
    return panel.decimals(1).min(0).max(1).thresholds(thresholds(NEUTRAL, (0.5, WARNING)))
