"""Matchers of labels that many queries share, with the variables of the dashboards.

Times and judgements belong to a result ("strataregula/compiled"), all else to its benchmark ("strataregula"). No query matches or joins on
`job`: of an exporter's series some are scraped every second and some every 30 s, by jobs of their own.
"""

BENCHMARK = 'benchmark_name=~"$benchmark"'
RUN = f'{BENCHMARK}, environment=~"$environment"'
RESULT_NAME = 'benchmark_name=~"($benchmark)(/[^/]+)?"'
RESULT = f'{RESULT_NAME}, environment=~"$environment"'
FIRING = 'alertstate="firing", alertname!="Watchdog"'
REGRESSION_ALERTS = 'alertname=~"PerformanceRegression|CriticalPerformanceRegression"'
GATE_THRESHOLD = 'benchmark_gate_speedup_threshold_ratio{percentile="p50"}'
# Of benchmarks that have a reference of their own; the others' speedups are over a pinned baseline, around 1.
GATED = f"and on (benchmark_name) last_over_time({GATE_THRESHOLD}[$__rate_interval])"
GATED_NOW = f"and on (benchmark_name) {GATE_THRESHOLD}"
# As soon as the speedup: benchmark_gate_headroom_ratio is scraped every 30 s.
HEADROOM = f'speedup_ratio{{percentile="p50"}} / on (benchmark_name) {GATE_THRESHOLD} - 1'
