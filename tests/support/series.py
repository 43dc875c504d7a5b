"""Names and labels of series that many tests read."""

INGESTED = "benchmark_exporter_files_ingested_total"
DUPLICATE = "benchmark_exporter_files_duplicate_total"
REJECTED = "benchmark_exporter_files_rejected_total"
REJECTED_NOW = "benchmark_exporter_rejected_files"
CONFLICTS = "benchmark_exporter_run_conflicts_total"
RUNS = "benchmark_runs_total"
OBSERVATIONS = "benchmark_execution_time_ms_count"
# The benchmark of tests.support.documents.perf_suite.
ROUTER = {"benchmark_name": "router", "environment": "self-hosted"}
SPEEDUP = {"benchmark_name": "router", "percentile": "p50", "baseline_version": "v0.3.0"}
