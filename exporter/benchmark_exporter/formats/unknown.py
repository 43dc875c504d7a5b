"""What to say of a document in no known format: which known one is nearest, and what it lacks."""

from collections.abc import Mapping, Sequence

from benchmark_exporter.model import Rejected

# What each format is recognised by: keys of the document, of an object in it, or of the first entry
# of an array or object in it (`[]`).
REQUIRED: Mapping[str, Sequence[str]] = {
    "result": ("schema", "results"),
    "pipeline": ("schema", "pipeline", "status"),
    "perf_suite": ("run", "metrics", "metrics.compiled"),
    "bench_guard": ("config", "benchmarks", "passed"),
    "bench_suite": ("timestamp", "core_benchmarks"),
    "bench_suite_baseline": ("[].mean_us", "[].p95_us", "[].ops_per_second"),
    "golden_metrics": ("latency_ms", "p95_ms", "throughput_rps"),
    "perf_diff": ("comparisons[].benchmark", "comparisons[].current", "comparisons[].diff"),
    "bench_results": ("metadata", "benchmarks[].p50_ms", "benchmarks[].p95_ms"),
    "perf_analyze": ("metadata", "top_functions", "performance_issues"),
    "pytest_benchmark": ("benchmarks", "machine_info", "datetime"),
    "google_benchmark": ("benchmarks", "context", "context.date", "context.num_cpus"),
    "hyperfine": ("results", "results[].command", "results[].mean"),
    "jmh": ("[].benchmark", "[].mode", "[].primaryMetric"),
    "github_action_benchmark": ("[].name", "[].unit", "[].value"),
    "asv": ("commit_hash", "results", "params"),
    "pyperf": ("version", "benchmarks", "benchmarks[].runs"),
    "criterion": ("mean.point_estimate", "median.point_estimate", "std_dev.point_estimate"),
    "go_test": ("[].Action", "[].Package", "[].Time"),
    "benchmarkdotnet": ("HostEnvironmentInfo", "Benchmarks[].Method", "Benchmarks[].Type"),
    "k6": ("metrics", "root_group", "root_group.checks"),
    "catch2": ("metadata", "metadata.catch2-version"),
    "nanobench": ("results[].name", "results[].epochs", "results[].median(elapsed)"),
    "vitest": ("files", "files[].filepath", "files[].groups"),
    "tinybench": ("[].name", "[].result", "[].result.latency"),
    "mitata": ("benchmarks[].runs", "benchmarks[].alias", "layout", "context"),
    "julia_benchmarktools": ("[].Julia", "[].BenchmarkTools"),
    "autocannon": ("latency", "requests", "throughput", "non2xx"),
    "oha": ("summary.successRate", "summary.requestsPerSec", "statusCodeDistribution"),
    "vegeta": ("latencies", "status_codes", "bytes_in", "success"),
    "fio": ("fio version", "jobs", "jobs[].jobname"),
    "bencher": ("[].latency.value",),
}
KEYS_SHOWN, KEY_CHARACTERS_SHOWN = 6, 30
# With no more than this share of what a format is recognised by, no format is near.
NEAR = 0.5


def unknown(document: object, known: Sequence[str]) -> Rejected:
    """The rejection of a document that no format matches; `known` are their names."""
    if not isinstance(document, dict | list):
        return Rejected(
            "unknown_format",
            f"a result document must be a JSON object or array, not {_kind(document)}",
        )
    if isinstance(document, dict):
        text = f"no known format has the keys {_keys(document) or '(none)'}"
    elif document and isinstance(document[0], dict):
        text = f"no known format is an array of entries with the keys {_keys(document[0])}"
    else:
        text = "no known format is an array of no objects"
    near = _nearest(document)
    return Rejected("unknown_format", f"{text}; {near or _list(known)}")


def _nearest(document: object) -> str | None:
    """What the nearest format has that the document lacks; None if no format is near."""
    shares: list[tuple[float, int, str, list[str]]] = []
    for name, required in REQUIRED.items():
        missing = [path for path in required if not _has(document, path)]
        shares.append((1 - len(missing) / len(required), len(required), name, missing))
    share, _, name, missing = max(shares, key=lambda each: each[:2])
    if share <= NEAR:
        return None
    if not missing:
        return f"the nearest is {name}, of which it has the keys but not the values"
    return f"the nearest is {name}, which also has {', '.join(missing)}"


def _has(document: object, path: str) -> bool:
    value, steps = document, path.split(".")
    for step in steps:
        key = step.removesuffix("[]")
        if key:
            if not isinstance(value, dict) or key not in value:
                return False
            value = value[key]
        if step.endswith("[]"):
            entries = list(value.values()) if isinstance(value, dict) else value
            if not isinstance(entries, list) or not entries:
                return False
            value = entries[0]
    return True


def _keys(document: Mapping[object, object]) -> str:
    keys = sorted(str(key) for key in document)
    shown = [
        key if len(key) <= KEY_CHARACTERS_SHOWN else f"{key[:KEY_CHARACTERS_SHOWN]}…"
        for key in keys[:KEYS_SHOWN]
    ]
    more = len(keys) - KEYS_SHOWN
    return f"{', '.join(shown)} and {more} more" if more > 0 else ", ".join(shown)


def _list(known: Sequence[str]) -> str:
    return f"formats: {', '.join(known)}"


def _kind(value: object) -> str:
    return {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}.get(
        type(value), "a number"
    )
