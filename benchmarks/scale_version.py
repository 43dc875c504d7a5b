"""Exporters of several checkouts, each scraped as its own prometheus.yml says."""

import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import yaml

from benchmarks import servers
from benchmarks.servers import BenchmarkError, Server
from stack.settings import ROOT

JOB, SLOW_JOB = "benchmark-exporter", "benchmark-exporter-slow"


@dataclass(frozen=True, slots=True)
class Version:
    """An exporter to measure: its name, its checkout, and what Prometheus scrapes of it."""

    name: str
    checkout: Path
    fast: str  # path and query, each second
    slow: str  # every `slow_seconds`
    slow_seconds: float

    def start(self, folder: Path) -> AbstractContextManager[Server]:
        own = self.checkout / ".venv/bin/python"
        python = str(own) if own.exists() else sys.executable
        source = f"PYTHONPATH={self.checkout / 'exporter'}"
        return servers.exporter(folder, program=("env", source, python, "-m", "benchmark_exporter"))

    def ready_seconds(self, folder: Path) -> float:
        """Return the seconds from the start until it is ready, the least of three times."""
        seconds = []
        for _ in range(3):
            with self.start(folder) as server:
                seconds.append(server.ready_seconds)
        return min(seconds)


def version(name: str, checkout: Path) -> Version:
    """Return the exporter of a checkout, scraped as its prometheus.yml says.

    Raises:
        BenchmarkError: the checkout has no exporter, or Prometheus does not scrape it.
    """
    path = checkout / "prometheus/prometheus.yml"
    try:
        jobs = {job["job_name"]: job for job in yaml.safe_load(path.read_text())["scrape_configs"]}
        fast, slow = jobs[JOB], jobs[SLOW_JOB]
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise BenchmarkError(
            f"{checkout} is not a checkout whose Prometheus has the jobs {JOB} and {SLOW_JOB}"
        ) from error
    seconds = float(str(slow["scrape_interval"]).removesuffix("s"))
    return Version(name, checkout.resolve(), _path(fast), _path(slow), seconds)


def this_version() -> Version:
    return version("this checkout", ROOT)


def _path(job: dict[str, object]) -> str:
    parameters = job.get("params") or {}
    query = urlencode(parameters, doseq=True, safe="[]")  # type: ignore[arg-type]  # as in YAML
    return f"{job.get('metrics_path', '/metrics')}?{query}"
