"""What can be seen of a benchmark at all, and what would make it smaller."""

from grafana.cells import figure, label
from grafana.no_data import NO_HISTORY
from grafana.panels import SLOW_SPARSE, Panel, lines, query
from grafana.selectors import BY_SUBJECT, LEGEND, RESULT
from grafana.style import DASHES, symmetric_log
from grafana.tables import listing, rows


def detectable_over_runs() -> Panel:
    def newest(metric: str) -> str:
        return f"{BY_SUBJECT} (last_over_time({metric}{{{RESULT}}}[$__rate_interval]))"

    panel = lines(
        "Detectable change",
        "The smallest lasting worsening that would be reported, given the noise of the last runs "
        "and the limits. Dashed: what more samples in each run would make it; without a dashed "
        "line, they would not help. Logarithmic above 10 %.",
        query(newest("benchmark_detectable_change_ratio"), LEGEND, step=SLOW_SPARSE),
        query(
            newest("benchmark_reachable_change_ratio"),
            f"{LEGEND} with more samples",
            ref="B",
            step=SLOW_SPARSE,
        ),
        unit="percentunit",
        no_value=NO_HISTORY,
    )
    return (
        panel.min(0)
        .scale_distribution(symmetric_log(0.1))
        .override_by_regexp("/ with more samples$/", [DASHES])
    )


def detectable() -> Panel:
    def of_result(metric: str) -> str:
        return f"{BY_SUBJECT} ({metric}{{{RESULT}}})"

    more = f"{of_result('benchmark_reachable_change_samples')} - {of_result('benchmark_samples')}"
    panel = listing(
        "What would make it smaller",
        "The smallest lasting worsening of each result that would be reported now, and with how "
        "many more samples in each run it would be smaller. Where these are empty, more samples do "
        "not help: the noise is between runs, or the limit itself decides; `benchmark-exporter "
        "history` says which.",
        rows(of_result("benchmark_detectable_change_ratio")),
        rows(of_result("benchmark_reachable_change_ratio"), ref="B"),
        rows(more, ref="C"),
        no_value=NO_HISTORY,
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
        sort="Now",
    )
    return (
        panel.override_by_name("benchmark_name", label("benchmark_name", "Result"))
        .override_by_name("Value #A", figure("Now", unit="percentunit", decimals=1))
        .override_by_name("Value #B", figure("Reachable", unit="percentunit", decimals=1))
        .override_by_name("Value #C", figure("More samples", decimals=0))
    )
