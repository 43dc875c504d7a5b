"""The few of many results that a graph shows: the same ones at each of its points.

They are chosen by what is true at the end of the range. Otherwise a line would end where its result
is no longer among the first, and another would begin there.
"""

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import DashboardLink

from grafana.selectors import AHEAD, FIRING, GATE_THRESHOLD, RESULT, RUN, SUBJECT
from grafana.style import to_dashboard

RESULTS, BENCHMARKS = 5, 5
OF_PIPELINE = "instance, pipeline, branch, trigger, project"
Links = list[Builder[DashboardLink]]
ALL_RESULTS: Links = [to_dashboard("All results, on Compare", "compare")]
ALL_BENCHMARKS: Links = [to_dashboard("All benchmarks, on Overview", "overview")]


def at_end(selector: str) -> str:
    """The newest sample of each series at the end of the range, at each of its points.

    Where the points are close, a sparse series of the slow job has none between the last two.
    """
    newest = f"last_over_time({selector}[$__rate_interval] @ end())"
    return f"({newest} or last_over_time({selector}[5m] @ end()))"


def _verdicts_first() -> str:
    bad = at_end(f'benchmark_verdict{{state=~"warning|critical", {RESULT}}}')
    worse = at_end(f"benchmark_worsening_ratio{{{RESULT}}}")
    times = at_end(f'benchmark_time_seconds{{statistic="p50", {RESULT}}}')
    return (
        f"1000 * max by ({SUBJECT}) ({bad}) + max by ({SUBJECT}) ({worse}) "
        f"or max by ({SUBJECT}) ({times}) * 0 - 1"
    )


def _changed_most() -> str:
    times = f'benchmark_time_seconds{{statistic="p50", {RESULT}}}'
    highest, lowest = (
        f"max by ({SUBJECT}) ({function}_over_time({times}[30d] {AHEAD} @ end()))"
        for function in ("max", "min")
    )
    return f"{highest} / {lowest}"


def worst(expr: str, count: int = RESULTS, by: str = SUBJECT) -> str:
    """Keep those of the `count` worst results: with a bad verdict first, then the slowest by ratio.

    Results without a verdict come last.
    """
    return f"({expr}) and on ({by}) topk({count}, max by ({by}) ({_verdicts_first()}))"


def changed_most(expr: str, count: int = RESULTS) -> str:
    """Keep those of the `count` results whose highest and lowest times are furthest apart.

    In the 30 days before the end of the range, however short that is.
    """
    return f"({expr}) and on ({SUBJECT}) topk({count}, {_changed_most()})"


def _of_gate() -> str:
    speedup = at_end(f'speedup_ratio{{percentile="p50", {RUN}}}')
    gate = at_end(GATE_THRESHOLD)
    return f"min by ({SUBJECT}) ({speedup}) / max by ({SUBJECT}) ({gate})"


def nearest_gate(expr: str, count: int = BENCHMARKS) -> str:
    """Keep those of the `count` benchmarks that are furthest below their gate, or next to it."""
    return f"({expr}) and on ({SUBJECT}) bottomk({count}, {_of_gate()})"


def failed_first(expr: str, count: int) -> str:
    """Keep those of `count` benchmarks, with failed gates first; a gate may have no speedup."""
    passed = at_end(f'benchmark_gate_passed{{criterion="overall", {RUN}}}')
    outcome = f"1000 * min by ({SUBJECT}) ({passed})"
    return f"({expr}) and on ({SUBJECT}) bottomk({count}, {outcome} + {_of_gate()} or {outcome})"


def longest_firing(expr: str, count: int) -> str:
    """Keep those of the `count` alerts, by project, that were firing longest in the range."""
    firing = f"count_over_time(ALERTS{{{FIRING}}}[$__range] {AHEAD} @ end())"
    longest = f"topk({count}, sum by (alertname, project) ({firing}))"
    return f"({expr}) and on (alertname, project) {longest}"


def failed_pipelines_first(expr: str, selector: str, count: int) -> str:
    """Keep those of `count` pipelines, by branch and trigger, with failed ones first."""
    status = f"min by ({OF_PIPELINE}) ({at_end(selector)})"
    return f"({expr}) and on ({OF_PIPELINE}) bottomk({count}, {status})"


def longest_pipelines(expr: str, selector: str, count: int) -> str:
    """Keep those of the `count` pipelines, by branch and trigger, that took longest."""
    duration = f"max by ({OF_PIPELINE}) ({at_end(selector)})"
    return f"({expr}) and on ({OF_PIPELINE}) topk({count}, {duration})"


def lowest_speedups(expr: str, count: int = RESULTS) -> str:
    """Keep those of the `count` benchmarks or results with the lowest speedup, over any version."""
    speedup = at_end(f'speedup_ratio{{percentile="p50", {RESULT}}}')
    return f"({expr}) and on ({SUBJECT}) bottomk({count}, min by ({SUBJECT}) ({speedup}))"


def lowest_in_range(expr: str, selector: str, count: int, such: str = "") -> str:
    """Keep those of the `count` benchmarks whose `selector` was lowest on average.

    In the 30 days before the end of the range. `such` restricts which benchmarks these can be.
    """
    mean = f"min by ({SUBJECT}) (avg_over_time({selector}[30d] {AHEAD} @ end()))"
    return f"({expr}) and on ({SUBJECT}) bottomk({count}, {mean} {such})"
