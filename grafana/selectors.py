"""Label matchers that many queries share, with the variables of the dashboards.

Times and verdicts belong to a result ("strataregula/compiled"), everything else to its benchmark
("strataregula"). No query matches or joins on `job`: some of an exporter's series are scraped every
second and some every 30 s, by separate jobs.
"""

BENCHMARK = 'benchmark_name=~"$benchmark"'
RUN = f'{BENCHMARK}, environment=~"$environment"'
RESULT_NAME = 'benchmark_name=~"($benchmark)(/[^/]+)?"'
RESULT = f'{RESULT_NAME}, environment=~"$environment"'
BY_RESULT = "max by (benchmark_name, environment)"
FIRING = 'alertstate="firing", alertname!="Watchdog"'
REGRESSION_ALERTS = 'alertname=~"PerformanceRegression|CriticalPerformanceRegression"'
GATE_THRESHOLD = 'benchmark_gate_speedup_threshold_ratio{percentile="p50"}'
# Only benchmarks with a reference of their own. The speedups of others are over a pinned baseline,
# around 1.
GATED = f"and on (benchmark_name) last_over_time({GATE_THRESHOLD}[$__rate_interval])"
GATED_NOW = f"and on (benchmark_name) {GATE_THRESHOLD}"
# Computed, to be as recent as the speedup: benchmark_gate_headroom_ratio is scraped every 30 s.
HEADROOM = f'speedup_ratio{{percentile="p50"}} / on (benchmark_name) {GATE_THRESHOLD} - 1'
