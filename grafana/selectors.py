"""Matchers of labels that many queries share, with the variables of the dashboards.

Times and judgements belong to a result ("strataregula/compiled"), all else to its benchmark ("strataregula"). No query matches or joins on
`job`: of an exporter's series some are scraped every second and some every 15 s, by jobs of their own.
"""

BENCHMARK = 'benchmark_name=~"$benchmark"'
RUN = f'{BENCHMARK}, environment=~"$environment"'
RESULT_NAME = 'benchmark_name=~"($benchmark)(/[^/]+)?"'
RESULT = f'{RESULT_NAME}, environment=~"$environment"'
FIRING = 'alertstate="firing", alertname!="Watchdog"'
REGRESSION_ALERTS = 'alertname=~"PerformanceRegression|CriticalPerformanceRegression"'
# Of benchmarks that have a reference of their own; the others' speedups are over a pinned baseline, around 1.
GATED = "and on (benchmark_name) last_over_time(benchmark_gate_headroom_ratio[$__rate_interval])"
