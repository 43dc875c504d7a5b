"""The exporters of other teams and hosts that this stack's Prometheus scrapes.

Each comes from EXPORTERS in .env, or from a file of prometheus/exporters.d/ that says in the words
of Prometheus where a group is found: by a file, HTTP, DNS or any other discovery. Each group is
scraped as the stack's own exporter is, by the same two jobs, with credentials of its own.
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from benchmark_exporter.config_file.mistakes import yaml_mistake
from stack.settings import SECRETS, Settings, StackError

# Below prometheus.yml: the files of the user, and the credentials.
FOLDER, CREDENTIALS = "exporters.d", "exporters"
JOBS = ("benchmark-exporter", "benchmark-exporter-slow")
# What a file may say; the rest is as for the stack's own exporter.
DISCOVERY = re.compile(r"static_configs|[a-z0-9]+(_[a-z0-9]+)*_sd_configs")
CONNECTION = (
    *("scheme", "metrics_path", "authorization", "basic_auth", "oauth2", "tls_config"),
    *("proxy_url", "follow_redirects", "enable_http2"),
    *("relabel_configs", "metric_relabel_configs"),
)
AUTHORIZATIONS = ("authorization", "basic_auth", "oauth2")
HOST = r"([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])"
ADDRESS = re.compile(rf"(https?://)?{HOST}(:[0-9]{{1,5}})?(/[A-Za-z0-9_.~/-]*)?")


@dataclass(frozen=True, slots=True)
class Group:
    """Exporters that are found and asked in the same way, as part of a scrape configuration."""

    name: str
    scrape: Mapping[str, Any]


def are_addresses(text: str) -> bool:
    """Whether EXPORTERS lists what can be scraped, each once."""
    addresses = text.split()
    names = [group_name(address) for address in addresses]
    return all(map(ADDRESS.fullmatch, addresses)) and len(names) == len(set(names))


def group_name(address: str) -> str:
    """What the group and the credentials of an address are called: its host and port."""
    return urlsplit(address if "://" in address else f"//{address}").netloc.replace(":", "_")


def with_exporters(document: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """A prometheus.yml that scrapes the other exporters too.

    Raises:
        StackError: a file of the user has a mistake.
    """
    own = [job for job in document["scrape_configs"] if job["job_name"] in JOBS]
    added = [_job(job, group, settings) for group in groups(settings) for job in own]
    return {**document, "scrape_configs": [*document["scrape_configs"], *added]}


def groups(settings: Settings) -> list[Group]:
    """All groups of other exporters.

    Raises:
        StackError: a file has a mistake, or two groups have one name.
    """
    found = [*_of_settings(settings), *_of_files(settings)]
    names = [group.name for group in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise StackError(f"{', '.join(twice)}: both in EXPORTERS and in prometheus/{FOLDER}")
    return found


def _of_settings(settings: Settings) -> Iterator[Group]:
    for address in settings["EXPORTERS"].split():
        parts = urlsplit(address if "://" in address else f"http://{address}")
        scrape = {
            "scheme": parts.scheme,
            "metrics_path": f"{parts.path.rstrip('/')}/metrics",
            "static_configs": [{"targets": [parts.netloc]}],
        }
        yield Group(group_name(address), scrape)


def _of_files(settings: Settings) -> Iterator[Group]:
    for path in sorted((settings.root / "prometheus" / FOLDER).glob("*.yml")):
        named = f"prometheus/{FOLDER}/{path.name}"
        try:
            scrape = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise StackError(f"{named}: is not YAML: {yaml_mistake(error)}") from error
        if not isinstance(scrape, dict) or not any(map(_is_discovery, scrape)):
            raise StackError(
                f"{named}: must say where exporters are, by static_configs or *_sd_configs"
            )
        if others := [key for key in scrape if not _is_discovery(key) and key not in CONNECTION]:
            raise StackError(
                f"{named}: {others[0]} is as for the stack's own exporter; besides discovery, "
                f"only {', '.join(CONNECTION)} can be set"
            )
        yield Group(path.stem, scrape)


def _is_discovery(key: object) -> bool:
    return isinstance(key, str) and DISCOVERY.fullmatch(key) is not None


def _job(own: Mapping[str, Any], group: Group, settings: Settings) -> dict[str, Any]:
    """One of the exporter's jobs for a group; its series have the label `job` of the own one."""
    kept = {key: value for key, value in own.items() if not _is_discovery(key)}
    del kept["basic_auth"]  # the stack's credential stays here
    job = deepcopy({**kept, **group.scrape, "job_name": f"{own['job_name']}/{group.name}"})
    relabel = {"target_label": "job", "replacement": own["job_name"]}
    job["relabel_configs"] = [*group.scrape.get("relabel_configs", ()), relabel]
    token, authority = (
        settings.secrets_dir / CREDENTIALS / f"{group.name}.{kind}" for kind in ("token", "crt")
    )
    if token.exists() and not job.keys() & set(AUTHORIZATIONS):
        _check_token(token)
        job["authorization"] = {"credentials_file": f"{CREDENTIALS}/{token.name}"}
    if authority.exists():
        trusted = {"ca_file": f"{CREDENTIALS}/{authority.name}"}
        job["tls_config"] = {**trusted, **job.get("tls_config", {})}
    return job


def _check_token(file: Path) -> None:
    """Raises StackError where Prometheus would send more than a token."""
    words = file.read_text(encoding="utf-8").split()
    if len(words) != 1:
        raise StackError(
            f"{SECRETS / CREDENTIALS / file.name} must hold one token alone, not {len(words)} "
            "words; of a line in the exporter's secrets/exporter/scrape_tokens it is the last one"
        )
