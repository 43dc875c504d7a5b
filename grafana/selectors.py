"""Label matchers that many queries share, with the variables of the dashboards.

Times and verdicts belong to a result ("strataregula/compiled"), everything else to its benchmark
("strataregula"). Both have a scope: the project, environment, machine class and tracked branch that
they come from, and the exporter (`instance`) that judges them. No query merges two scopes by
accident: aggregations and joins keep all its labels.

No query matches or joins on `job`: some of an exporter's series are scraped every second and some
every 30 s, by separate jobs.
"""

import re
from collections.abc import Callable

SCOPE = (
    'instance=~"$instance", project=~"$project", branch=~"$branch", environment=~"$environment", '
    'machine_class=~"$machine_class"'
)
RUN = f'benchmark_name=~"$benchmark", {SCOPE}'
RESULT = f'benchmark_name=~"($benchmark)(/[^/]+)?", {SCOPE}'
# What identifies a result or benchmark.
SUBJECT = "instance, benchmark_name, environment, project, machine_class, branch"
BY_SUBJECT = f"max by ({SUBJECT})"
ON_SUBJECT = f"on ({SUBJECT})"
# In legends. The variables are set by Board: where several projects, exporters, branches or machine
# classes are shown, each is the label that tells them apart, with a space before it, else nothing.
OF_PROJECT = "${several_projects}${several_exporters}"
OF_SCOPE = f"{OF_PROJECT}${{several_branches}}${{several_machine_classes}}"
LEGEND = f"{{{{benchmark_name}}}} {{{{environment}}}}{OF_SCOPE}"
# Neither Watchdog nor what only mutes others.
FIRING = 'alertstate="firing", severity!="none"'
# 0 where alerts are evaluated, and nothing where they are not: `vector(0)` would say "quiet" there.
NO_ALERT = 'max(ALERTS{alertname="Watchdog", alertstate="firing"}) * 0'
REGRESSION_ALERTS = (
    'alertname=~"PerformanceRegression|CriticalPerformanceRegression|CommonRegression|'
    'BenchmarkDrifting"'
)
GATE_THRESHOLD = 'benchmark_gate_speedup_threshold_ratio{percentile="p50"}'
# Only benchmarks with a reference of their own. The speedups of others are over a pinned baseline,
# around 1.
GATED = f"and {ON_SUBJECT} last_over_time({GATE_THRESHOLD}[$__rate_interval])"
GATED_NOW = f"and {ON_SUBJECT} {GATE_THRESHOLD}"
# Computed, to be as recent as the speedup: benchmark_gate_headroom_ratio is scraped every 30 s.
HEADROOM = f'speedup_ratio{{percentile="p50"}} / {ON_SUBJECT} {GATE_THRESHOLD} - 1'
# Regressions that moved with an environment shift have no alert. Those that have passed are shown
# by the exporter only until they are reported.
NOT_PASSED = f"unless {ON_SUBJECT} benchmark_regression_passed_info"
NOT_SHIFTED = f"unless {ON_SUBJECT} benchmark_regression_shifted == 1 {NOT_PASSED}"

_WINDOW = re.compile(r"\[\$__(?:rate_)?interval\](?! offset)")
# What a function over time gets, if it does not end with the point: see `until_next_point`.
AHEAD = "offset -$__interval"
# The end of the range, which is now if it is not in the past; `end()` is the last point.
END = "${__to:date:seconds}"
# The shortest window of a rate of what is scraped every 30 s.
NEWEST_RATE = "2m"


# The page of each exporter, as it says itself.
PAGE = "max by (instance, url) (last_over_time(benchmark_exporter_url_info[5m]))"


def with_page(expr: str) -> str:
    """Add the address of the row's exporter as the label `url`, if the exporter says one."""
    return f"({expr} * on (instance) group_left (url) {PAGE} or {expr} unless on (instance) {PAGE})"


def with_benchmark(expr: str) -> str:
    """Add the benchmark of a result as the label `benchmark`, for links.

    It is the result's own name where that is a benchmark's, or else its name without the variant,
    also where there is no sample of the exporter.
    """
    named = f'label_replace({expr}, "benchmark", "$1", "benchmark_name", "(.*)")'
    of_variant = f'label_replace({named}, "benchmark", "$1", "benchmark_name", "(.+)/[^/]+")'
    is_benchmark = f"{ON_SUBJECT} benchmark_run_info"
    return f"({named} and {is_benchmark} or {of_variant} unless {is_benchmark})"


def newest(selector: str) -> str:
    """The newest sample of each series in the time of a point, for queries over a range.

    A bare selector has none where the step is longer than five minutes.
    """
    return f"last_over_time({selector}[$__rate_interval])"


def until_next_point(expr: str) -> str:
    """Move the windows of an expression to the end of the step that begins with its point.

    Grafana asks for points at multiples of the step, so the last one is up to a step old: at 30
    days that is most of an hour. Windows that end there would leave out all that came since.
    """
    return _WINDOW.sub(rf"\g<0> {AHEAD}", expr)


def rate_until_now(expr: str) -> str:
    """Do the same for rates, which divide by their whole window, also where it ends after now.

    At 30 days the last point would have up to half of the true rate. It has that of the last two
    minutes of the range instead.
    """
    newest = _WINDOW.sub(f"[{NEWEST_RATE}] @ {END}", expr)
    is_last = f"and on () (vector(time() + $__interval_ms / 1000) > {END})"
    return f"({newest}) {is_last} or ({until_next_point(expr)})"


def verdict_over_time(state: str) -> str:
    """Whether a result was in a state between two points.

    The window of the last point ends after now, and what is left of it may have no sample of a
    sparse series. Then the state is that at the point, since a change would have been sent.
    """
    verdict = f'benchmark_verdict{{state="{state}", {RESULT}}}'
    within = f"{BY_SUBJECT} (max_over_time({verdict}[$__rate_interval]))"
    return f"({within} or {BY_SUBJECT} ({verdict}))"


def worst_verdict(state: Callable[[str], str]) -> str:
    """The worst verdict as one of the values of `style.VERDICTS`; `state` queries one state.

    A result is fine only where all bad states are known to be 0. Their last samples have different
    times, so that when the exporter is down, the one that is 1 may be missing first.
    """
    critical, warning, suspect = (state(each) for each in ("critical", "warning", "suspect"))
    bad = f"2 * {critical} > 0 or {warning} > 0 or 0.5 * {suspect} > 0"
    return f"{bad} or {critical} + {warning} + {suspect}"
