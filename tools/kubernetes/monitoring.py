"""ServiceMonitor and PrometheusRule of the Prometheus operator (monitoring.coreos.com/v1)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

API_VERSION = "monitoring.coreos.com/v1"
NAME = "benchmark-exporter"
SECRET, CREDENTIAL_KEY = "benchmark-exporter", "credential"
# Replaced by the namespace that the kustomization chooses.
NAMESPACE = "benchmarks"

# Of the stack's own servers and machine, which kube-prometheus-stack watches by rules of its own:
# they would match every server and node of a cluster.
STACK_GROUPS = frozenset(
    {
        *("targets", "availability", "host", "disk"),
        *("evaluation", "notifications", "storage", "remote-write"),
    }
)
STACK_ALERTS = frozenset(
    {
        "AlertmanagerConfigReloadFailed",
        "NotificationsFailing",
        "PrometheusConfigReloadFailed",
        "Watchdog",
    }
)

_LIMITS = {
    "sample_limit": "sampleLimit",
    "label_limit": "labelLimit",
    "label_name_length_limit": "labelNameLengthLimit",
    "label_value_length_limit": "labelValueLengthLimit",
}
# What differs after a restart would make other series of the same benchmark, and so other alerts.
_STABLE_LABELS: Sequence[Mapping[str, Any]] = (
    {
        "sourceLabels": ["__meta_kubernetes_namespace", "__meta_kubernetes_service_name"],
        "separator": "/",
        "targetLabel": "instance",
    },
    {"action": "labeldrop", "regex": "pod|container|endpoint|service|node"},
)


def service_monitor(prometheus: Mapping[str, Any]) -> dict[str, Any]:
    """The scrape jobs of the exporter in prometheus.yml, with their names as labels `job`."""
    jobs = [job for job in prometheus["scrape_configs"] if job["job_name"].startswith(NAME)]
    limits = {
        (ours, theirs): {job[ours] for job in jobs if ours in job}
        for ours, theirs in _LIMITS.items()
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "ServiceMonitor",
        "metadata": {"name": NAME},
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/component": NAME}},
            **{theirs: max(values) for (_, theirs), values in limits.items() if values},
            "endpoints": [_endpoint(job) for job in jobs],
        },
    }


def _endpoint(job: Mapping[str, Any]) -> dict[str, Any]:
    timeout = {"scrapeTimeout": job["scrape_timeout"]} if "scrape_timeout" in job else {}
    return {
        "port": "http",
        "path": job.get("metrics_path", "/metrics"),
        "params": job["params"],
        "interval": job["scrape_interval"],
        **timeout,
        "authorization": {"credentials": {"name": SECRET, "key": CREDENTIAL_KEY}},
        "relabelings": [{"targetLabel": "job", "replacement": job["job_name"]}, *_STABLE_LABELS],
    }


def prometheus_rule(files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The rules about results and the exporter, without those about the stack's own servers."""
    return {
        "apiVersion": API_VERSION,
        "kind": "PrometheusRule",
        "metadata": {"name": NAME},
        "spec": {"groups": list(_groups(files))},
    }


def _groups(files: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for group in (group for file in files for group in file["groups"]):
        rules = [_rule(rule) for rule in group["rules"] if rule.get("alert") not in STACK_ALERTS]
        if group["name"] not in STACK_GROUPS and rules:
            yield {**group, "name": f"{NAME}-{group['name']}", "rules": rules}


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    if "alert" not in rule:
        return dict(rule)
    return {**rule, "labels": {**rule["labels"], "namespace": NAMESPACE}}
