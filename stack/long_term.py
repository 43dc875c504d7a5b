"""The long-term store: VictoriaMetrics, and vmauth in front of it, where LONG_TERM_STORE=yes.

Prometheus writes to vmauth, Grafana and the proxy read from it. Both servers answer only to the
stack's credential; vmauth passes on what Prometheus writes and what is asked, and nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from stack import credential, internal
from stack.parts import is_exporter_alone
from stack.settings import VICTORIAMETRICS, VMAUTH, Part, Settings

FOLDER, NAME = "vmauth", "auth.yml"
OVERLAY = "docker-compose.long-term.yml"
PARTS = (VICTORIAMETRICS, VMAUTH)
# On which they listen in their containers.
CONTAINER_PORTS = {VICTORIAMETRICS: 8428, VMAUTH: 8427}
# What asks and changes nothing, as vmauth matches paths: whole ones.
READ_PATHS = (
    "/api/v1/(query|query_range|query_exemplars|series|labels|metadata|format_query)",
    "/api/v1/label/[^/]+/values",
    "/api/v1/status/buildinfo",
)
WRITE_PATHS = ("/api/v1/write",)
# What VictoriaMetrics does otherwise by default. An instant query, and each point of a range query,
# finds a sample for 5 minutes, as in Prometheus; by default that depends on how far the samples of
# a series are apart. Nothing is held back as not yet complete. Answers are not cached: one given
# while samples of the past came in, after an absence or by long-term-fill, would go on lacking
# those that were not searchable yet. Of samples that the two Prometheus
# of HIGH_AVAILABILITY=yes write within a second, one stays; sparse series are equal in both anyway.
FLAGS = (
    "-search.maxStalenessInterval=5m",
    "-search.minStalenessInterval=5m",
    "-search.latencyOffset=0s",
    "-search.disableCache",
    "-dedup.minScrapeInterval=1s",
    # Its caches; the default is 60 % of the machine's memory.
    "-memory.allowedBytes=500MB",
    "-http.disableCORS",
    "-loggerTimezone=Local",
)


def is_on(settings: Settings) -> bool:
    """Whether this stack has one; an exporter alone has nothing to write to it."""
    return settings["LONG_TERM_STORE"] == "yes" and not is_exporter_alone(settings)


def parts(settings: Settings) -> Sequence[Part]:
    """The parts that this stack has for it."""
    return PARTS if is_on(settings) else ()


def history_url(settings: Settings, vmauth_url: str, prometheus_url: str) -> str:
    """Where Grafana's data source of the dashboard History leads."""
    return vmauth_url if is_on(settings) else prometheus_url


def write(settings: Settings, store: str) -> None:
    """Write what vmauth reads, which has the stack's secret; `store` is VictoriaMetrics' address.

    Raises:
        OSError: it cannot be written.
    """
    folder = settings.state_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    credential.share(folder, settings)
    secret = credential.read(settings)
    backend = f"http://{credential.USER}:{secret}@{store}"
    user = {
        "username": credential.USER,
        "password": secret,
        "url_map": [{"src_paths": [*READ_PATHS, *WRITE_PATHS], "url_prefix": backend}],
    }
    text = yaml.safe_dump({"users": [user]}, sort_keys=False)
    credential.write_shared(folder / NAME, text, settings)


def store_argv(
    program: Sequence[str], settings: Settings, listen: str, data: str, secret: Path
) -> list[str]:
    """The words that run VictoriaMetrics; `secret` is the credential's file."""
    return [
        *program,
        f"-storageDataPath={data}",
        f"-retentionPeriod={settings['LONG_TERM_RETENTION']}",
        *FLAGS,
        *_listening(listen, secret),
    ]


def vmauth_argv(program: Sequence[str], listen: str, config: str, secret: Path) -> list[str]:
    """The words that run vmauth; its own pages, such as /metrics, ask for the credential."""
    return [
        *program,
        f"-auth.config={config}",
        "-configCheckInterval=1s",  # as the proxy looks for a changed configuration
        *_listening(listen, secret),
    ]


def scrape_jobs(settings: Settings, addresses: Mapping[Part, str]) -> Iterator[dict[str, Any]]:
    """The scrape jobs of both, for Prometheus' configuration; what is kept is what is used."""
    if not is_on(settings):
        return
    for part in PARTS:
        yield {
            "job_name": part.name,
            "basic_auth": {"username": credential.USER, "password_file": "internal/credential"},
            "static_configs": [
                {"targets": [addresses[part]], "labels": {"instance": part.name}},
            ],
            "metric_relabel_configs": [
                {
                    "source_labels": ["__name__"],
                    "action": "keep",
                    "regex": "vm_(app_version|data_size_bytes|free_disk_space_bytes|rows|"
                    "rows_inserted_total|storage_is_read_only)|"
                    "process_(cpu_seconds_total|resident_memory_bytes|start_time_seconds)",
                }
            ],
        }


def compose_variables(settings: Settings) -> dict[str, str]:
    """What docker-compose.long-term.yml and Grafana's service are filled in with."""
    store = str(internal.ports(settings).get(VICTORIAMETRICS.name, 0))
    url = history_url(settings, f"http://{VMAUTH.name}:{CONTAINER_PORTS[VMAUTH]}", "")
    return {"INTERNAL_VICTORIAMETRICS_PORT": store, **({"HISTORY_URL": url} if url else {})}


def _listening(listen: str, secret: Path) -> tuple[str, ...]:
    return (
        f"-httpListenAddr={listen}",
        f"-httpAuth.username={credential.USER}",
        f"-httpAuth.password=file://{secret}",
    )
